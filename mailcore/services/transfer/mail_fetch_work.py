"""The work on imports from other IMAP servers, which owners began in the portal (mail_fetch.py, N32).

The server there is asked by a job of the queue's process, never by a page: first for its folders and how much they hold, then,
when the owner has chosen, for their messages, by the same code as `alumnimail import imap` (imap_import.py, mail_import.py).
Every batch is saved with how far the folder came, so an import survives log-out, restarts and servers that break off, and goes on
where it was.

One connection for each import, and a pause between two of them; a server that breaks off is left alone for ever longer.
"""

import dataclasses
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from ipaddress import ip_address

from mailcore.config import within
from mailcore.core import Core
from mailcore.domain import AccountState
from mailcore.errors import ImportRefused, LoginRefused, MailError, OverQuota
from mailcore.log import log_for
from mailcore.mail.moving.mbox import Stored
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.transfer import consents, imap_import, mail_import
from mailcore.services.transfer.imap_connection import Server, open_connection
from mailcore.services.transfer.imap_import import FETCH_OCTETS
from mailcore.services.transfer.mail_fetch import PORT, unseal_password
from mailcore.services.transfer.mail_import import BATCH, BATCH_OCTETS, Importer
from mailcore.services.webmail.remote_pictures import is_public
from mailcore.store.engine.db import Tx
from mailcore.store.people.accounts import get_account
from mailcore.store.site import fetches as store
from mailcore.store.site.fetches import Fetch, FetchedFolder, FetchState

log = log_for(__name__)
LEASE_SECONDS = 180
TURN_SECONDS = 600  # then the connection is closed, and others have their turn
PAUSE_SECONDS = 5
WAITS = (30, 120, 600, 1800, 3600)  # seconds after so many failures in a row
MAX_FAILURES = 12  # then its owner is asked


class _Workers:
    """Threads that fetch, in this process."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []

    def start(self, work: Callable[[], object], most: int) -> bool:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        if len(self._threads) >= most:
            return False
        thread = threading.Thread(target=work, daemon=True, name="mail fetch")
        self._threads.append(thread)
        thread.start()
        return True


def work_on_fetches(core: Core) -> None:
    """Give each import that is due a thread; a job, which waits for none of them."""
    workers = core.resources.get("mail fetch", _Workers)
    for fetch in core.db.read(lambda tx: store.list_due(tx, core.clock.seconds(), core.config.imports.at_once)):
        if not workers.start(lambda fetch=fetch: run_fetch(core, fetch), core.config.imports.at_once):  # type: ignore[misc]
            return


def run_fetch(core: Core, fetch: Fetch) -> None:
    """Work on one import for a turn, unless another process does."""
    lease = _Lease(core, fetch)
    if not lease.claim():
        return
    # another process may have worked on it since it was listed, or its owner given another password
    fetch = core.db.read(lambda tx: store.find_fetch(tx, fetch.account, fetch.id)) or fetch
    try:
        _work(core, fetch, lease)
    except consents.ConsentEnded:
        _end(core, fetch, lease, FetchState.REFUSED, "consent ended")
    except LoginRefused:
        _end(core, fetch, lease, FetchState.REFUSED, "consent ended" if fetch.provider else "refused")
    except ImportRefused as problem:
        log.info("import %d waits: %s", fetch.id, type(problem.__context__ or problem).__name__)
        _postpone(core, fetch, lease)
    except OverQuota:
        _end(core, fetch, lease, FetchState.FULL, "full")
    except MailError as problem:
        log.warning("import %d waits: %s", fetch.id, type(problem).__name__)
        _postpone(core, fetch, lease)
    except Exception:  # strangers' servers and mail: the import goes on later from where it is
        log.exception("import %d failed", fetch.id)
        _postpone(core, fetch, lease)
    finally:
        lease.release()


class _Lease:
    """Hold of this process on an import; one that ended while a server was slow may be another process's by now."""

    def __init__(self, core: Core, fetch: Fetch) -> None:
        self._core, self._fetch, self._until = core, fetch, 0

    def claim(self) -> bool:
        """Take the import; False when another process has it."""
        self._until = self._core.db.write(
            lambda tx: store.claim_fetch(tx, self._fetch.id, self._core.clock.seconds(), LEASE_SECONDS)
        )
        return self._until > 0

    def write(self, fn: Callable[[Tx], None]) -> bool:
        """Write, and hold the import for longer; False when it is another process's, and then nothing is written."""

        def renew_and_write(tx: Tx) -> int:
            until = store.renew_lease(tx, self._fetch.id, self._until, self._core.clock.seconds(), LEASE_SECONDS)
            if until:
                fn(tx)
            return until

        if until := self._core.db.write(renew_and_write):
            self._until = until
        return until > 0

    def renew(self) -> bool:
        """Hold the import for longer; False when it is another process's."""
        return self.write(lambda _tx: None)

    def release(self) -> None:
        """Give the import back, if it is still ours."""
        self._core.db.write(lambda tx: store.release_fetch(tx, self._fetch.id, self._until))


