"""Delivery status notifications (RFC 3464, RFC 6522): for our senders; mail/reading/returned.py reads others."""

from datetime import datetime

from mailcore.mail.reading import header, trace
from mailcore.mail.reading.lines import one_line
from mailcore.mail.writing import composer, entities
from mailcore.mail.writing.composer import Heading
from mailcore.mail.writing.fields_out import NameAddr, media_field, token_field

MOST_DIAGNOSTIC = 900  # characters
_STATUS_PART = media_field("Content-Type", "message/delivery-status") + b"\r\n"
_HEADER_PART = media_field("Content-Type", "text/rfc822-headers")


def build(
    *,
    kind: str,
    reporting_mta: str,
    sender: str,
    recipient: str,
    original_recipient: str,
    envelope_id: str,
    status: str,
    diagnostic: str,
    remote: str,
    arrival: datetime,
    now: datetime,
    subject: str,
    words: str,
    original: bytes,
    whole: bool,
    message_id: str,
    will_retry_until: datetime | None = None,
) -> bytes:
    """Build the whole notice.

    Args:
        kind: "failed", "delayed", "relayed" or "delivered".
        sender: to whom the notice goes.
        original_recipient: `rfc822;address` as the sender named it (ORCPT), or empty.
        words: for people.
        original: its header block, returned as text/rfc822-headers; or, `whole`, all of it, which makes an 8-bit notice of
            an 8-bit message.
    """
    message = [
        ("Original-Envelope-Id", envelope_id),
        ("Reporting-MTA", f"dns; {reporting_mta}"),
        ("Arrival-Date", trace.date_header(arrival)),
    ]
    about = [
        ("Original-Recipient", original_recipient),
        ("Final-Recipient", f"{'rfc822' if recipient.isascii() else 'utf-8'}; {_ascii(recipient)}"),
        ("Action", kind),
        ("Status", status),
        ("Remote-MTA", f"dns; {remote}" if remote else ""),
        ("Diagnostic-Code", f"smtp; {_ascii(diagnostic)[:MOST_DIAGNOSTIC]}"),
        ("Will-Retry-Until", trace.date_header(will_retry_until) if will_retry_until else ""),
    ]
    heading = Heading(
        NameAddr(f"MAILER-DAEMON@{reporting_mta}", "Mail Delivery System"),
        (NameAddr(sender),),
        subject,
        now,
        message_id,
        auto="auto-replied",
    )
    status_part = [_STATUS_PART, _fields(message), b"\r\n", _fields(about)]
    encoding = entities.encoding_of([original]) if whole else "binary"
    parts = [[entities.text(words)], status_part, _returned(original, encoding)]
    outer = "8bit" if encoding == "8bit" else "7bit"
    return composer.compose(heading, entities.multipart(parts, "report", {"report-type": "delivery-status"}, outer))


def _fields(fields: list[tuple[str, str]]) -> bytes:
    return b"".join(token_field(name, value) for name, value in fields if value)


def _returned(original: bytes, encoding: str) -> list[bytes]:
    """Write the message that the notice speaks of; of one that is not in lines as mail has them, the header alone.

    A message in a message may not be encoded (RFC 2046 section 5.2.1), a header may (RFC 6522 section 4).
    """
    if encoding != "binary":
        kind = media_field("Content-Type", "message/rfc822")
        return [
            kind,
            token_field("Content-Transfer-Encoding", encoding) if encoding == "8bit" else b"",
            b"\r\n",
            original,
        ]
    block = header.split(original)[0].rstrip(b"\r\n") + b"\r\n"
    return [_HEADER_PART, b"\r\n" + block if entities.encoding_of([block]) == "7bit" else entities.encoded(block)]


def _ascii(text: str) -> str:
    """Encode text for the fields of a report (RFC 3464 section 2.1.1), with other letters as in RFC 6533 section 3."""
    text = one_line(text)
    return text if text.isascii() else "".join(c if c.isascii() else f"\\x{{{ord(c):X}}}" for c in text)
