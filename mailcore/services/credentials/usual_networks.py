"""Networks that an owner uses: which, for how long, how often.  A thief in the same part of the world is elsewhere (N30).

Nothing is asked of anybody: a network is what one provider has in common, an IPv4 /16 or an IPv6 /32.  Whoever was in the same
few for months is *settled*, and another one is no usual thing; whoever moves about, or is seldom seen, is not.  No I/O.
"""

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_network

from mailcore.net.address import parse_address

SETTLED_DAYS = 60  # since the first
SETTLED_USES = 5  # days on which the account was opened, at least
NEW_DAYS, NEW_AT_MOST = 90, 1  # new networks of lately, of somebody who is settled
MOST = 20  # networks of one account, the latest


@dataclass(frozen=True, slots=True)
class UsedNetwork:
    """One network; days are counted since 1970, `uses` are days on which the account was opened from it."""

    network: str
    first: int
    last: int
    uses: int


def network_of(place: str) -> str:
    """Return the network of a place (net/address.py); "" for what is no public address."""
    ip = parse_address(place.partition("/")[0])
    if ip is None or ip.is_private:
        return ""
    return str(ip_network((int(ip), 32 if isinstance(ip, IPv6Address) else 16), strict=False))


def add_uses(known: Iterable[UsedNetwork], places: Iterable[str], day: int) -> tuple[UsedNetwork, ...]:
    """Add the places from which the account was opened on a day; a day is counted once."""
    by_name = {one.network: one for one in known}
    for name in {network_of(place) for place in places} - {""}:
        one = by_name.get(name, UsedNetwork(name, day, day - 1, 0))
        if one.last < day:
            by_name[name] = dataclasses.replace(one, last=day, uses=one.uses + 1)
    return tuple(sorted(by_name.values(), key=lambda one: (-one.last, one.first, one.network))[:MOST])


def is_settled(known: Iterable[UsedNetwork], day: int) -> bool:
    """Say if another network would be unusual: long in the same few, and often enough seen there."""
    known = tuple(known)
    if sum(one.uses for one in known) < SETTLED_USES:
        return False
    first, *others = sorted(one.first for one in known)
    return first <= day - SETTLED_DAYS and sum(other > day - NEW_DAYS for other in others) <= NEW_AT_MOST


def to_text(known: Iterable[UsedNetwork]) -> str:
    """Write them for the database: `network,first,last,uses`, apart by spaces."""
    return " ".join(f"{one.network},{one.first},{one.last},{one.uses}" for one in known)


def from_text(text: str) -> tuple[UsedNetwork, ...]:
    """Read what `to_text` wrote."""
    return tuple(
        UsedNetwork(network, int(first), int(last), int(uses))
        for network, first, last, uses in (word.split(",") for word in text.split())
    )
