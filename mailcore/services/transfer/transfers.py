"""Take-outs and imports of the portal: run where they were asked for, and told of in the database, so any page can show how far.

An import runs in a thread of its own after its file is on disk.  One whose process died says nothing for two minutes, and
its owner may then let it go on from the file, which stays for a day: nothing is doubled.
"""

import dataclasses
import json
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import ImportRefused, LinkExpired, MailError, TooMany
from mailcore.log import log_for
from mailcore.saying import Saying
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.notices import catalogue
from mailcore.services.transfer import mail_import, takeout, takeout_import, uploads
from mailcore.services.transfer.mail_import import Report
from mailcore.services.transfer.takeout import Plan
from mailcore.store.engine.db import Tx
from mailcore.store.people.accounts import get_account
from mailcore.store.site import transfers as store
from mailcore.store.site.transfers import Transfer, TransferKind, TransferState

log = log_for(__name__)
SHOWN = 10
SILENT_SECONDS = 120  # after which nobody is at work any more
KEEP_SECONDS = 30 * 86_400
FILE_SECONDS = 86_400
MAX_AT_ONCE = 2  # of one account
RECORD_SECONDS = 1.0


def list_transfers(core: Core, account: AccountId) -> list[Transfer]:
    """List the transfers of an account, newest first."""
    transfers = core.db.read(lambda tx: store.list_latest(tx, account, SHOWN))
    now = core.clock.seconds()
    return [_mark_silent(transfer, now) for transfer in transfers]


def _mark_silent(transfer: Transfer, now: int) -> Transfer:
    dead = transfer.state == TransferState.RUNNING and now - transfer.updated_at.timestamp() > SILENT_SECONDS
    return dataclasses.replace(transfer, state=TransferState.BROKEN) if dead else transfer


def read_report(transfer: Transfer) -> Report:
    """Return the result of an import; empty until it has ended."""
    if not transfer.report or transfer.kind != TransferKind.IMPORT:
        return Report()
    report = json.loads(transfer.report)
    if "messages" not in report:  # it has not ended
        return Report()
    return Report(**{**report, "notes": tuple(map(catalogue.from_json, report["notes"]))})


def _begin_transfer(core: Core, account: AccountId, kind: TransferKind, name: str, total: int) -> int:
    """Raises TooMany."""
    now = core.clock.seconds()

    def write(tx: Tx) -> int:
        if store.count_running(tx, account, now - SILENT_SECONDS) >= MAX_AT_ONCE:
            raise TooMany(Saying("Something is on its way already. Wait until it is done."))
        return store.add_transfer(tx, account, kind, name, total, now)

    return core.db.write(write)


class _ProgressRecorder:
    """Records the progress of a transfer, at most once a second."""

    def __init__(self, core: Core, transfer: int) -> None:
        self._core, self._transfer, self._last = core, transfer, 0.0

    def __call__(self, done: int) -> bool:
        """Record the octets done if it is time to; returns whether it did."""
        if time.monotonic() - self._last < RECORD_SECONDS:
            return False
        self._last = time.monotonic()
        now = self._core.clock.seconds()
        self._core.db.write(lambda tx: store.save_progress(tx, self._transfer, done, now))
        return True


@dataclass(frozen=True, slots=True)
class ReadyTakeout:
    """A take-out that can be fetched.

    Attributes:
        mark: differs when the octets would differ (an ETag).
        length: octets, or None where only making it can tell.
    """

    transfer: int
    name: str
    mark: str
    length: int | None
    plan: Plan


def prepare_takeout(core: Core, account: AccountId, form: str, *, small: bool = False) -> int:
    """Prepare a take-out, to be fetched within a day, and return its number.  Raises TooMany."""
    planned = takeout.make_plan(core, account, form, small=small)
    total = takeout.count_contents(core, account).octets
    transfer = _begin_transfer(core, account, TransferKind.EXPORT, form, total)
    told = json.dumps({"plan": dataclasses.asdict(planned), "turn": 0, "length": None, "mark": ""})

    def write(tx: Tx) -> None:
        store.restart_transfer(tx, transfer, told, core.clock.seconds())
        audit.note(core, tx, account, Event.TAKEN_OUT, detail=form)

    core.db.write(write)
    return transfer


