"""Limits on how often somebody may do something: counted in the database, by a hash of who and what, for a day at most.

A refused try is not counted: asking on and on makes nobody wait longer, and locks out nobody else.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mailcore.core import Core
from mailcore.net.address import place, wider
from mailcore.services.limits import keys
from mailcore.store.engine.db import Tx
from mailcore.store.site.tries import add_try, count_tries, list_tries

HOUR, DAY = 3600, 86_400
MOST_RECORDED = 10  # times an hour that are recorded of one place: a program that tries all day fills no table


@dataclass(frozen=True, slots=True)
class Bound:
    """At most `limit` times within `seconds` (a day at most), counted for `who`."""

    who: str
    limit: int
    seconds: int = HOUR


def _hash_subject(core: Core, action: str, subject: str) -> str:
    return keys.compute_hmac(core.config, "tries", f"{action}\0{subject}").hex()


def _hash_subjects(core: Core, action: str, bounds: Iterable[Bound]) -> dict[str, str]:
    """Hash each of those whom the bounds name, once."""
    return {who: _hash_subject(core, action, who) for who in dict.fromkeys(bound.who for bound in bounds)}


def bounds_of_place(core: Core, peer: str, limit: int, seconds: int = HOUR) -> Iterator[Bound]:
    """Yield the bounds of a network place and of the networks around it; none for a trusted network or no peer."""
    if peer and not core.config.limits.is_trusted(peer):
        yield Bound(f"peer {place(peer)}", limit, seconds)
        yield from bounds_of_networks(core, peer, limit, seconds)


def bounds_of_networks(core: Core, peer: str, limit: int, seconds: int = HOUR) -> Iterator[Bound]:
    """Yield the bounds of the networks around the peer alone; `limit` is what one place may do."""
    if peer and not core.config.limits.is_trusted(peer):
        for network, times in wider(peer):
            yield Bound(f"network {network}", limit * times, seconds)


def is_reached(core: Core, tx: Tx, action: str, bounds: Iterable[Bound]) -> bool:
    """Say if a bound allows no more.  Nothing is counted."""
    bounds = tuple(bounds)
    return _is_reached(tx, bounds, _hash_subjects(core, action, bounds), core.clock.seconds())


def _is_reached(tx: Tx, bounds: Sequence[Bound], hashes: Mapping[str, str], now: int) -> bool:
    counts = count_tries(tx, ((hashes[bound.who], bound.seconds) for bound in bounds), now) if bounds else []
    return any(count >= bound.limit for count, bound in zip(counts, bounds, strict=True))


def count_if_allowed(core: Core, tx: Tx, action: str, bounds: Iterable[Bound]) -> bool:
    """Count one for each bound; False where one allows no more, and then nothing is counted."""
    bounds, now = tuple(bounds), core.clock.seconds()
    hashes = _hash_subjects(core, action, bounds)
    if _is_reached(tx, bounds, hashes, now):
        return False
    for one in hashes.values():
        add_try(tx, one, now)
    return True


def count_try(core: Core, tx: Tx, action: str, bounds: Iterable[Bound]) -> None:
    """Count one for each of those whom the bounds name, whatever the limits."""
    now = core.clock.seconds()
    for one in _hash_subjects(core, action, bounds).values():
        add_try(tx, one, now)


def is_over_limit(core: Core, tx: Tx, action: str, subject: str, *, limit: int, seconds: int = HOUR) -> bool:
    """Say if one more is above the limit; if it is not, it is counted."""
    return not count_if_allowed(core, tx, action, [Bound(subject, limit, seconds)])


def record_peer(core: Core, action: str, peer: str) -> None:
    """Record that somebody at this place did it, without waiting for the disk, at most MOST_RECORDED times an hour."""
    core.db.post(lambda tx: count_if_allowed(core, tx, action, [Bound(f"peer {place(peer)}", MOST_RECORDED)]))


def list_peer_times(core: Core, tx: Tx, action: str, peer: str, since: int) -> list[int]:
    """Return the times at which somebody at this place did it; seconds since 1970."""
    return list_tries(tx, _hash_subject(core, action, f"peer {place(peer)}"), since)
