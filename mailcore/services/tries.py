"""How often strangers may do something: counted in the database, by a hash of who and what, for a day at most."""

from mailcore.core import Core
from mailcore.errors import TooMany
from mailcore.peers import place
from mailcore.services import keys
from mailcore.store import reach as store
from mailcore.store.db import Tx

HOUR, DAY = 3600, 86_400


def _mark(core: Core, action: str, who: str) -> str:
    return keys.mark(core.config, "tries", f"{action}\0{who}").hex()


def over(core: Core, tx: Tx, action: str, who: str, *, limit: int, seconds: int = HOUR) -> bool:
    """Count one; was it above the limit?"""
    return store.count(tx, _mark(core, action, who), core.clock.seconds(), seconds) > limit


def check_peer(core: Core, action: str, peer: str, *, limit: int, seconds: int = HOUR) -> None:
    """Raises TooMany, unless the peer's network is trusted."""
    if not peer or core.config.limits.is_trusted(peer):
        return
    if core.db.write(lambda tx: over(core, tx, action, f"peer {place(peer)}", limit=limit, seconds=seconds)):
        raise TooMany("too many tries from this address; wait an hour")


def check_failures(core: Core, action: str, peer: str, who: str, *, limit: int, in_all: int, seconds: int = HOUR) -> None:
    """The same where only failures count (`count_failure`): a whole campus may come from one address.

    Args:
        who: whose name is tried; `limit` is for the name from this address, `in_all` for all names from it.

    Raises:
        TooMany.
    """
    if not peer or core.config.limits.is_trusted(peer):
        return
    where, now = place(peer), core.clock.seconds()

    def is_over(tx: Tx) -> bool:
        each = _mark(core, action, f"peer {where} {who}"), _mark(core, action, f"peer {where}")
        return store.tried(tx, each[0], now, seconds) >= limit or store.tried(tx, each[1], now, seconds) >= in_all

    if core.db.read(is_over):
        raise TooMany("too many failures from this address; wait an hour")


def count_failure(core: Core, action: str, peer: str, who: str) -> None:
    where = place(peer)

    def write(tx: Tx) -> None:
        for text in (f"peer {where}", f"peer {where} {who}"):
            over(core, tx, action, text, limit=0)

    core.db.write(write)


def note_peer(core: Core, action: str, peer: str, *, most: int = 10) -> None:
    """That somebody at this place did it, without waiting for the disk; the same again and again is not written down."""
    what, now = _mark(core, action, f"peer {place(peer)}"), core.clock.seconds()

    def write(tx: Tx) -> None:
        if store.tried(tx, what, now, HOUR) < most:
            store.count(tx, what, now, HOUR)

    core.db.post(write)


def of_peer(core: Core, tx: Tx, action: str, peer: str, since: int) -> list[int]:
    """When somebody at this place did it; seconds since 1970."""
    return store.times(tx, _mark(core, action, f"peer {place(peer)}"), since)
