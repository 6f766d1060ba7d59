"""What was done to an account, by whom and when: for its owner and for the help desk."""

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.store.db import Tx
from mailcore.store.people import AuditEntry


def note(core: Core, tx: Tx, account: AccountId | None, event: str, *, actor: str = "", detail: str = "") -> None:
    """Record an event in the transaction of what it tells of.  No passwords, no message text."""
    core.people.add_audit(tx, account, core.clock.seconds(), actor, event, detail)


def listing(core: Core, account: AccountId, limit: int = 100) -> list[AuditEntry]:
    """Newest first."""
    return core.db.read(lambda tx: core.people.audit(tx, account, limit))
