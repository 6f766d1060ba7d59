"""A message that we write: its heading, and an entity of mail/writing/entities.py.  Whatever we send or file is written here.

What must stay true of every one of them: ASCII, except where somebody's own octets or address go along; lines that end
with CRLF and have at most 998 octets; nothing that a stranger wrote begins a line of the header.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mailcore.mail.reading import address, trace
from mailcore.mail.writing import fields_out
from mailcore.mail.writing.fields_out import NameAddr

MIME_VERSION = b"MIME-Version: 1.0\r\n"


@dataclass(frozen=True, slots=True)
class Heading:
    """Header of a message to be written: author, recipients, subject, and the like.

    `answers` are the identifiers of the conversation, of which the last is answered; `auto` is Auto-Submitted
    (RFC 3834); `more` are other fields by name.
    """

    author: NameAddr
    to: tuple[NameAddr, ...]
    subject: str
    at: datetime
    message_id: str
    cc: tuple[NameAddr, ...] = ()
    reply_to: tuple[NameAddr, ...] = ()
    answers: tuple[str, ...] = ()
    auto: str = ""
    more: tuple[tuple[str, str], ...] = ()


def named(spec: str, written: str | bytes) -> NameAddr:
    """Parse an address with the name for people that was written with it, by a person, a script or a header field."""
    return NameAddr(spec, next((one.name for one in address.parse(written)), ""))


def head(heading: Heading) -> bytes:
    """Write the fields that are no Content fields, without the blank line."""
    return b"".join(
        (
            fields_out.people_field("From", [heading.author]),
            fields_out.people_field("To", heading.to),
            fields_out.people_field("Cc", heading.cc),
            fields_out.people_field("Reply-To", heading.reply_to),
            fields_out.text_field("Subject", heading.subject),
            fields_out.token_field("Date", trace.date_header(heading.at)),
            fields_out.ids_field("Message-ID", [heading.message_id]),
            fields_out.ids_field("In-Reply-To", heading.answers[-1:]),
            fields_out.ids_field("References", heading.answers),
            fields_out.token_field("Auto-Submitted", heading.auto) if heading.auto else b"",
            *(fields_out.field(name, value) for name, value in heading.more),
            MIME_VERSION,
        )
    )


def compose(heading: Heading, entity: bytes | Iterable[bytes]) -> bytes:
    """Compose the whole message."""
    return head(heading) + (entity if isinstance(entity, bytes) else b"".join(entity))
