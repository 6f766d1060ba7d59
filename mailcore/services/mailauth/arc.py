"""ARC chains of other servers (RFC 8617): who passed the message on, and what they saw.

A chain that verifies says who sealed, not that they tell the truth; whom to believe is a setting (`incoming.sealers`).
"""

import re
from dataclasses import dataclass

import dkim

from mailcore.mail.reading.message import Message
from mailcore.net.dns import DnsTrouble, NotKnownYet
from mailcore.services.mailauth.signatures import Arc, Ask, Keys

MAX_SETS = 10  # RFC 8617 section 4.2.1 allows 50; each costs two keys and two signatures
_DMARC_PASS = re.compile(r"(?:^|;)\s*dmarc\s*=\s*pass\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Chain:
    """Seals of a message, as they were judged.

    Attributes:
        result: none, pass, fail or temperror.
        sealers: domains, the last one first.
        dmarc_passed: the first sealer saw DMARC pass.
    """

    result: str = "none"
    sealers: tuple[str, ...] = ()
    dmarc_passed: bool = False


def verify(message: Message, ask: Ask) -> Chain:
    """Never raises for what strangers wrote.  Raises NotKnownYet."""
    sets = len(message.header.raw_values("arc-seal"))
    if not sets:
        return Chain()
    if sets > MAX_SETS:
        return Chain("fail")
    keys = Keys(ask)
    try:
        result, found, _ = Arc(message.header.block, message.octets).verify(dnsfunc=keys)
    except (NotKnownYet, DnsTrouble) as problem:
        if isinstance(problem, NotKnownYet):
            raise
        return Chain("temperror")
    except Exception:  # a library that reads strangers' fields and keys
        return Chain("fail")
    if keys.trouble:
        return Chain("temperror")
    if result != dkim.CV_Pass:
        return Chain("fail")
    sealers = tuple(one["as-domain"].decode("ascii", "replace").strip().lower() for one in found)
    first = found[-1].get("aar-value", b"").decode("latin-1")
    return Chain("pass", sealers, bool(_DMARC_PASS.search(first)))
