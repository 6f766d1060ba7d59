"""Waking an account that sleeps: each way that proves its owner by more than a password does it, at once (N30).

A link at a confirmed contact address, a printed code, the desk's link, a log-in elsewhere, a passkey, the second step, and
the password in a browser in which the owner has logged in before.
"""

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.notices import account_notices
from mailcore.store.engine.db import Tx
from mailcore.store.people import presence as store
from mailcore.store.people.accounts import get_account


def wake(core: Core, tx: Tx, account: AccountId, *, actor: str = "") -> bool:
    """Wake an account, and tell its owner by their contact addresses; False if it did not sleep."""
    if not store.wake_account(tx, account):
        return False
    store.save_sign(tx, account, core.clock.seconds())
    audit.note(core, tx, account, Event.WOKEN, actor=actor)
    account_notices.notify_owner(core, tx, get_account(tx, account), "woken", box=False)
    return True


def wake_account(core: Core, account: AccountId, *, actor: str = "") -> bool:
    """Wake an account whose owner has just been proved."""
    return core.db.write(lambda tx: wake(core, tx, account, actor=actor))
