"""Accounts that nobody uses: they sleep, so that nobody can steal them, and their owners are asked what shall become of them.

After `sleep.months` without a sign of its owner an account sleeps: mail comes in and is forwarded as before, and log-ins by
password alone are closed, for mail programs and for the portal (services/credentials/waking.py opens them again).  Three
letters go before, to the mailbox, to where it is forwarded, and to every contact address (N30).  After 24 months three more
ask whether to keep or to close it; without an answer it is kept (N22).

Signs are log-ins and what an owner alone can do, by any address that belongs to them: the button of one of these letters, the
yearly yes of a forwarding's target, a confirmed contact address.  That mail is passed on is none.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

from mailcore.core import Core
from mailcore.domain import Account, AccountId, AccountState, ForwardingState
from mailcore.errors import LinkExpired, NotAllowed
from mailcore.log import log_for
from mailcore.net import regions
from mailcore.saying import Saying
from mailcore.services import audit
from mailcore.services.accounts import accounts, closing
from mailcore.services.audit import Event
from mailcore.services.credentials import usual_networks, waking
from mailcore.services.limits import links
from mailcore.services.limits.links import LinkPurpose
from mailcore.services.notices import account_notices, notices
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding.settings import get_forwarding
from mailcore.store.people import presence as store
from mailcore.store.people.accounts import get_account
from mailcore.store.people.presence import Presence

log = log_for(__name__)
DAY = 86_400
MONTH = 2_629_800  # a twelfth of a year
BEFORE = (60, 30, 7)  # days before an account sleeps at which its owner is told
LEGACY_MONTHS = (24, 25, 26)
LINK_SECONDS = 400 * DAY
AT_ONCE = 200
_AGAIN = 7 * DAY  # at least between two letters


@dataclass(frozen=True, slots=True)
class _Places:
    """Parts of the world from where an account was opened, and its usual networks as `usual_networks.to_text` writes them."""

    account: AccountId
    regions: frozenset[str]
    networks: str


_PASSES_ON = (ForwardingState.HEALTHY, ForwardingState.FAILING)
SIGNS = (
    Event.ACCOUNT_REOPENED,
    Event.CONTACT_ADDRESS_VERIFIED,
    Event.FORWARDING_CONFIRMED,
    Event.FORWARDING_TEST_FOUND,
    Event.PASSWORD_SET,
    Event.PASSWORD_SET_BY_LINK,
    Event.RECOVERY_CODE_USED,
    Event.SUNSET_READ,
)


def note_signs(core: Core) -> None:
    """Take over the signs of the last days, so that a log-in itself need write nothing more; a job."""
    since = core.clock.seconds() - 3 * DAY  # jobs may be late

    def write(tx: Tx) -> None:
        store.add_missing(tx)
        store.note_logins(tx, since)
        store.note_events(tx, SIGNS, since)

    core.db.write(write)
    _note_places(core, since)


def _note_places(core: Core, since: int) -> None:
    """Remember networks and parts of the world for longer than the list of log-ins does (services/credentials/second_way.py)."""
    now = core.clock.seconds()
    seen: dict[AccountId, list[tuple[str, int]]] = {}
    for account, place, last_at in core.db.read(lambda tx: store.list_recent_places(tx, since)):
        seen.setdefault(account, []).append((place, min(last_at, now) // DAY))
    opened = list(seen.items())
    for at in range(0, len(opened), AT_ONCE):
        found = core.db.read(partial(_find_new_places, seen=opened[at : at + AT_ONCE]))
        if found:
            core.db.write(partial(_save_places, found=found))


def _find_new_places(tx: Tx, seen: Iterable[tuple[AccountId, list[tuple[str, int]]]]) -> list[_Places]:
    """Find those accounts whose regions or networks have changed; this job alone writes them."""
    found: list[_Places] = []
    for account, places in seen:
        new_regions = {region for place, _ in places if (region := regions.region_of(place))}
        known_regions, written = store.list_regions(tx, account), store.get_networks(tx, account)
        known = before = usual_networks.from_text(written)
        for day in sorted({day for _, day in places}):
            known = usual_networks.add_uses(known, (place for place, on in places if on == day), day)
        if known != before or not new_regions <= known_regions:
            networks = written if known == before else usual_networks.to_text(known)
            found.append(_Places(account, frozenset(known_regions | new_regions), networks))
    return found


def _save_places(tx: Tx, found: Iterable[_Places]) -> None:
    for one in found:
        store.save_places(tx, one.account, one.regions, one.networks)


def send_letters(core: Core) -> int:
    """Tell owners of whom there is no sign, and let accounts sleep whose time has come; a job.  Returns how many."""
    note_signs(core)
    now, months = core.clock.seconds(), core.config.sleep.months
    silent = min(LEGACY_MONTHS[0] * MONTH, months * MONTH - BEFORE[0] * DAY if months else LEGACY_MONTHS[0] * MONTH)
    count, last = 0, AccountId(0)
    while page := core.db.read(lambda tx: store.list_silent(tx, now - silent, now - _AGAIN, last, AT_ONCE)):  # noqa: B023 - runs at once
        for one in page:
            step = find_step(one, now, months)
            if step:
                core.db.write(lambda tx: _take_step(core, tx, one.account, step))  # noqa: B023 - runs at once
                count += 1
        last = page[-1].account
    return count


def find_step(one: Presence, now: int, months: int) -> str:
    """Return what is due: `before N` (days), `sleep`, `legacy N` (months) or "".

    A letter follows the one before it after as many days as between their own days, however late that was: nobody falls
    asleep who was not told three times.
    """
    silent = now - one.seen_at
    if months and one.asleep_at is None and not one.step.startswith("legacy"):
        told = BEFORE.index(int(one.step.partition(" ")[2])) if one.step.startswith("before") else -1
        if told == len(BEFORE) - 1:
            due, wait = months * MONTH, BEFORE[told] * DAY
            step = "sleep"
        else:
            due = months * MONTH - BEFORE[told + 1] * DAY
            wait = (BEFORE[told] - BEFORE[told + 1]) * DAY if told >= 0 else 0
            step = f"before {BEFORE[told + 1]}"
        return step if silent >= due and now - one.told_at >= wait else ""
    asked = LEGACY_MONTHS.index(int(one.step.partition(" ")[2])) if one.step.startswith("legacy") else -1
    if asked == len(LEGACY_MONTHS) - 1:
        return ""  # no answer: it is kept
    wait = MONTH if asked >= 0 else 0
    due_months = LEGACY_MONTHS[asked + 1]
    return f"legacy {due_months}" if silent >= due_months * MONTH and now - one.told_at >= wait else ""


def _take_step(core: Core, tx: Tx, account: AccountId, step: str) -> None:
    owner, now = get_account(tx, account), core.clock.seconds()
    if step == "sleep":
        store.put_to_sleep(tx, account, now)
        audit.note(core, tx, account, Event.FELL_ASLEEP)
        _send(core, tx, owner, "asleep", link=f"{core.config.url}/password/forgotten")
    else:
        kind, _, number = step.partition(" ")
        audit.note(core, tx, account, Event.TOLD_OF_SLEEP if kind == "before" else Event.ASKED_OF_LEGACY, detail=number)
        link = _create_link(core, tx, account)
        _send(core, tx, owner, "sleep_soon" if kind == "before" else "legacy", link=link, number=number)
    store.save_step(tx, account, step, now)


def _send(core: Core, tx: Tx, owner: Account, name: str, **words: str) -> None:
    """Send a letter by all ways: into the mailbox, to where it is forwarded, and to every contact address."""
    account_notices.notify_owner(core, tx, owner, name, box=True, **words)
    forwarding = get_forwarding(tx, owner.id)
    known = {address.lower() for address in account_notices.list_outside_addresses(tx, owner)}
    if forwarding.state in _PASSES_ON and forwarding.target.lower() not in known:
        words = {"display_name": owner.display_name or owner.name, "user": owner.name, **words}
        prepared = notices.prepare(core, name, owner.language, forwarding.target, **words)
        notices.queue(core, tx, prepared, forwarding.target, owner.id)


def _create_link(core: Core, tx: Tx, account: AccountId) -> str:
    token = links.create_link(core, tx, account, LinkPurpose.PRESENCE, LINK_SECONDS)
    return f"{core.config.url}/here/{token}"


# The button of the letter


def find_owner(core: Core, token: str) -> Account:
    """Return the account of a letter's link, which opens nothing.  Raises LinkExpired."""
    return core.db.read(lambda tx: _find_owner(core, tx, token))


