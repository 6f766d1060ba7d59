"""Reports of other servers on mail that went out: by RFC 3464, and returned mail in the forms before it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mailcore.mail.reading import header, structure, text
from mailcore.mail.reading.comments import without_comments
from mailcore.mail.reading.structure import Part

MOST_READ = 256 * 1024  # octets
MOST_TOLD = 500  # characters of a diagnostic
_REPORT = 16_384  # octets of the part that tells
_KINDS = ("delivery-status", "global-delivery-status")
_ACTIONS = ("failed", "delayed", "delivered", "relayed", "expanded")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_GROUP = re.compile(rb"\r?\n[ \t]*\r?\n")
# a report whose parts nobody can find
_STRAY = re.compile(rb"(?im)^content-type:[ \t]*message/(?:global-)?delivery-status\b[^\n]*\n")
_QMAIL = "hi. this is the "  # as all such messages begin (QSBMF, which qmail and others write)
_QMAIL_STATUS = re.compile(r"#([245]\.\d{1,3}\.\d{1,3})")
_REPLY = re.compile(r"\b5\d\d[ -][^\n]{1,200}")


@dataclass(frozen=True, slots=True)
class Returned:
    """Result for the first recipient that another server's report names."""

    action: str  # failed, delayed, delivered, relayed, expanded
    status: str
    diagnostic: str


def read_returned(octets: bytes) -> Returned | None:
    """Read the report of another server; None if the message is no report.  Nothing is raised."""
    octets = octets[:MOST_READ]
    root = structure.parse(octets)
    for part in _own_parts(root):
        is_report = part.type == "message" and part.subtype in _KINDS
        if is_report and (found := _read_report(text.transfer_decoded(octets, part, _REPORT))):
            return found
    stray = _STRAY.search(octets)
    if stray and (found := _read_report(octets[stray.end() : stray.end() + _REPORT])):
        return found
    return _read_older(octets, root)


def _own_parts(part: Part) -> Iterator[Part]:
    """Give the leaves of the report itself, and none of what was returned."""
    if part.type != "multipart":
        yield part
        return
    for child in part.contents:
        yield from _own_parts(child)


def _read_report(report: bytes) -> Returned | None:
    for group in _GROUP.split(report):
        fields = {name.lower(): header.unfold(value).decode("utf-8", "replace") for name, value in header.fields(group)}
        status = _STATUS.search(without_comments(fields.get("status", "")))
        action = without_comments(fields.get("action", "")).strip().lower()
        if action not in _ACTIONS and "final-recipient" in fields and status:  # some leave it out
            action = {"2": "delivered", "4": "delayed"}.get(status[0][0], "failed")
        if action in _ACTIONS:
            told = " ".join(fields.get("diagnostic-code", "").split())[:MOST_TOLD]
            return Returned(action, status[0] if status else "", told)
    return None


def _read_older(octets: bytes, root: Part) -> Returned | None:
    """Read what qmail writes, and Exim and others that name who did not get it in a field."""
    first = next((part for part in _own_parts(root) if part.type == "text"), None)
    written = text.part_text(octets, first, _REPORT).replace("\r\n", "\n") if first else ""
    is_named = bool(header.raw_values(octets[root.header_start : root.body_start], "x-failed-recipients"))
    if not is_named and not written.lstrip().lower().startswith(_QMAIL):
        return None
    status, reply = _QMAIL_STATUS.search(written), _REPLY.search(written)
    return Returned("failed", status[1] if status else "", " ".join(reply[0].split()) if reply else "")