def _end(core: Core, fetch: Fetch, lease: _Lease, state: FetchState, problem: str = "") -> None:
    lease.write(lambda tx: store.set_state(tx, fetch.id, state, problem, core.clock.seconds()))


def _postpone(core: Core, fetch: Fetch, lease: _Lease) -> None:
    """Try again later, ever later, and at last ask the owner."""

    def write(tx: Tx) -> None:
        now = store.find_fetch(tx, fetch.account, fetch.id)
        if now is None or now.state not in (FetchState.LISTING, FetchState.RUNNING):
            return
        if now.failures + 1 >= MAX_FAILURES:
            store.set_state(tx, fetch.id, FetchState.PAUSED, "given up", core.clock.seconds())
            return
        problem = "broken off" if now.messages + now.there else "unreachable"
        wait = WAITS[min(now.failures, len(WAITS) - 1)]
        store.postpone_fetch(tx, fetch.id, problem, core.clock.seconds() + wait)

    lease.write(write)


def _work(core: Core, fetch: Fetch, lease: _Lease) -> None:
    if fetch.provider:
        _work_by_tokens(core, fetch, lease)
        return
    password = unseal_password(core, fetch)
    if password is None:
        _end(core, fetch, lease, FetchState.PAUSED, "forgotten")
        return
    _work_at(core, fetch, lease, Server(fetch.host, fetch.user, password))


def _work_by_tokens(core: Core, fetch: Fetch, lease: _Lease) -> None:
    """Work with the owner's consent; a token that the server there refuses before its time is renewed once.

    Raises:
        ConsentEnded, and what the work raises.
    """
    owner = f"{fetch.account} {fetch.id}"
    tokens = consents.unseal_tokens(core, fetch.sealed, owner)
    if tokens is None:
        raise consents.ConsentEnded
    if consents.is_fresh(core, tokens):
        try:
            _work_at(core, fetch, lease, Server(fetch.host, fetch.user, token=tokens.access))
        except LoginRefused:
            log.info("import %d: a token was refused before its time", fetch.id)
        else:
            return
    # a token that renews is good for one use: of two processes that use it, one would end the consent
    if not lease.renew():
        return
    tokens = consents.renew_tokens(core, fetch.provider, tokens)
    # saved first: some providers give a token that renews for one use
    sealed = consents.seal_tokens(core, tokens, owner)
    if lease.write(lambda tx: store.save_tokens(tx, fetch.id, sealed)):
        _work_at(core, fetch, lease, Server(fetch.host, fetch.user, token=tokens.access))


def _work_at(core: Core, fetch: Fetch, lease: _Lease, server: Server) -> None:
    """Work at a server, at addresses that may be asked."""
    server = dataclasses.replace(
        server,
        port=fetch.port,
        ca=core.config.imports.ca,
        may_connect=lambda address: may_ask(core, address, fetch.port),
        # the sizes that a server tells are not always those of its messages
        literal_octets=core.config.message_octets + 2 * FETCH_OCTETS,
    )
    if fetch.state is FetchState.LISTING:
        _list(core, fetch, lease, server)
    else:
        _fetch_all(core, fetch, lease, server)


def may_ask(core: Core, address: str, port: int) -> bool:
    """Say if this address may be asked: of the network at large at port 993, or in a network that the site names."""
    if within(address, core.config.imports.networks):
        return True
    try:
        return port == PORT and is_public(ip_address(address.partition("%")[0]))
    except ValueError:
        return False


