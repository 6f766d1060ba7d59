"""Reports that machines write to postmaster@ and abuse@ by the hundred, and that nobody waits to be answered for.

DMARC aggregate reports (RFC 7489 section 7.2.1.1), TLS reports (RFC 8460 section 5.3), reports of delivery and of reading
(RFC 3464, RFC 8098), and of failed authentication (RFC 6591).  A complaint (RFC 5965, `abuse` or `fraud`) is none: behind it
stands a person whom our mail has annoyed.
"""

import re

from mailcore.mail.reading import structure, text
from mailcore.mail.reading.message import Message
from mailcore.mail.reading.octets import Octets

_REPORTS = ("tlsrpt", "delivery-status", "disposition-notification")
_FEEDBACK = re.compile(r"^feedback-type:\s*(auth-failure|dmarc|not-spam)\b", re.IGNORECASE | re.MULTILINE)
# RFC 7489: receiver "!" policy-domain "!" begin "!" end [ "!" unique-id ] "." extension
_AGGREGATE = re.compile(r"[^!\s]+![^!\s]+!\d{9,12}!\d{9,12}(![^!\s]+)?\.(xml|xml\.gz|zip|gz)", re.IGNORECASE)
_SUBJECT = re.compile(r"report\s*domain:.{1,300}submitter:.{1,300}report-id:", re.IGNORECASE)
_PACKED = {
    ("application", kind) for kind in ("gzip", "x-gzip", "zip", "x-zip", "x-zip-compressed", "octet-stream", "xml")
} | {("text", "xml")}


def is_report(message: Message) -> bool:
    """Return True if the message is a machine's report, to which nobody expects a reply."""
    octets, root = message.octets, message.root
    if (root.type, root.subtype) == ("multipart", "report"):
        kind = root.param("report-type").lower()
        return kind in _REPORTS or (kind == "feedback-report" and _is_of_machines(octets, root))
    named = any(_SUBJECT.search(value) for value in message.header.values("subject"))
    return any(
        _AGGREGATE.fullmatch(_name(part)) or named
        for part in structure.leaves(root)
        if (part.type, part.subtype) in _PACKED
    )


def _name(part: structure.Part) -> str:
    return part.filename.strip()


def _is_of_machines(octets: Octets, root: structure.Part) -> bool:
    return any(
        _FEEDBACK.search(text.part_text(octets, part, 10_000))
        for part in structure.leaves(root)
        if (part.type, part.subtype) == ("message", "feedback-report")
    )
