"""History of senders at this site: how mail of an author, of a domain and from a network ended here.  It fades with time.

A domain that nobody vouches for is believed only together with the network that brought it: anybody can write a name.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address, ip_network

from mailcore.mail.judging.arithmetic import Evidence
from mailcore.mail.judging.model import number_of
from mailcore.mail.reading.organisation import organisational

HALF_SECONDS = 30 * 86_400  # after which a message counts half
FORGOTTEN_SECONDS = 180 * 86_400
WEIGHTS = {"author": 0.6, "domain": 0.4, "network": 0.3}
MOST = 1.5  # log odds that the history of one of them gives
NEW, LEAST_SITE = 0.3, 500  # log odds of a domain never seen, at a site that has seen so many messages
# log odds of an author to whom the owner wrote or whom the owner's address book has; the second where nobody vouches for the name
KNOWN, KNOWN_BY_NAME = -2.0, -0.7
SITE = 0  # the key under which all messages are counted
_NEUTRAL = 0.5


@dataclass(frozen=True, slots=True)
class Sender:
    """`peer` is the address that brought it; `is_vouched`: DMARC passed, or SPF for the author's own organisation."""

    author: str
    peer: str
    is_vouched: bool


@dataclass(frozen=True, slots=True)
class Past:
    """Messages that ended as spam and otherwise, as they counted at `at` (seconds since 1970)."""

    spam: float
    ham: float
    at: int


def list_keys(sender: Sender) -> dict[str, int]:
    """Return the numbers under which a sender's mail is counted, by kind; numbers, so that no list of people is kept."""
    keys: dict[str, int] = {}
    wide, narrow = _networks(sender.peer)
    author = sender.author.lower()
    domain = organisational(author.rpartition("@")[2])
    if domain and (sender.is_vouched or wide):
        where = "" if sender.is_vouched else f" by {wide}"
        keys["author"] = number_of(f"author {author}{where}")
        keys["domain"] = number_of(f"domain {domain}{where}")
    if narrow:
        keys["network"] = number_of(f"network {narrow}")
    return keys


@lru_cache(maxsize=4096)
def _networks(peer: str) -> tuple[str, str]:
    """Return the wider and the narrower network around an address, or ""."""
    try:
        address = ip_address(peer)
    except ValueError:
        return "", ""
    if address.is_loopback or address.is_private:
        return "", ""
    wide, narrow = (16, 24) if address.version == 4 else (32, 48)
    return str(ip_network((int(address), wide), strict=False)), str(ip_network((int(address), narrow), strict=False))


def weigh_correspondent(*, is_vouched: bool) -> tuple[str, float]:
    """Say what it speaks for that the owner knows the author; that name alone is easily written by others."""
    return "history:known to the owner", KNOWN if is_vouched else KNOWN_BY_NAME


def fade(past: Past, now: int) -> Past:
    """Return what it counts now."""
    left = 0.5 ** (max(0, now - past.at) / HALF_SECONDS)
    return Past(past.spam * left, past.ham * left, now)


def weigh_history(keys: Mapping[str, int], pasts: Mapping[int, Past], now: int) -> Evidence:
    """Weigh the past of a sender, as log odds of each kind."""
    evidence: list[tuple[str, float]] = []
    for kind, key in keys.items():
        if past := pasts.get(key):
            faded = fade(past, now)
            odds = WEIGHTS[kind] * math.log((faded.spam + _NEUTRAL) / (faded.ham + _NEUTRAL))
            evidence.append((f"history:of the {kind}", max(-MOST, min(MOST, odds))))
    site = pasts.get(SITE)
    if site and site.spam + site.ham >= LEAST_SITE and "domain" in keys and keys["domain"] not in pasts:
        evidence.append(("history:a new domain", NEW))
    return evidence
