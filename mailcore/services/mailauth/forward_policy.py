"""The policy for forwarding to an outside address, and in what form: a forecast of DMARC at the target after our hop.

SPF then speaks of our SRS sub-domain and never of the author; a signature of the author's survives, as no octet
changes.  What nobody vouches for is not laundered by our good name.
"""

import re
from enum import StrEnum

from mailcore.config import Config
from mailcore.domain import Disposition, Verdict
from mailcore.mail.reading import address, header
from mailcore.mail.reading.fields import Header
from mailcore.mail.reading.lines import one_line
from mailcore.mail.reading.message import Message
from mailcore.mail.writing.fields_out import NameAddr, people_field, text_field

_SIGNATURE = re.compile(rb"(?im)^(DKIM-Signature[ \t]*:)")


class Passage(StrEnum):
    UNTOUCHED = "untouched"
    REWRITE = "rewrite"  # the author's field must name us to pass
    KEEP = "keep"  # it stays here, where it is filed
    JUNK = "junk"  # it stays here, as junk


def forecast(config: Config, verdict: Verdict, unsafe: str = "", *, changed: bool = False) -> Passage:
    """Predict what becomes of a Redirect of this message.

    Args:
        unsafe: the owner's choice, "" = as the site has it.
        changed: a script wrote the message anew, so that the author's signature does not survive.
    """
    if not verdict.outside:
        return Passage.UNTOUCHED
    vouched = verdict.spf_aligned or verdict.dkim_aligned
    if verdict.disposition is not Disposition.ACCEPT or verdict.scan.junk:
        return Passage.JUNK
    if verdict.dmarc == "fail" and not verdict.sealed:
        return Passage.JUNK
    if config.is_ours(verdict.author) and not vouched:
        return Passage.JUNK
    if verdict.dmarc == "none" and verdict.spf in ("fail", "softfail") and not verdict.dkim_aligned:
        # a signature of somebody else says who passed it on, and not that it is the author's
        return Passage.KEEP if verdict.dkim == "pass" else Passage.JUNK
    if verdict.dmarc == "temperror" and not vouched:
        return Passage.KEEP
    # A policy that DNS did not tell may be any; a message without an author is refused by many.
    strict = verdict.policy in ("quarantine", "reject") or verdict.dmarc == "temperror" or not verdict.author
    if strict and (changed or not verdict.dkim_aligned):
        return Passage.REWRITE if (unsafe or config.forwarding.unsafe) == "rewrite" else Passage.KEEP
    return Passage.UNTOUCHED


def is_by(fields: Header, own: str) -> bool:
    """Check that `own` is the one author that the header names."""
    authors = [one.spec.lower() for one in fields.authors]
    return authors == [own.lower()] and len(fields.raw_values("from")) == 1


def with_own_author(message: Message, own: str) -> bytes:
    """The message as from `own`: the author's name "via" us, Reply-To leading to them, the field kept beside it.

    Signatures, which all cover From, cannot verify any more: they are renamed, so that none arrives broken.
    """
    fields = message.header
    written = (fields.raw_values("from") or [b""])[0]
    specs = address.addr_specs(written)
    name = f"{one_line(address.display_name(written))} via Alumnimail".strip()
    added = people_field("From", [NameAddr(own, name)])
    if not fields.has("reply-to"):
        added += people_field("Reply-To", map(NameAddr, specs[:1]))
    if written:
        added += text_field("X-Original-From", header.decode(written))
    rest = b"".join(raw for field, raw, _ in fields.pieces if field.lower() not in ("", "from"))
    return added + _SIGNATURE.sub(rb"X-Original-\1", rest) + b"\r\n" + message.octets[len(fields.block) :]
