"""People who leave the university must not be locked out (S13, N8, N9).

At 90, 30 and 7 days before the end of an affiliation, and on the day itself, the person is asked to choose an alumni
password, until one is chosen *and has been used*.  Where the directory knows no end, everybody without one is reminded
twice a year.  People who have left without one are sent a link at the contact addresses, and are on the desk's list.
People with one but no confirmed contact address are asked for that, twice a year: it is the way back when the password
is forgotten.  Who has left, or soon does, and lacks printed recovery codes alone is asked to print some, once a year: a
contact address can be lost, too.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from mailcore.core import Core
from mailcore.domain import Account, AccountId
from mailcore.services import audit
from mailcore.services.accounts import accounts
from mailcore.services.audit import Event
from mailcore.services.credentials import credentials
from mailcore.services.credentials.directory import is_on
from mailcore.services.notices import account_notices, notices
from mailcore.store.engine.db import Tx
from mailcore.store.people import affiliations as store
from mailcore.store.people import contact_addresses
from mailcore.store.people.accounts import get_account
from mailcore.store.people.affiliations import Leaver

STEPS = (90, 30, 7, 0)  # days before the end
HALF_YEAR_SECONDS = 182 * 86_400
GONE_SECONDS = 14 * 86_400  # life of the link that somebody gets who has gone
AGAIN_SECONDS = 30 * 86_400  # and how often, while nothing is chosen
YEAR_SECONDS = 365 * 86_400
_ORDER = ("", "codes", "contact", "twice", "90", "30", "7", "0", "gone")


@dataclass(frozen=True, slots=True)
class Outlook:
    """An owner's outlook in the portal: until when the directory's password works, and whether another one does."""

    until: date | None
    days: int | None
    has_left: bool
    chosen: bool
    used: bool

    @property
    def is_safe(self) -> bool:
        return self.chosen and self.used


def find_outlook(core: Core, account: AccountId) -> Outlook | None:
    """Return an owner's outlook; None: the directory knows nothing of the person, so nothing will end."""
    if not is_on(core.config):
        return None
    leaver = core.db.read(lambda tx: store.find_leaver(tx, account))
    if leaver is None:
        return None
    today = core.clock.now().date()
    days = (leaver.until - today).days if leaver.until else None
    has_left = not leaver.present or (days is not None and days < 0)
    return Outlook(leaver.until, days, has_left, leaver.chosen, leaver.used)


def list_at_risk(core: Core, days: int = 90) -> list[Leaver]:
    """List people who leave within so many days, or have left, with no alumni password in use; the nearest first."""
    until = core.clock.now().date() + timedelta(days=days)
    leavers = _list_all(core, partial(store.list_leavers, until=until))
    return sorted(leavers, key=lambda leaver: (leaver.present, leaver.until or date.max, leaver.name))


def send_reminders(core: Core) -> int:
    """Remind people who leave, as a daily job; return how many were written to."""
    today, now = core.clock.now().date(), core.clock.seconds()
    soon = today + timedelta(days=STEPS[0])
    ending = _list_all(core, partial(store.list_leavers, until=soon))
    open_end = _list_all(core, partial(store.list_without_end, told_before=now - HALF_YEAR_SECONDS))
    count = sum(_send_reminder(core, leaver, _find_step(leaver, today), now) for leaver in ending)
    count += sum(_send_reminder(core, leaver, "twice", now) for leaver in open_end)
    no_contact = partial(store.list_unreachable, until=soon, told_before=now - HALF_YEAR_SECONDS)
    count += _ask(core, no_contact, "contact_missing", "contact", Event.REMINDED_OF_CONTACT, now)
    no_codes = partial(store.list_without_codes, until=soon, told_before=now - YEAR_SECONDS)
    return count + _ask(core, no_codes, "codes_missing", "codes", Event.REMINDED_OF_CODES, now)


def _ask(core: Core, read_page: Callable[..., list[Leaver]], notice: str, step: str, event: Event, now: int) -> int:
    """Write to each of these people once more for something that is missing; return how many they were."""

    def write(leaver: Leaver, tx: Tx) -> None:
        account_notices.notify_owner(core, tx, get_account(tx, leaver.account), notice)
        store.save_reminder(tx, [leaver.account], step, now)
        audit.note(core, tx, leaver.account, event)

    leavers = list(_list_all(core, read_page))
    for leaver in leavers:
        core.db.write(partial(write, leaver))
    return len(leavers)


def _list_all(core: Core, read_page: Callable[..., list[Leaver]]) -> Iterator[Leaver]:
    """Yield people page by page, in the order of accounts."""
    last: AccountId | None = None
    while page := core.db.read(partial(read_page, after=last)):
        yield from page
        last = page[-1].account


def _find_step(leaver: Leaver, today: date) -> str:
    """Return the last step that is reached."""
    if not leaver.present or (leaver.until is not None and leaver.until < today):
        return "gone"
    days = (leaver.until - today).days if leaver.until else STEPS[0]
    return str(min(step for step in STEPS if step >= days))


def _send_reminder(core: Core, leaver: Leaver, step: str, now: int) -> bool:
    """Write once for each step; once a month to somebody who has left and chooses no password."""
    was_told = _ORDER.index(leaver.told) >= _ORDER.index(step) and step != "twice"
    if was_told and not (step == "gone" and now - leaver.told_at >= AGAIN_SECONDS):
        return False
    owner = accounts.load_account(core, leaver.account)

    def write(tx: Tx) -> None:
        if step == "gone":
            _send_links(core, tx, owner)
        else:
            name = "choose_password" if step == "twice" else "leaving"
            name = "use_password" if leaver.chosen else name
            until = leaver.until.strftime("%d.%m.%Y") if leaver.until else ""
            account_notices.notify_owner(core, tx, owner, name, until=until, when=f" ({until})" if until else "")
        store.save_reminder(tx, [owner.id], step, now)
        audit.note(core, tx, owner.id, Event.REMINDED_OF_PASSWORD, detail=step)

    core.db.write(write)
    return True


def _send_links(core: Core, tx: Tx, owner: Account) -> None:
    """Send somebody who has left a link to each verified address; the mailbox itself cannot be opened."""
    known = contact_addresses.list_verified(tx, owner.id)
    if not known:
        return  # the desk sees them on its list
    link = credentials.create_link(core, tx, owner.id, GONE_SECONDS)
    for address in known:
        prepared = notices.prepare(
            core,
            "gone",
            owner.language,
            address,
            display_name=owner.display_name or owner.name,
            user=owner.name,
            link=link,
        )
        notices.queue(core, tx, prepared, address, owner.id)