def _list(core: Core, fetch: Fetch, lease: _Lease, server: Server) -> None:
    found: dict[str, FetchedFolder] = {}
    doubled = Counter[str]()  # a server may have thousands whose names become one
    for folder in imap_import.list_folders(server):
        name = tidy = mail_import.tidy_name(folder.name)
        while name in found:
            doubled[tidy] += 1
            name = f"{tidy}~{doubled[tidy] if doubled[tidy] > 1 else ''}"
        found[name] = FetchedFolder(folder.there, name, folder.special_use, folder.messages, folder.octets)

    def write(tx: Tx) -> None:
        now = core.clock.seconds()
        if store.is_worked_on(tx, fetch.id):
            store.save_folders(tx, fetch.id, tuple(found.values()), now)
            store.set_state(tx, fetch.id, FetchState.CHOOSING, "", now)

    lease.write(write)


def _fetch_all(core: Core, fetch: Fetch, lease: _Lease, server: Server) -> None:
    stop = time.monotonic() + TURN_SECONDS
    folders = list(fetch.folders)
    with open_connection(server) as client:
        for number, folder in enumerate(folders):
            if not folder.chosen or folder.is_over:
                continue
            run = _FolderRun(core, fetch, lease, folders, number)
            messages = imap_import.fetch_folder(client, folder.there, run.resume_after, core.config.message_octets)
            if not run.take_messages(messages, stop):
                return
    detail = core.db.read(lambda tx: store.find_fetch(tx, fetch.account, fetch.id))
    count = detail.messages if detail else 0

    def write(tx: Tx) -> None:
        store.set_state(tx, fetch.id, FetchState.DONE, "", core.clock.seconds())
        audit.note(core, tx, fetch.account, Event.MAIL_IMPORTED, detail=f"IMAP {fetch.host}: {count} messages")

    lease.write(write)


class _FolderRun:
    """Takes the messages of one folder into its mailbox here, batch by batch."""

    def __init__(self, core: Core, fetch: Fetch, lease: _Lease, folders: list[FetchedFolder], number: int) -> None:
        self._core, self._fetch, self._lease, self._folders, self._number = core, fetch, lease, folders, number
        self._importer = Importer(core, fetch.account)
        self._saved = self._importer.report

    def resume_after(self, uidvalidity: int) -> int:
        """Return the uid that came last; 0 where uids mean something else by now: what is here is not doubled."""
        folder = self._folders[self._number]
        if folder.uidvalidity not in (0, uidvalidity):
            folder = dataclasses.replace(folder, uid=0, done=0)
        self._folders[self._number] = dataclasses.replace(folder, uidvalidity=uidvalidity)
        return folder.uid

    def take_messages(self, messages: Iterator[tuple[int, Stored | None]], stop: float) -> bool:
        """Take them; False when the turn is over, or the owner has paused.  Raises OverQuota, ImportRefused."""
        box = self._importer.mailbox(self._folders[self._number].name, self._folders[self._number].special_use)
        count = octets = last = 0
        for uid, message in messages:
            self._importer.add(box, message)
            count, last = count + 1, uid
            octets += len(message.octets) if message else 0
            if count >= BATCH or octets >= BATCH_OCTETS:
                if not self._save(last, octets):
                    return False
                if time.monotonic() >= stop:
                    self._core.db.write(
                        lambda tx: store.postpone_turn(tx, self._fetch.id, self._core.clock.seconds() + PAUSE_SECONDS)
                    )
                    return False
                count = octets = 0
        return self._save(last, octets, is_over=True)

    def _save(self, last: int, octets: int, *, is_over: bool = False) -> bool:
        """Save how far the folder came, behind the messages themselves: nothing is left out if we die in between.

        False where it is not to go on: its owner has paused it, or another process has it.
        """
        self._importer.finish()
        folder = self._folders[self._number]
        folder = dataclasses.replace(
            folder, uid=max(last, folder.uid), done=folder.done + octets, is_over=is_over or folder.is_over
        )
        self._folders[self._number] = folder
        before, now = self._saved, self._importer.report
        self._saved = now

        goes_on = False

        def write(tx: Tx) -> None:
            nonlocal goes_on
            at = self._core.clock.seconds()
            store.save_folders(tx, self._fetch.id, tuple(self._folders), at)
            store.save_counts(
                tx,
                self._fetch.id,
                now.messages - before.messages,
                now.there - before.there,
                now.left_out - before.left_out,
            )
            is_active = get_account(tx, self._fetch.account).state is AccountState.ACTIVE
            goes_on = is_active and store.is_worked_on(tx, self._fetch.id)

        return self._lease.write(write) and goes_on
