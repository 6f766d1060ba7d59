"""The end of the service itself, should it ever come (N11): announced at least twelve months ahead, to everyone.

Until the last day nothing is different but that no new account is ordered, that everybody is told
(services/accounts/sunset_notices.py), and that whoever wishes leaves a new address for those who will write.  Nothing ends by
itself: after the last day staff closes the accounts by a command of its own, each as its owner could (thirty days to
undo), and none whose owner was told less than twelve months ago.
"""

import csv
import hmac
import io
from collections.abc import Iterator
from datetime import date
from functools import partial

from mailcore.clock import to_time
from mailcore.core import Core
from mailcore.domain import Account, AccountId
from mailcore.errors import InvalidName, LinkExpired, NotAllowed
from mailcore.services import audit
from mailcore.services.accounts import accounts, closing
from mailcore.services.audit import COMMAND_LINE, Event
from mailcore.services.credentials import contact_addresses
from mailcore.services.limits import keys
from mailcore.services.notices.notices import LANGUAGES
from mailcore.store.engine.db import Tx
from mailcore.store.people import sunset as store
from mailcore.store.people.sunset import Person, Progress, Sunset

__all__ = ["Person", "Progress", "Sunset"]
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 - spreadsheets take the wide ones, too
LETTER_COLUMNS = ("user name", "address", "name", "person", "language", "contact address", "why", "letter sent")


def add_year(day: date) -> date:
    """Return the same day of the next year; for 29 February the first of March."""
    try:
        return day.replace(year=day.year + 1)
    except ValueError:
        return date(day.year + 1, 3, 1)


def find_current(core: Core) -> Sunset | None:
    """Return the announced end of the service; None if there is none or it was withdrawn."""
    latest = core.db.read(store.find_latest)
    return latest if latest is not None and latest.withdrawn_at is None else None


def get_current(core: Core) -> Sunset:
    """Return the announced end of the service.  Raises LinkExpired: there is none."""
    current = find_current(core)
    if current is None:
        raise LinkExpired("no end of the service is announced")
    return current


def check_end(core: Core, ends: date) -> None:
    """Check that this day may be announced.  Raises NotAllowed."""
    before = core.db.read(store.find_latest)
    if before is not None and before.withdrawn_at is None:
        raise NotAllowed(f"the end is announced for {before.ends}; withdraw that first")
    first = add_year(core.clock.now().date())
    if ends < first:
        raise NotAllowed(f"people need twelve months; the first day that may be announced is {first}")


def announce_end(core: Core, ends: date, *, successor: str = "", words: dict[str, str] | None = None) -> Sunset:
    """Announce that the service ends; every page shows it from now on, and a job writes to everybody.

    Args:
        ends: the last day on which everything works.
        successor: an e-mail or web address where people turn afterwards.
        words: why, in each language; or nothing.

    Raises:
        NotAllowed: it is less than twelve months ahead, or an end is announced already.
        InvalidName: the words are missing in a language, or the successor is no address.
    """
    words = {language: " ".join(text.split())[:500] for language, text in (words or {}).items() if text.strip()}
    if words and (missing := [language for language in LANGUAGES if language not in words]):
        raise InvalidName(f"the words are missing in {', '.join(missing)}")
    successor = _check_successor(core, successor)

    def write(tx: Tx) -> Sunset:
        check_end(core, ends)
        store.add_sunset(tx, ends, successor, words, core.clock.seconds())
        audit.note(core, tx, None, Event.SUNSET_ANNOUNCED, actor=COMMAND_LINE, detail=ends.isoformat())
        announced = store.find_latest(tx)
        assert announced is not None  # noqa: S101 - it was added above
        return announced

    return core.db.write(write)


def _check_successor(core: Core, written: str) -> str:
    written = written.strip()
    if not written:
        return ""
    if written.startswith(("https://", "http://")) and not any(ord(c) < 33 or c in '<>"' for c in written):
        return written[:500]
    return contact_addresses.check_address(core, written)


def withdraw_end(core: Core) -> Sunset:
    """Withdraw the end; a job notifies everybody who was written to.  Raises LinkExpired: nothing is announced."""
    current = get_current(core)

    def write(tx: Tx) -> None:
        store.withdraw_sunset(tx, current.id, core.clock.seconds())
        audit.note(core, tx, None, Event.SUNSET_WITHDRAWN, actor=COMMAND_LINE, detail=current.ends.isoformat())

    core.db.write(write)
    return current


def check_open(core: Core) -> None:
    """Check that accounts may still be ordered.  Raises NotAllowed: the service ends."""
    if (current := find_current(core)) is not None:
        raise NotAllowed(f"the service ends on {current.ends}; no account is ordered any more")


# What people know of it


def confirm_read(core: Core, account: AccountId, means: str = "button", *, actor: str = "") -> bool:
    """Record that the owner has read the notice, or said so to the `actor`; False when that was known.

    Raises:
        LinkExpired: nothing is announced.
    """
    current = get_current(core)
    return core.db.write(partial(_record_read, core, sunset=current.id, account=account, means=means, actor=actor))


def _record_read(core: Core, tx: Tx, *, sunset: int, account: AccountId, means: str, actor: str = "") -> bool:
    is_new = store.save_read(tx, sunset, account, means, core.clock.seconds())
    if is_new:
        audit.note(core, tx, account, Event.SUNSET_READ, actor=actor, detail=means)
    return is_new


def record_seen_notices(core: Core) -> int:
    """Record a notice that was seen in the mailbox as read; returns for how many people."""
    current = find_current(core)
    if current is None:
        return 0
    count, last = 0, None
    while page := core.db.read(partial(store.list_seen_in_boxes, sunset=current.id, after=last, limit=2000)):
        last = page[-1][0]
        for account in [account for account, seen in page if seen]:
            count += core.db.write(partial(_record_read, core, sunset=current.id, account=account, means="mailbox"))
    return count