def find_takeout(core: Core, account: AccountId, transfer: int, *, measure: bool = False) -> ReadyTakeout:
    """Describe the take-out that can be fetched now.

    Args:
        measure: its length is wanted, so it may be made once for that.

    Raises:
        LinkExpired: there is no such take-out, or it is older than a day.
    """
    owner, found = core.db.read(lambda tx: (get_account(tx, account), _find_export(core, tx, account, transfer)))
    planned = _read_plan(found)
    mark = takeout.make_mark(core, account, planned)
    told = json.loads(found.report)
    known = told["length"] if told["mark"] == mark else None
    if known is None and measure and not planned.small:
        known = takeout.measure_length(core, account, planned)
    if (mark, known) != (told["mark"], told["length"]):
        report = json.dumps(told | {"mark": mark, "length": known})
        core.db.write(lambda tx: store.save_report(tx, transfer, report))
    day = found.started_at.date().isoformat()
    return ReadyTakeout(transfer, f"alumnimail-{owner.name}-{day}.zip", mark, known, planned)


def _find_export(core: Core, tx: Tx, account: AccountId, transfer: int) -> Transfer:
    takeout_transfer = store.find_transfer(tx, account, transfer)
    old = core.clock.seconds() - FILE_SECONDS
    if (
        takeout_transfer is None
        or takeout_transfer.kind != TransferKind.EXPORT
        or not takeout_transfer.report
        or takeout_transfer.started_at.timestamp() < old
    ):
        raise LinkExpired("there is no such take-out any more")
    return takeout_transfer


def _read_plan(transfer: Transfer) -> Plan:
    kept = json.loads(transfer.report)["plan"]
    return Plan(**(kept | {"boxes": tuple((box, below) for box, below in kept["boxes"])}))


def read_blocks(core: Core, account: AccountId, ready: ReadyTakeout, start: int = 0) -> Generator[bytes]:
    """Yield the octets of the file from `start` on; a new download ends an earlier one.  Raises LinkExpired."""

    def begin(tx: Tx) -> int:
        told = json.loads(_find_export(core, tx, account, ready.transfer).report)
        store.restart_transfer(tx, ready.transfer, json.dumps(told | {"turn": told["turn"] + 1}), core.clock.seconds())
        return int(told["turn"]) + 1

    turn = core.db.write(begin)
    return _yield_blocks(core, account, ready, turn, start)


def _yield_blocks(core: Core, account: AccountId, ready: ReadyTakeout, turn: int, start: int) -> Generator[bytes]:
    record, state, skip = _ProgressRecorder(core, ready.transfer), TransferState.BROKEN, start

    def mine(tx: Tx) -> bool:
        now = store.find_transfer(tx, account, ready.transfer)
        return now is not None and json.loads(now.report)["turn"] == turn

    def progress(done: int, _total: int) -> None:
        if record(done) and not core.db.read(mine):
            raise LinkExpired("it is fetched by another connection now")

    try:
        for block in takeout.write_zip(core, account, ready.plan, progress):
            if skip >= len(block):
                skip -= len(block)
                continue
            yield block[skip:]
            skip = 0
        state = TransferState.DONE
    except LinkExpired:
        log.info("take-out %d goes on elsewhere", ready.transfer)
    finally:  # also when the browser goes away
        core.db.write(
            lambda tx: store.end_transfer(tx, ready.transfer, state, None, core.clock.seconds()) if mine(tx) else None
        )


