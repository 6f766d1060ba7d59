"""The affiliations of our people, read from the university's directory at intervals and when one is needed.

Nothing is taken from anybody for the lack of an affiliation (S09).  What is read here tells whom to warn in time
(services/accounts/leaving.py), and ends what the directory's password alone has opened (S13).
"""

from dataclasses import dataclass
from datetime import date

from mailcore.core import Core
from mailcore.domain import Account, AccountId, Affiliation, Identity
from mailcore.errors import ConfigError, TemporarilyUnavailable, TooManyVanished
from mailcore.log import log_for
from mailcore.services import audit
from mailcore.services.accounts import accounts
from mailcore.services.audit import Event
from mailcore.services.credentials import sources
from mailcore.services.credentials.directory import Directory, Entry, is_on
from mailcore.services.limits import tries
from mailcore.services.tickets import tickets
from mailcore.store.engine.db import Tx
from mailcore.store.people import affiliations as store
from mailcore.store.people import web_sessions

log = log_for(__name__)
VANISHING_PERCENT, VANISHING_FEW = 2, 3  # more than both at once is the directory's fault, not people leaving
FRESH_SECONDS = 90  # how old an answer may be that keeps a session open
LONG_SECONDS = 30 * 86_400  # who was gone for longer has come back, and confirms it
AT_ONCE_SECONDS = 3600
ALERT_SECONDS = 86_400
LOOK_SECONDS = 90  # and how often sessions are looked at: with the ten minutes of the offer, 15 minutes in all (S13)
UNIVERSITY = (Directory.name, "feide", "university")  # log-ins that end with the tie


@dataclass(frozen=True, slots=True)
class SyncResult:
    """Numbers of people."""

    read: int
    new: int
    gone: int


def get_directory(core: Core) -> Directory:
    """Raises ConfigError: there is none."""
    for source in sources.list_sources(core):
        if isinstance(source, Directory):
            return source
    raise ConfigError("directory.url is not set")


def _to_affiliation(entry: Entry) -> Affiliation:
    return Affiliation(entry.person, entry.login, entry.kinds, entry.until, True, entry.blocked)


def _is_believable(ending: int, people: int) -> bool:
    return ending <= VANISHING_FEW or ending * 100 <= people * VANISHING_PERCENT


def sync_directory(core: Core, *, believe: bool = False) -> SyncResult:
    """Read everybody from the directory; blocking.

    Args:
        believe: staff have looked, and so many people really are gone.

    Raises:
        TemporarilyUnavailable: it did not answer; nothing changed.
        TooManyVanished: more than 2 % are missing, blocked or ended at once; nothing changed, and the desk has a ticket.
        ConfigError: there is no directory.
    """
    found = {entry.person: _to_affiliation(entry) for entry in get_directory(core).everyone()}

    def write(tx: Tx) -> SyncResult | TooManyVanished:
        before, today = store.list_present(tx), core.clock.now().date()
        gone = before.keys() - found.keys()
        stood = {person for person, known in before.items() if not has_ended(known, today)}
        lost = stood - {person for person, read in found.items() if not has_ended(read, today)}
        if not believe and not _is_believable(len(lost), len(before)):
            problem = TooManyVanished(
                f"{len(lost)} of {len(before)} people are missing or blocked in the directory all at once; nothing was changed"
                " (alumnimail directory sync --believe, if it is so)"
            )
            audit.note(core, tx, None, Event.DIRECTORY_SYNC_STOPPED, actor="sync", detail=str(problem))
            return problem
        now = core.clock.seconds()
        store.save_affiliations(tx, found.values(), now, now - LONG_SECONDS)
        store.mark_vanished(tx, gone, now)
        return SyncResult(len(found), len(found.keys() - before), len(gone))

    done = core.db.write(write)
    if isinstance(done, TooManyVanished):
        log.error("directory: %s", done)
        _alert(core, str(done))
        raise done
    return done


