"""Complaints of people elsewhere, as their server reports them (ARF, RFC 5965): which of our forwarded messages is meant."""

import re
from dataclasses import dataclass

from mailcore.mail.reading import structure, text
from mailcore.mail.reading.octets import Octets
from mailcore.mail.reading.structure import Part

READ = 131_072  # octets in which a report is looked for
MAX_NAMED = 10  # of our envelope senders in one report
_TYPE = re.compile(r"(?im)^feedback-type:[ \t]{0,20}([a-z-]{1,30})")
# stands in Original-Mail-From, in Return-Path of the message behind it, or where its fields were rewritten
_SENDER = re.compile(rb"(?i)(?<![a-z0-9=])srs0=[a-z2-7]{32}(?![a-z0-9])")


@dataclass(frozen=True, slots=True)
class Feedback:
    """`kind` such as abuse, fraud or not-spam; `senders` are local parts of envelope senders that we may have made."""

    kind: str
    senders: tuple[str, ...]


def read_feedback(octets: Octets, root: Part) -> Feedback | None:
    """Read a report; None if the message is none, or names no envelope sender of ours."""
    if (root.type, root.subtype) != ("multipart", "report") or root.param("report-type").lower() != "feedback-report":
        return None
    for part in structure.leaves(root):
        if (part.type, part.subtype) == ("message", "feedback-report"):
            found = _TYPE.search(text.part_text(octets, part, 10_000))
            named = dict.fromkeys(one.decode().lower() for one in _SENDER.findall(octets[:READ]))
            return Feedback(found[1].lower(), tuple(named)[:MAX_NAMED]) if found and named else None
    return None
