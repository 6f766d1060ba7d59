"""Yearly reminder that an owner can fetch everything as one file (N17), unless they did so within the year."""

from functools import partial

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.notices import account_notices, notices
from mailcore.store.engine.db import Tx
from mailcore.store.people.accounts import get_account
from mailcore.store.people.audit import list_accounts_without

YEAR_SECONDS = 365 * 86_400
AT_ONCE = 200  # in one turn of the job; the others have theirs the next day


def send_reminders(core: Core) -> int:
    """Remind the owners; a job.  Returns how many were notified."""
    before = core.clock.seconds() - YEAR_SECONDS
    due = core.db.read(
        lambda tx: list_accounts_without(tx, before, (Event.TAKEN_OUT, Event.REMINDED_OF_TAKE_OUT), AT_ONCE)
    )
    for account in due:
        core.db.write(partial(_remind_owner, core, account=account))
    return len(due)


def _remind_owner(core: Core, tx: Tx, account: AccountId) -> None:
    owner = get_account(tx, account)
    account_notices.deliver_to_inbox(
        core,
        tx,
        owner,
        "takeout_reminder",
        display_name=owner.display_name or owner.name,
        used=notices.format_size(owner.used, owner.language),
    )
    audit.note(core, tx, account, Event.REMINDED_OF_TAKE_OUT)
