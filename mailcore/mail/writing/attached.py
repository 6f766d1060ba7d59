"""A message of ours that carries one file, such as a report to another domain."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from mailcore.mail.reading import trace
from mailcore.mail.writing import composer, entities
from mailcore.mail.writing.composer import Heading
from mailcore.mail.writing.fields_out import NameAddr


def compose(
    *,
    sender: str,
    recipients: Sequence[str],
    subject: str,
    domain: str,
    now: datetime,
    kind: str,
    name: str,
    octets: bytes,
    fields: Mapping[str, str],
) -> bytes:
    """Compose the whole message; a TLS report is a multipart/report (RFC 8460 section 5.3), others are mixed."""
    heading = Heading(
        NameAddr(sender),
        tuple(map(NameAddr, recipients)),
        subject,
        now,
        trace.message_id(domain),
        auto="auto-generated",
        more=tuple(fields.items()),
    )
    words = entities.text(f"This is a report of {domain}. It is meant for programs.")
    parts = [[words], entities.file(name, kind, [octets])]
    if kind == "application/tlsrpt+gzip":
        return composer.compose(heading, entities.multipart(parts, "report", {"report-type": "tlsrpt"}))
    return composer.compose(heading, entities.multipart(parts))
