"""The quota of an account: set by staff, or raised for a time (a loan to the owner, a grant of the help desk).

A quota that falls below what is used deletes nothing; the box is then over quota.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mailcore.config import MOST_OCTETS
from mailcore.config import octets as parse_octets
from mailcore.core import Core
from mailcore.domain import Account, AccountId, AccountState
from mailcore.errors import ConfigError, NotAllowed
from mailcore.saying import Saying
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.notices import account_notices, notices
from mailcore.services.quota import quota_warnings
from mailcore.store.engine.db import Tx
from mailcore.store.mail import quota as store
from mailcore.store.mail.quota import Extra, ExtraKind
from mailcore.store.people.accounts import get_account, save_quota

LOAN_PERCENT = 20
LOAN_TIME = timedelta(days=14)
LOAN_EVERY = timedelta(days=365)
DESK_LEAST, DESK_DAYS = 1024, 3650


@dataclass(frozen=True, slots=True)
class Loan:
    """The loan of quota that the owner has, or may take.

    Attributes:
        octets: of the loan that runs, or of the one that may be taken.
        until: the end of the loan that runs, None if there is none.
        possible_from: when the next may be taken; None = now, or never for unlimited accounts.
    """

    octets: int
    until: datetime | None = None
    possible_from: datetime | None = None


def find_loan(core: Core, account: AccountId) -> Loan:
    """Return the account's running loan, or the one that it may take."""
    return core.db.read(lambda tx: _loan(core, tx, get_account(tx, account)))


def _loan(core: Core, tx: Tx, owner: Account) -> Loan:
    last = store.find_last_extra(tx, owner.id, ExtraKind.LOAN)
    running = next((extra for extra in store.list_running(tx, owner.id) if extra.kind == ExtraKind.LOAN), None)
    if running is not None:
        return Loan(running.octets, running.until, running.at + LOAN_EVERY)
    may_from = last.at + LOAN_EVERY if last else None
    return Loan(owner.quota * LOAN_PERCENT // 100, None, may_from if may_from and may_from > core.clock.now() else None)


def borrow(core: Core, account: AccountId) -> Account:
    """Lend the owner a fifth more quota for fourteen days, once a year (N21).  Raises NotAllowed."""

    def write(tx: Tx) -> Account:
        owner = get_account(tx, account)
        possible = _loan(core, tx, owner)
        if not owner.quota or possible.until or possible.possible_from:
            raise NotAllowed(Saying("Room can be borrowed once a year."))
        now = core.clock.now()
        store.add_extra(
            tx, account, ExtraKind.LOAN, possible.octets, int(now.timestamp()), int((now + LOAN_TIME).timestamp())
        )
        audit.note(core, tx, account, Event.QUOTA_LOAN, actor=owner.name, detail=f"{possible.octets} octets")
        quota_warnings.warn_if_needed(core, tx, account)
        return get_account(tx, account)

    return core.db.write(write)


def change_quota(
    core: Core, account: AccountId, octets: int, *, actor: str = "", until: datetime | None = None, notify: bool = False
) -> Account:
    """Set the quota, at once for every protocol.

    Args:
        octets: 0 = unlimited.
        until: its end, when the quota becomes again what it was; None = for good.
        notify: send the owner a notice.

    Raises:
        NotAllowed: a quota with an end must be larger than the one before; or it is out of all bounds.
    """
    if not 0 <= octets <= MOST_OCTETS:
        raise NotAllowed(Saying("That is not a valid quota."))

    def write(tx: Tx) -> Account:
        before = get_account(tx, account)
        now = core.clock.seconds()
        if until is None:
            store.end_running(tx, account, now)
            save_quota(tx, account, octets)
        elif before.quota and octets > before.quota:
            store.add_extra(tx, account, ExtraKind.GRANT, octets - before.quota, now, int(until.timestamp()))
        else:
            raise NotAllowed(Saying("A quota with an end must be larger than the one before."))
        end = f", until {until.date().isoformat()}" if until else ""
        audit.note(
            core, tx, account, Event.QUOTA_CHANGED, actor=actor, detail=f"{octets} octets, before {before.quota}{end}"
        )
        owner = get_account(tx, account)
        if notify:
            _notify_owner(core, tx, owner, until)
        quota_warnings.warn_if_needed(core, tx, account)
        return get_account(tx, account)

    return core.db.write(write)


def grant_quota(core: Core, account: AccountId, written: str, *, agent: Account, days: int = 0) -> Account:
    """Set a quota on behalf of the help desk: within bounds, and never for the agent's own account.

    Args:
        written: a size, such as 4G.
        days: how long it lasts, 0 = for good, as the form has it.

    Raises:
        NotAllowed: no size, out of bounds (`quota.desk_most`), or the agent's own account.
    """
    most = parse_octets(core.config.quota.desk_most)
    try:
        octets = parse_octets(written.strip())
    except ConfigError:
        raise NotAllowed(Saying("That is not a valid quota.")) from None
    if account == agent.id:
        raise NotAllowed(Saying("You cannot give yourself more room. Ask a colleague."))
    if not DESK_LEAST <= octets <= most:
        raise NotAllowed(Saying("The help desk can give at most %(most)s.", most=core.config.quota.desk_most))
    if not 0 <= days <= DESK_DAYS:
        raise NotAllowed(Saying("That is not a valid number of days."))
    until = core.clock.now() + timedelta(days=days) if days else None
    return change_quota(core, account, octets, actor=agent.name, until=until, notify=True)


def end_extras(core: Core) -> int:
    """Take back loans and grants whose time is over, as a job; return how many."""

    def write(tx: Tx) -> int:
        ended = [extra for extra in store.list_due(tx, core.clock.seconds()) if _end_extra(core, tx, extra)]
        return len(ended)

    return core.db.write(write)


def _end_extra(core: Core, tx: Tx, extra: Extra) -> bool:
    if not store.take_back(tx, extra, core.clock.seconds()):
        return False
    owner = get_account(tx, extra.account)
    event = Event.QUOTA_LOAN_ENDED if extra.kind == ExtraKind.LOAN else Event.QUOTA_GRANT_ENDED
    audit.note(core, tx, extra.account, event, detail=f"{extra.octets} octets")
    if owner.state == AccountState.ACTIVE:
        _notify_owner(core, tx, owner, None)
        quota_warnings.warn_if_needed(core, tx, extra.account)
    return True


def _notify_owner(core: Core, tx: Tx, owner: Account, until: datetime | None) -> None:
    """Put a notice of the quota as it is now into INBOX; `until` is its end, None = for good."""
    end = until.astimezone(core.config.zone).date().isoformat() if until else ""
    account_notices.deliver_to_inbox(
        core,
        tx,
        owner,
        "quota_lent" if until else "quota_changed",
        display_name=owner.display_name or owner.name,
        room=notices.format_room(owner.quota, owner.language),
        used=notices.format_size(owner.used, owner.language),
        until=end,
    )
