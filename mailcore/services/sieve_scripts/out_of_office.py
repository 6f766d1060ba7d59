"""Out of office: what the owner wishes becomes a vacation rule in the generated script (RFC 5230)."""

from mailcore.core import Core
from mailcore.domain import AccountId, Away
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.sieve_scripts import filters
from mailcore.store.delivery import away as store
from mailcore.store.engine.db import Tx


def get(core: Core, account: AccountId) -> Away:
    return core.db.read(lambda tx: store.get_away(tx, account))


def save(core: Core, account: AccountId, wish: Away) -> Away:
    """From the next message on."""

    def write(tx: Tx) -> Away:
        store.save_away(tx, account, wish)
        filters.regenerate(core, tx, account)
        audit.note(core, tx, account, Event.VACATION_ON if wish.active else Event.VACATION_OFF)
        return store.get_away(tx, account)

    return core.db.write(write)
