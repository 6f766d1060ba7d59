"""Limits on how often somebody may do something: counted in the database, by a hash of who and what, for a day at most.

A refused try is not counted: asking on and on makes nobody wait longer, and locks out nobody else.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mailcore.core import Core
from mailcore.errors import TooMany
from mailcore.net.address import place, wider
from mailcore.services.limits import keys
from mailcore.store.engine.db import Tx
from mailcore.store.people import contact_addresses as store

HOUR, DAY = 3600, 86_400


@dataclass(frozen=True, slots=True)
class Bound:
    """At most `limit` times within `seconds` (a day at most), counted for `who`."""

    who: str
    limit: int
    seconds: int = HOUR


def _mark(core: Core, action: str, who: str) -> str:
    return keys.mark(core.config, "tries", f"{action}\0{who}").hex()


def of_place(core: Core, peer: str, limit: int, seconds: int = HOUR) -> Iterator[Bound]:
    """Bounds of a network place and of the networks around it; none for a trusted network or no peer."""
    if peer and not core.config.limits.is_trusted(peer):
        yield Bound(f"peer {place(peer)}", limit, seconds)
        yield from of_networks(core, peer, limit, seconds)


def of_networks(core: Core, peer: str, limit: int, seconds: int = HOUR) -> Iterator[Bound]:
    """Yield the bounds of the networks around the peer alone; `limit` is what one place may do."""
    if peer and not core.config.limits.is_trusted(peer):
        for network, times in wider(peer):
            yield Bound(f"network {network}", limit * times, seconds)


def is_reached(core: Core, tx: Tx, action: str, bounds: Iterable[Bound]) -> bool:
    """Say if a bound allows no more.  Nothing is counted."""
    now = core.clock.seconds()
    return any(store.tried(tx, _mark(core, action, one.who), now, one.seconds) >= one.limit for one in bounds)


def take(core: Core, tx: Tx, action: str, bounds: Iterable[Bound]) -> bool:
    """Count one for each bound; False where one allows no more, and then nothing is counted."""
    bounds = tuple(bounds)
    if is_reached(core, tx, action, bounds):
        return False
    count(core, tx, action, bounds)
    return True


def count(core: Core, tx: Tx, action: str, bounds: Iterable[Bound]) -> None:
    now = core.clock.seconds()
    for who in dict.fromkeys(one.who for one in bounds):
        store.count(tx, _mark(core, action, who), now)


def over(core: Core, tx: Tx, action: str, who: str, *, limit: int, seconds: int = HOUR) -> bool:
    """Count one, unless that would be more than the limit; was it?"""
    return not take(core, tx, action, [Bound(who, limit, seconds)])


def check_peer(core: Core, action: str, peer: str, *, limit: int, seconds: int = HOUR) -> None:
    """Raises TooMany, unless the peer's network is trusted."""
    bounds = tuple(of_place(core, peer, limit, seconds))
    if bounds and not core.db.write(lambda tx: take(core, tx, action, bounds)):
        raise TooMany("too many tries from this address; wait an hour")


def note_peer(core: Core, action: str, peer: str, *, most: int = 10) -> None:
    """Record that somebody at this place did it, without waiting for the disk, at most `most` times."""
    core.db.post(lambda tx: take(core, tx, action, [Bound(f"peer {place(peer)}", most)]))


def of_peer(core: Core, tx: Tx, action: str, peer: str, since: int) -> list[int]:
    """Return the times at which somebody at this place did it; seconds since 1970."""
    return store.times(tx, _mark(core, action, f"peer {place(peer)}"), since)