def _alert(core: Core, text: str) -> None:
    """A ticket for the desk, once a day."""

    def write(tx: Tx) -> None:
        if not tries.is_over_limit(core, tx, "directory alert", "", limit=1, seconds=ALERT_SECONDS):
            tickets.open_ticket(
                core,
                tx,
                kind="other",
                subject="The directory misses too many people at once",
                text=text,
                reply_to="",
                language="en",
            )

    core.db.write(write)


def find_affiliation(core: Core, name: str) -> Affiliation | None:
    """Return an account's affiliation as last read, without asking the directory.  Raises AccountNotFound."""
    return get_affiliation(core, accounts.find_account(core, name))


def get_affiliation(core: Core, account: Account) -> Affiliation | None:
    person = account.person
    return core.db.read(lambda tx: store.find_affiliation(tx, person)) if person else None


def has_ended(affiliation: Affiliation, today: date) -> bool:
    """Say if the directory's password no longer opens anything."""
    return (
        not affiliation.present or affiliation.blocked or (affiliation.until is not None and affiliation.until < today)
    )


def refresh_affiliation(core: Core, account: Account) -> Affiliation | None:
    """Return the person's affiliation from the directory, at most 90 seconds old; blocking.  None: it is unknown.

    When too many people are missing at once, one after the other, the directory is not believed: the saved entry holds.

    Raises:
        TemporarilyUnavailable: it does not answer, and what is known is older.
    """
    if not account.person or not is_on(core.config):
        return None
    person, now = account.person, core.clock.seconds()
    before = core.db.read(lambda tx: store.find_affiliation(tx, person))
    if before is not None and now - before.checked_at < FRESH_SECONDS:
        return before
    entry = get_directory(core).find_person(person)

    def write(tx: Tx) -> Affiliation | TooManyVanished | None:
        if entry is not None:
            store.save_affiliations(tx, [_to_affiliation(entry)], now, now - LONG_SECONDS)
        elif before is not None:
            gone, there = store.list_vanished(tx, now - AT_ONCE_SECONDS)
            if before.present and not _is_believable(gone + 1, gone + there):
                return TooManyVanished(f"{gone + 1} of {gone + there} people are missing in the directory all at once")
            store.mark_vanished(tx, [person], now)
        else:
            store.save_affiliations(tx, [Affiliation(person, account.name, (), None, True)], now)
            store.mark_vanished(tx, [person], now)
        return store.find_affiliation(tx, person)

    done = core.db.write(write)
    if isinstance(done, TooManyVanished):
        log.error("directory: %s", done)
        _alert(core, str(done))
        return before
    return done


def is_still_affiliated(core: Core, identity: Identity) -> bool:
    """Say if what the university's log-in has opened may stay open.  While the directory is silent, yes; blocking."""
    if identity.source not in UNIVERSITY:
        return True
    try:
        found = refresh_affiliation(core, identity.account)
    except TemporarilyUnavailable:
        return True
    return found is None or not has_ended(found, core.clock.now().date())


def end_sessions(core: Core) -> int:
    """Portal sessions by the directory's password of people who have left; how many accounts.

    Each is offered to choose an alumni password first, for a few minutes (services/signin/web_sessions.py).
    """
    now = core.clock.seconds()
    open_ones = core.db.read(
        lambda tx: {a for source in UNIVERSITY for a in web_sessions.list_by_source(tx, source, now)}
    )
    ended: list[AccountId] = []
    for account in open_ones:
        owner = accounts.load_account(core, account)
        if not is_still_affiliated(core, Identity(owner, Directory.name)):
            ended.append(account)

    def write(tx: Tx) -> None:
        for account in ended:
            for source in UNIVERSITY:
                web_sessions.mark_session_ended(tx, account, source, now)

    if ended:
        core.db.write(write)
    return len(ended)


def confirm_return(core: Core, account: Account) -> None:
    """The owner says that the new directory account of the same person is theirs."""

    def write(tx: Tx) -> None:
        if account.person and store.confirm_return(tx, account.person):
            audit.note(core, tx, account.id, Event.DIRECTORY_CONFIRMED)

    core.db.write(write)