def format_link(core: Core, sunset: Sunset, account: AccountId) -> str:
    """Return the link for the notices: whoever has it can say that the owner has read them, and nothing else."""
    return f"{core.config.url}/sunset/read/{account}-{_mark(core, sunset, account)}"


def _mark(core: Core, sunset: Sunset, account: AccountId) -> str:
    return keys.compute_hmac(core.config, "sunset", f"{sunset.id}\0{account}").hex()[:32]


def find_owner(core: Core, token: str) -> Account:
    """Return the account that the link of a notice belongs to.  Raises LinkExpired."""
    current = get_current(core)
    number, _, mark = token.partition("-")
    if not number.isascii() or not number.isdigit() or len(number) > 12:
        raise LinkExpired("no such link")
    account = AccountId(int(number))
    if not hmac.compare_digest(mark.encode("utf-8", "replace"), _mark(core, current, account).encode()):
        raise LinkExpired("no such link")
    if core.db.read(lambda tx: store.find_person(tx, current.id, account)) is None:
        raise LinkExpired("the account is closed")
    return accounts.load_account(core, account)


def find_person(core: Core, account: AccountId) -> Person | None:
    """Return what is saved of one owner for the announced end; None when nothing is announced."""
    current = find_current(core)
    return core.db.read(lambda tx: store.find_person(tx, current.id, account)) if current else None


def set_new_address(core: Core, account: AccountId, address: str) -> str:
    """Save the owner's address for afterwards, given for a year to those whom they have written to.  "" removes it.

    Raises:
        LinkExpired: nothing is announced.
        InvalidName: no address, or one of ours.
    """
    current = get_current(core)
    checked = contact_addresses.check_new_address(core, address)

    def write(tx: Tx) -> str:
        _record_read(core, tx, sunset=current.id, account=account, means="button")
        store.save_new_address(tx, current.id, account, checked)
        return checked

    return core.db.write(write)


# For staff


def list_people(core: Core) -> Iterator[Person]:
    """Yield everybody, in the order of accounts.  Raises LinkExpired."""
    current, last = get_current(core), None
    while page := core.db.read(partial(store.list_people, sunset=current.id, after=last)):
        yield from page
        last = page[-1].account


def list_unread(core: Core, after: AccountId | None, limit: int) -> list[Person]:
    """List the people who are not known to have read the notice, page by page.  Raises LinkExpired."""
    current = get_current(core)
    return core.db.read(partial(store.list_people, sunset=current.id, after=after, limit=limit, unread=True))


def count_progress(core: Core) -> Progress:
    """Count the people who have read the notice so far.  Raises LinkExpired."""
    current = get_current(core)
    record_seen_notices(core)
    return core.db.read(partial(store.count_progress, sunset=current.id))


def explain_letter(person: Person) -> str:
    """Return why somebody should have a letter on paper, or "" for a person who has read the notice and needs none."""
    if person.read_at is not None:
        return ""
    return "not read" if person.verified else "no confirmed contact address"


def list_letters(core: Core, *, again: bool = False) -> list[Person]:
    """List the people to write to on paper; with `again`, also those already written to.  Raises LinkExpired."""
    record_seen_notices(core)
    return [person for person in list_people(core) if explain_letter(person) and (again or person.letter_at is None)]


def format_letters_csv(core: Core, recipients: list[Person]) -> str:
    """Format the list for the printer's; the university knows the street by the person id."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(LETTER_COLUMNS)
    for person in recipients:
        sent = f"{to_time(person.letter_at):%Y-%m-%d}" if person.letter_at is not None else ""
        cells = (
            person.name, f"{person.name}@{core.config.domain}", person.display_name, person.person, person.language,
            person.contact, explain_letter(person), sent,
        )  # fmt: skip
        rows.writerow([escape_formula(cell) for cell in cells])
    return text.getvalue()


def escape_formula(cell: str) -> str:
    """Escape a cell that a spreadsheet would take for a formula; names are written by people."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def record_letters(core: Core, recipients: list[Person]) -> None:
    """Record that the letters are in the post."""
    current = get_current(core)
    now = core.clock.seconds()

    def write(tx: Tx) -> None:
        for person in recipients:
            store.save_letter_sent(tx, current.id, person.account, now)
            audit.note(core, tx, person.account, Event.SUNSET_LETTER, actor=COMMAND_LINE)

    core.db.write(write)


def list_closable(core: Core) -> tuple[list[Person], int]:
    """Return the people whose accounts may be closed now, and how many wait until they have had their twelve months.

    Raises:
        NotAllowed: the last day is not over.
        LinkExpired: nothing is announced.
    """
    current, today = get_current(core), core.clock.now().date()
    if today <= current.ends:
        raise NotAllowed(f"the service ends on {current.ends}; nothing is closed before the day is over")
    everyone = list(list_people(core))
    ready = [person for person in everyone if _had_year_of_notice(core, current, person)]
    return ready, len(everyone) - len(ready)


def _had_year_of_notice(core: Core, current: Sunset, person: Person) -> bool:
    if person.created_at > current.announced_at:
        return True  # made by staff, who knew
    return person.first_at is not None and core.clock.seconds() - person.first_at >= 365 * 86_400


def close_accounts(core: Core, persons: list[Person]) -> Iterator[Account]:
    """Close accounts as their owners could: thirty days to undo, then erased, the new address disclosed for a year."""
    for person in persons:
        closed, _link = closing.close_account(
            core, person.name, new_address=person.new_address, actor="end of the service"
        )
        yield closed
