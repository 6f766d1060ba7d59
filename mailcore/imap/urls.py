"""IMAP URLs as CATENATE uses them (RFC 4469 section 6, RFC 5092): relative, to a message or a part of one.  No I/O."""

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from mailcore.errors import InvalidName
from mailcore.imap import names
from mailcore.imap.sections import Section, parse_section
from mailcore.wire.reader import Reader, SyntaxProblem

_URL = re.compile(
    r"(?:/(?P<mailbox>[^;?]+)(?:;UIDVALIDITY=(?P<validity>\d{1,10}))?)?/?;UID=(?P<uid>\d{1,10})"
    r"(?:/;SECTION=(?P<section>[^;/]*(?:/[^;/]*)*?))?(?:/;PARTIAL=(?P<start>\d{1,10})(?:\.(?P<size>\d{1,10}))?)?\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Url:
    """`mailbox` empty: the selected one.  `uidvalidity` 0: any.  `size` None: to the end."""

    text: str
    mailbox: str
    uidvalidity: int
    uid: int
    section: Section
    start: int = 0
    size: int | None = None


class BadUrl(Exception):
    """The URL cannot be read or leads nowhere; the text is the URL."""


def parse(octets: bytes) -> Url:
    """Parse a URL.  Raises BadUrl."""
    text = octets.decode("ascii", "replace")
    found = _URL.match(text)
    if found is None or len(text) > 1000:
        raise BadUrl(text)
    try:
        mailbox = names.decode(unquote_to_bytes(found["mailbox"] or ""))
        read = Reader((unquote_to_bytes(found["section"] or "") + b"]",))
        section = parse_section(read)
        read.expect(b"]", "the end")
        read.end()
    except (InvalidName, SyntaxProblem):
        raise BadUrl(text) from None
    return Url(
        text,
        mailbox.rstrip("/"),
        int(found["validity"] or 0),
        int(found["uid"]),
        section,
        int(found["start"] or 0),
        int(found["size"]) if found["size"] else None,
    )