def _find_owner(core: Core, tx: Tx, token: str) -> Account:
    owner = get_account(tx, links.find_link(core, tx, token, LinkPurpose.PRESENCE).account)
    if owner.state != AccountState.ACTIVE:
        raise LinkExpired("the account is closed")
    return owner


def confirm_presence(core: Core, token: str) -> Account:
    """Save a sign of the owner: it is kept, and does not fall asleep.  One that sleeps is not opened by that."""

    def write(tx: Tx) -> Account:
        owner = _find_owner(core, tx, token)
        store.save_sign(tx, owner.id, core.clock.seconds())
        audit.note(core, tx, owner.id, Event.SAID_HERE)
        return owner

    return core.db.write(write)


def may_close(core: Core, account: AccountId) -> bool:
    """Say if the owner has been asked what shall become of the account (N22)."""
    known = core.db.read(lambda tx: store.find_presence(tx, account))
    return known is not None and known.step.startswith("legacy")


def close_by_link(core: Core, token: str, new_address: str = "") -> Account:
    """Close the account as its owner answered, with thirty days to undo.

    Raises:
        LinkExpired.
        NotAllowed: nobody was asked.
        InvalidName: the new address is none, or one of ours.
    """
    owner = find_owner(core, token)
    if not may_close(core, owner.id):
        raise NotAllowed(Saying("The account can be closed in its settings."))
    closed, _link = closing.close_account(core, owner.name, new_address=new_address, actor=owner.name)
    return closed


def wake(core: Core, name: str, *, actor: str) -> bool:
    """Wake an account on behalf of staff; False if it did not sleep.  Raises AccountNotFound."""
    return waking.wake_account(core, accounts.find_account(core, name).id, actor=actor)
