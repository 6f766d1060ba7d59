"""What the directory knows of our people, read now and then.

Nothing is taken from anybody for the lack of an affiliation (S09); what is read here tells whom to warn in time.
"""

from dataclasses import dataclass

from mailcore.core import Core
from mailcore.domain import Affiliation
from mailcore.errors import ConfigError, TooManyVanished
from mailcore.log import log_for
from mailcore.services import accounts, audit
from mailcore.services.directory import Directory, is_on
from mailcore.store import affiliations as store
from mailcore.store.db import Tx

log = log_for(__name__)
VANISHING_PERCENT, VANISHING_FEW = 2, 3  # more than both at once is the directory's fault, not people leaving


@dataclass(frozen=True, slots=True)
class Synced:
    """Numbers of people."""

    read: int
    new: int
    gone: int


def sync(core: Core) -> Synced:
    """Read everybody from the directory; blocking.

    Raises:
        TemporarilyUnavailable: it did not answer; nothing changed.
        TooManyVanished: more than 2 % are missing at once; nothing changed.
        ConfigError: there is no directory.
    """
    if not is_on(core.config):
        raise ConfigError("directory.url is not set")
    found = {e.person: Affiliation(e.person, e.login, e.kinds, e.until, True) for e in Directory(core.config).everyone()}

    def write(tx: Tx) -> Synced | TooManyVanished:
        before = store.present(tx)
        gone = before - found.keys()
        if len(gone) > VANISHING_FEW and len(gone) * 100 > len(before) * VANISHING_PERCENT:
            problem = TooManyVanished(f"{len(gone)} of {len(before)} people are missing in the directory; nothing was changed")
            audit.note(core, tx, None, "directory sync stopped", actor="sync", detail=str(problem))
            return problem
        now = core.clock.seconds()
        store.save(tx, found.values(), now)
        store.vanish(tx, gone, now)
        return Synced(len(found), len(found.keys() - before), len(gone))

    done = core.db.write(write)
    if isinstance(done, TooManyVanished):
        log.error("directory: %s", done)
        raise done
    return done


def known(core: Core, name: str) -> Affiliation | None:
    """What the last reading said of an account's person.  Raises AccountNotFound."""
    account = accounts.get(core, name)
    person = account.person
    return core.db.read(lambda tx: store.of(tx, person)) if person else None
