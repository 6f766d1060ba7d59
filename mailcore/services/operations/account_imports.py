"""Accounts that an administrator imports in the browser: first a preview, then a job that creates them piece by piece.

Each piece and how far it is commit together, so one that was ended goes on where it was, and nobody is created twice.  The
file may hold passwords: it is sealed by a key beside the database, and deleted when it is done or an hour old.
"""

import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from mailcore.core import Core
from mailcore.domain import Account, AccountImport, ImportState
from mailcore.errors import AccountExists, InvalidName, NotAllowed
from mailcore.saying import Saying
from mailcore.services import audit
from mailcore.services.accounts import accounts, people_file
from mailcore.services.accounts.accounts import NewAccount
from mailcore.services.accounts.people_file import PeopleFile
from mailcore.services.audit import Event
from mailcore.services.limits import keys
from mailcore.store.engine.db import Tx
from mailcore.store.people import account_imports as store

MAX_OCTETS = 16 * 2**20
PREVIEW_SECONDS = 3600
LISTED_SECONDS = 30 * 86_400  # that a file is listed, without its text, when it is done
TURN_SECONDS = 5  # of work, after which other jobs have their turn
_KEY, _PIECE, _LEASE_SECONDS, _LISTED = "account-import", 20, 120, 20


def begin_import(core: Core, octets: bytes, file_name: str, *, agent: Account) -> int:
    """Save a file for its preview, and return its number.  Raises InvalidName: it is no such file."""
    if len(octets) > MAX_OCTETS:
        raise InvalidName(Saying("The file is too large. Divide it."))
    text = people_file.decode(octets)
    people = people_file.parse_people(text, core.config.mail_domains)

    def write(tx: Tx) -> int:
        number = store.add_import(tx, agent.name, file_name[:200], core.clock.seconds(), len(people.accounts))
        store.save_text(tx, number, keys.seal(core.config, _KEY, text.encode(), str(number)))
        return number

    return core.db.write(write)


def find_import(core: Core, number: int) -> AccountImport:
    """Raises InvalidName: there is no such file any more."""
    found = core.db.read(lambda tx: store.find_import(tx, number))
    if found is None:
        raise InvalidName(Saying("The file is no longer here. Send it again."))
    return found


def preview_import(core: Core, number: int) -> PeopleFile:
    """Read what would be created now, and what is wrong.  Raises InvalidName."""
    return people_file.leave_out_taken(core, _load_people(core, number))


def _load_people(core: Core, number: int) -> PeopleFile:
    sealed = core.db.read(lambda tx: store.get_text(tx, number))
    text = keys.unseal(core.config, _KEY, sealed, str(number)) if sealed else None
    if text is None:
        raise InvalidName(Saying("The file is no longer here. Send it again."))
    return people_file.parse_people(text.decode(), core.config.mail_domains)


def confirm_import(core: Core, number: int, *, agent: Account) -> None:
    """Let the job create the accounts that can be.  Raises NotAllowed: somebody did so already."""
    if not core.db.write(lambda tx: store.confirm_import(tx, number, agent.name)):
        raise NotAllowed(Saying("This file is being imported already."))


def drop_import(core: Core, number: int) -> None:
    """Delete a file that was not confirmed."""
    core.db.write(lambda tx: store.delete_import(tx, number))


def list_imports(core: Core) -> list[AccountImport]:
    """List the files that were confirmed, newest first."""
    return core.db.read(lambda tx: store.list_imports(tx, _LISTED))


def run_imports(core: Core) -> int:
    """Work on a file for a few seconds, as a job; return how many accounts were created."""
    now = core.clock.seconds()
    running = core.resources.get("account import", _RunningFile)
    if not core.db.read(lambda tx: store.is_work_due(tx, now, now - PREVIEW_SECONDS, now - LISTED_SECONDS)):
        running.forget()
        return 0
    core.db.write(lambda tx: store.delete_old_imports(tx, now - PREVIEW_SECONDS, now - LISTED_SECONDS))
    claimed = core.db.write(lambda tx: store.claim_import(tx, now, _LEASE_SECONDS))
    return _work_on(core, claimed, running.load(core, claimed)) if claimed else 0


class _RunningFile:
    """The file that is worked on, read once and not for each turn; one job at a time uses it."""

    def __init__(self) -> None:
        self._key: tuple[int, datetime] | None = None
        self._people: Sequence[NewAccount] = ()

    def load(self, core: Core, claimed: AccountImport) -> Sequence[NewAccount]:
        """Return its accounts.  Raises InvalidName: it is gone."""
        key = claimed.id, claimed.at
        if self._key != key:
            self.forget()
            self._people, self._key = _load_people(core, claimed.id).accounts, key
        return self._people

    def forget(self) -> None:
        """Hold it no longer than it is worked on: there may be passwords in it."""
        self._key, self._people = None, ()


def _work_on(core: Core, claimed: AccountImport, people: Sequence[NewAccount]) -> int:
    position, created, ends = claimed.position, 0, time.monotonic() + TURN_SECONDS
    with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="hash") as pool:
        while position < len(people):
            piece = people[position : position + _PIECE]
            hashes = list(pool.map(accounts.hash_if_plain, (account.password for account in piece)))
            done = _create_piece(core, claimed, position, list(zip(piece, hashes, strict=True)))
            if done is None:
                return created  # another node has it
            position, created = position + len(piece), created + done
            # asked after a piece, so that each turn gets on, however slow the machine
            if time.monotonic() >= ends:
                break
    if position < len(people):
        core.db.write(lambda tx: store.release_import(tx, claimed.id))
        return created

    def finish(tx: Tx) -> None:
        found = store.find_import(tx, claimed.id)
        if found is not None and found.state is ImportState.RUNNING:
            store.finish_import(tx, claimed.id)
            detail = f"{found.created} created, {found.left_out} left out"
            audit.note(core, tx, None, Event.ACCOUNTS_IMPORTED, actor=claimed.actor, detail=detail)

    core.db.write(finish)
    return created


def _create_piece(
    core: Core, claimed: AccountImport, position: int, piece: Sequence[tuple[NewAccount, str | None]]
) -> int | None:
    """Create the accounts of a piece that can be; None if another has been here."""

    def write(tx: Tx) -> int | None:
        created = 0
        for account, hashed in piece:
            try:
                accounts.create_account(core, tx, account, hashed, actor=claimed.actor)
            except AccountExists:  # taken since the preview
                continue
            created += 1
        if not store.advance_import(tx, claimed.id, position, position + len(piece), created):
            raise _Overtaken
        return created

    try:
        return core.db.write(write)
    except _Overtaken:
        return None


class _Overtaken(Exception):
    """Roll the piece back."""
