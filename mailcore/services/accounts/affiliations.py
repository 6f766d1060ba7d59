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
from mailcore.services.accounts import accounts, name_changes
from mailcore.services.audit import Event
from mailcore.services.credentials import sources
from mailcore.services.credentials.directory import Directory, Entry, is_on
from mailcore.services.limits import tries
from mailcore.services.tickets import tickets
from mailcore.store.engine.db import Tx
from mailcore.store.people import affiliations as store
from mailcore.store.people import web_sessions
from mailcore.store.people.provisioned import is_provisioned, list_persons

log = log_for(__name__)
VANISHING_PERCENT, VANISHING_FEW = 2, 3  # more than both at once is the directory's fault, not people leaving
FRESH_SECONDS = 90  # how old an answer may be that keeps a session open
LONG_SECONDS = 30 * 86_400  # a person who returns after longer must confirm it
AT_ONCE_SECONDS = 3600
ALERT_SECONDS = 86_400
CHECK_SECONDS = 90  # how often sessions are checked: with the ten minutes of the offer, 15 minutes in all (S13)
UNIVERSITY = (Directory.name, "feide", "university")  # log-ins that end with the tie


@dataclass(frozen=True, slots=True)
class SyncResult:
    """Numbers of people in the directory: those read, those new, those who vanished."""

    read: int
    new: int
    vanished: int


def get_directory(core: Core) -> Directory:
    """Return the directory.  Raises ConfigError: the settings name none."""
    for source in sources.list_sources(core):
        if isinstance(source, Directory):
            return source
    raise ConfigError("directory.url is not set")


def _to_affiliation(entry: Entry) -> Affiliation:
    return Affiliation(entry.person, entry.login, entry.kinds, entry.until, True, entry.blocked)


def _is_believable(ending: int, people: int) -> bool:
    """Say if so many of these people may lose their tie at once."""
    return ending <= VANISHING_FEW or ending * 100 <= people * VANISHING_PERCENT


def sync_directory(core: Core, *, believe: bool = False) -> SyncResult:
    """Read everybody from the directory; blocking.

    Args:
        believe: staff have checked that so many people really have left.

    Raises:
        TemporarilyUnavailable: it did not answer; nothing changed.
        TooManyVanished: more than 2 % are missing, blocked or ended at once; nothing changed, and the desk has a ticket.
        ConfigError: there is no directory.
    """
    entries = list(get_directory(core).list_people())
    read_now = {entry.person: _to_affiliation(entry) for entry in entries}
    names = {entry.person: entry.name for entry in entries}

    def write(tx: Tx) -> SyncResult | TooManyVanished:
        elsewhere = list_persons(tx)  # the identity system tells of them (SCIM), and knows better
        before = {person: known for person, known in store.list_present(tx).items() if person not in elsewhere}
        today = core.clock.now().date()
        vanished = before.keys() - read_now.keys()
        valid_before = {person for person, known in before.items() if not has_ended(known, today)}
        ending = valid_before - {person for person, entry in read_now.items() if not has_ended(entry, today)}
        if not believe and not _is_believable(len(ending), len(before)):
            problem = TooManyVanished(
                f"{len(ending)} of {len(before)} people are missing or blocked in the directory all at once; nothing was changed"
                " (alumnimail directory sync --believe, if it is so)"
            )
            audit.note(core, tx, None, Event.DIRECTORY_SYNC_STOPPED, actor="sync", detail=str(problem))
            return problem
        now = core.clock.seconds()
        here = [entry for person, entry in read_now.items() if person not in elsewhere]
        store.save_affiliations(tx, here, now, now - LONG_SECONDS)
        store.mark_vanished(tx, vanished, now)
        theirs = {person: name for person, name in names.items() if person not in elsewhere}
        name_changes.note_names(core, tx, theirs)
        return SyncResult(len(read_now), len(read_now.keys() - before), len(vanished))

    result = core.db.write(write)
    if isinstance(result, TooManyVanished):
        log.error("directory: %s", result)
        _alert(core, str(result))
        raise result
    return result


def _alert(core: Core, text: str) -> None:
    """Open a ticket for the desk, once a day."""

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
    """Return the affiliation of an account's person as last read; None: it is unknown."""
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
    saved, is_told = core.db.read(lambda tx: (store.find_affiliation(tx, person), is_provisioned(tx, person)))
    if is_told:
        return saved
    if saved is not None and now - saved.checked_at < FRESH_SECONDS:
        return saved
    entry = get_directory(core).find_person(person)

    def write(tx: Tx) -> Affiliation | TooManyVanished | None:
        if entry is not None:
            store.save_affiliations(tx, [_to_affiliation(entry)], now, now - LONG_SECONDS)
        elif saved is not None:
            vanished, present = store.list_vanished(tx, now - AT_ONCE_SECONDS)
            if saved.present and not _is_believable(vanished + 1, vanished + present):
                return TooManyVanished(
                    f"{vanished + 1} of {vanished + present} people are missing in the directory all at once"
                )
            store.mark_vanished(tx, [person], now)
        else:
            store.save_affiliations(tx, [Affiliation(person, account.name, (), None, True)], now)
            store.mark_vanished(tx, [person], now)
        return store.find_affiliation(tx, person)

    result = core.db.write(write)
    if isinstance(result, TooManyVanished):
        log.error("directory: %s", result)
        _alert(core, str(result))
        return saved
    return result


def is_still_affiliated(core: Core, identity: Identity) -> bool:
    """Say if what a log-in of the university opened may stay open; yes while the directory is silent.  Blocking."""
    if identity.source not in UNIVERSITY:
        return True
    try:
        affiliation = refresh_affiliation(core, identity.account)
    except TemporarilyUnavailable:
        return True
    return affiliation is None or not has_ended(affiliation, core.clock.now().date())


def end_sessions_of_leavers(core: Core) -> int:
    """End portal sessions of people who have left, by the directory's password; return how many accounts, as a job.

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
    """Record that the owner knows the new directory account of the same person."""

    def write(tx: Tx) -> None:
        if account.person and store.confirm_return(tx, account.person):
            audit.note(core, tx, account.id, Event.DIRECTORY_CONFIRMED)

    core.db.write(write)
