"""Out of office: the owner's settings become a vacation rule in the generated script (RFC 5230)."""

from mailcore.core import Core
from mailcore.domain import AccountId, Away
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.sieve_scripts import filters
from mailcore.store.delivery import away as store
from mailcore.store.engine.db import Tx


def read_away(core: Core, account: AccountId) -> Away:
    return core.db.read(lambda tx: store.get_away(tx, account))


def save_away(core: Core, account: AccountId, away: Away) -> Away:
    """Save the out-of-office settings, from the next message on."""

    def write(tx: Tx) -> Away:
        store.save_away(tx, account, away)
        filters.regenerate(core, tx, account)
        audit.note(core, tx, account, Event.VACATION_ON if away.active else Event.VACATION_OFF)
        return store.get_away(tx, account)

    return core.db.write(write)
