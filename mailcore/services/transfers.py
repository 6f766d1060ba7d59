"""Take-outs and imports of the portal: run where they were asked for, and told of in the database, so any page can show how far.

An import runs in a thread of its own after its file is on disk.  One whose process died says nothing for two minutes, and may
then be started again: nothing is doubled.
"""

import dataclasses
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import ImportRefused, MailError, Saying, TooMany
from mailcore.log import log_for
from mailcore.services import audit, moving_in, sayings, takeout, takeout_read
from mailcore.services.audit import Event
from mailcore.services.moving_in import Report
from mailcore.store import transfers as store
from mailcore.store.db import Tx
from mailcore.store.transfers import Transfer

log = log_for(__name__)
SHOWN = 10
SILENT_SECONDS = 120  # after which nobody is at work any more
KEEP_SECONDS = 30 * 86_400
FILE_SECONDS = 86_400
MAX_AT_ONCE = 2  # of one account
TELL_SECONDS = 1.0


def latest(core: Core, account: AccountId) -> list[Transfer]:
    """Newest first."""
    found = core.db.read(lambda tx: store.latest(tx, account, SHOWN))
    now = core.clock.seconds()
    return [
        dataclasses.replace(one, state="broken")
        if one.state == "running" and now - one.updated_at.timestamp() > SILENT_SECONDS
        else one
        for one in found
    ]


def report_of(transfer: Transfer) -> Report:
    """What an import did."""
    if not transfer.report:
        return Report()
    told = json.loads(transfer.report)
    return Report(**{**told, "notes": tuple(map(sayings.kept, told["notes"]))})


def _begin(core: Core, account: AccountId, kind: str, name: str, total: int) -> int:
    """Raises TooMany."""
    now = core.clock.seconds()

    def write(tx: Tx) -> int:
        if store.running(tx, account, now - SILENT_SECONDS) >= MAX_AT_ONCE:
            raise TooMany(Saying("something is on its way already"))
        return store.begin(tx, account, kind, name, total, now)

    return core.db.write(write)


class _Teller:
    """Writes down how far it is, at most once a second."""

    def __init__(self, core: Core, transfer: int) -> None:
        self._core, self._transfer, self._last = core, transfer, 0.0

    def __call__(self, done: int) -> None:
        if time.monotonic() - self._last < TELL_SECONDS:
            return
        self._last = time.monotonic()
        now = self._core.clock.seconds()
        self._core.db.write(lambda tx: store.tell(tx, self._transfer, done, now))


def export(core: Core, account: AccountId, form: str) -> Iterator[bytes]:
    """The blocks of a take-out, for the browser.  Raises TooMany before the first."""
    total = takeout.contents(core, account).octets
    transfer = _begin(core, account, "export", form, total)
    core.db.write(lambda tx: audit.note(core, tx, account, Event.TAKEN_OUT, detail=form))
    return _told(core, account, form, transfer)


def _told(core: Core, account: AccountId, form: str, transfer: int) -> Iterator[bytes]:
    tell, state = _Teller(core, transfer), "broken"
    try:
        yield from takeout.write(core, account, form, lambda done, total: tell(done))
        state = "done"
    finally:  # also when the browser goes away
        core.db.write(lambda tx: store.end(tx, transfer, state, "", core.clock.seconds()))


def incoming(core: Core) -> Path:
    """Where files wait to be read."""
    folder = core.config.data_path / "incoming"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def bring(core: Core, account: AccountId, file: Path, name: str, mailbox: str) -> threading.Thread:
    """Import a file that the portal has put on disk; it is removed afterwards.

    Args:
        name: as its owner calls it.
        mailbox: for an mbox file, "" = as the file is called.

    Raises:
        TooMany: this account has others at work.
    """
    try:
        transfer = _begin(core, account, "import", name[:200], file.stat().st_size)
    except MailError:
        file.unlink(missing_ok=True)
        raise
    worker = threading.Thread(
        target=_bring, args=(core, account, file, mailbox or moving_in.mailbox_of_file(name), transfer), daemon=True,
        name=f"import {transfer}",
    )  # fmt: skip
    worker.start()
    return worker


def _bring(core: Core, account: AccountId, file: Path, mailbox: str, transfer: int) -> None:
    tell = _Teller(core, transfer)

    def progress(report: Report) -> None:
        tell(report.octets)

    state, report = "refused", Report()
    try:
        report = _read(core, account, file, mailbox, progress)
        state = "full" if report.full else "done"
    except MailError as problem:
        report = Report(notes=(problem.args[0],))
    except Exception:
        log.exception("import %d failed", transfer)
    finally:
        file.unlink(missing_ok=True)
        text = json.dumps(dataclasses.asdict(report) | {"notes": list(map(sayings.keep, report.notes))})
        core.db.write(lambda tx: store.end(tx, transfer, state, text, core.clock.seconds()))


def _read(core: Core, account: AccountId, file: Path, mailbox: str, progress: Callable[[Report], None]) -> Report:
    with file.open("rb") as octets:
        begin = octets.read(5)
        octets.seek(0)
        if begin.startswith(b"PK"):
            return takeout_read.from_takeout(core, account, octets, progress)
        if begin == b"From ":
            return moving_in.from_mbox(core, account, octets, mailbox, progress)
    raise ImportRefused(Saying("this is neither a take-out nor an mbox file"))


def forget(core: Core) -> int:
    """The job: files that nobody reads any more, and what is told of old transfers."""
    old = time.time() - FILE_SECONDS
    for path in incoming(core).glob("in-*"):
        if path.stat().st_mtime < old:
            path.unlink(missing_ok=True)
    return core.db.write(lambda tx: store.forget(tx, core.clock.seconds() - KEEP_SECONDS))
