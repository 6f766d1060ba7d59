"""How often strangers may do something: counted in the database, by a hash of who and what, for a day at most."""

from mailcore.core import Core
from mailcore.errors import TooMany
from mailcore.services import keys
from mailcore.store import reach as store
from mailcore.store.db import Tx

HOUR, DAY = 3600, 86_400


def over(core: Core, tx: Tx, action: str, who: str, *, limit: int, seconds: int = HOUR) -> bool:
    """Count one; was it above the limit?"""
    what = keys.mark(core.config, "tries", f"{action}\0{who}").hex()
    return store.count(tx, what, core.clock.seconds(), seconds) > limit


def check_peer(core: Core, action: str, peer: str, *, limit: int, seconds: int = HOUR) -> None:
    """Raises TooMany, unless the peer's network is trusted."""
    from mailcore.services import logins  # it counts, too

    if not peer or core.config.limits.is_trusted(peer):
        return
    if core.db.write(lambda tx: over(core, tx, action, f"peer {logins.place(peer)}", limit=limit, seconds=seconds)):
        raise TooMany("too many tries from this address; wait an hour")