def start_import(core: Core, account: AccountId, file: Path, name: str, mailbox: str) -> threading.Thread:
    """Import a file that the portal has put on disk; it is removed afterwards.

    Args:
        name: as its owner calls it.
        mailbox: for an mbox file, "" = as the file is called.

    Raises:
        TooMany: this account has others at work.
    """
    try:
        transfer = _begin_transfer(core, account, TransferKind.IMPORT, name[:200], file.stat().st_size)
    except MailError:
        file.unlink(missing_ok=True)
        raise
    told = json.dumps({"mailbox": mailbox or mail_import.suggest_mailbox(name), "by_labels": not mailbox})
    file.rename(_file_path(core, transfer))
    core.db.write(lambda tx: store.restart_transfer(tx, transfer, told, core.clock.seconds()))
    return _start_thread(core, account, transfer, told)


def may_resume(core: Core, transfer: Transfer) -> bool:
    """Say if an import can be resumed: its process died, and its file is still there."""
    return (
        transfer.kind == TransferKind.IMPORT
        and transfer.state == TransferState.BROKEN
        and _file_path(core, transfer.id).exists()
    )


def resume_import(core: Core, account: AccountId, number: int) -> threading.Thread:
    """Resume such an import; messages that are here are not doubled.  Raises LinkExpired."""

    def write(tx: Tx) -> str:
        found = store.find_transfer(tx, account, number)
        now = core.clock.seconds()
        # asked in one transaction: nobody begins it twice
        if found is None or not may_resume(core, _mark_silent(found, now)):
            raise LinkExpired("there is nothing to go on with")
        store.restart_transfer(tx, number, found.report, now)
        return found.report

    return _start_thread(core, account, number, core.db.write(write))


def _file_path(core: Core, transfer: int) -> Path:
    return uploads.make_folder(core) / f"{uploads.WAITING}{transfer}"


def _start_thread(core: Core, account: AccountId, transfer: int, told: str) -> threading.Thread:
    worker = threading.Thread(
        target=_run_import,
        args=(core, account, _file_path(core, transfer), json.loads(told), transfer),
        daemon=True,
        name=f"import {transfer}",
    )
    worker.start()
    return worker


def _run_import(core: Core, account: AccountId, file: Path, import_wish: dict[str, Any], transfer: int) -> None:
    record = _ProgressRecorder(core, transfer)

    state, report = TransferState.REFUSED, Report()

    def progress(so_far: Report) -> None:
        nonlocal report
        report = so_far
        record(so_far.octets)

    try:
        report = _import_file(core, account, file, import_wish, progress)
        nothing = report.left_out and not report.messages + report.there
        ended = TransferState.FULL if report.full else TransferState.DONE
        state = TransferState.REFUSED if report.broken or nothing else ended
    except MailError as problem:
        report = dataclasses.replace(report, notes=(*report.notes, problem.args[0]))
    except Exception:  # strangers' files: whoever waits hears that it ended
        log.exception("import %d failed", transfer)
    finally:
        file.unlink(missing_ok=True)
        text = json.dumps(dataclasses.asdict(report) | {"notes": list(map(catalogue.to_json, report.notes))})
        core.db.write(lambda tx: store.end_transfer(tx, transfer, state, text, core.clock.seconds()))


def _import_file(
    core: Core, account: AccountId, file: Path, wish: dict[str, Any], progress: Callable[[Report], None]
) -> Report:  # Any: what JSON holds
    with file.open("rb") as octets:
        begin = octets.read(2)
        octets.seek(0)
        if not begin:
            raise ImportRefused(Saying("There is no message in this file."))
        if begin == b"PK":
            return takeout_import.import_takeout(core, account, octets, progress)
        return mail_import.import_mbox(
            core, account, octets, str(wish["mailbox"]), progress, by_labels=bool(wish.get("by_labels"))
        )


def delete_expired(core: Core) -> int:
    """Delete files that nobody reads any more, and records of old transfers; a job."""
    old = time.time() - FILE_SECONDS
    for path in uploads.make_folder(core).glob(f"{uploads.WAITING}*"):
        if path.stat().st_mtime < old:
            path.unlink(missing_ok=True)
    uploads.delete_expired(core, old)
    return core.db.write(lambda tx: store.delete_transfers(tx, core.clock.seconds() - KEEP_SECONDS))
