"""Take-outs and imports of the portal: run where they were asked for, and told of in the database, so any page can show how far.

An import runs in a thread of its own after its file is on disk.  One whose process died says nothing for two minutes, and
its owner may then let it go on from the file, which stays for a day: nothing is doubled.
"""

import dataclasses
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import ImportRefused, LinkExpired, MailError, Saying, TooMany
from mailcore.log import log_for
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.notices import catalogue
from mailcore.services.transfer import mail_import, takeout, takeout_import, uploads
from mailcore.services.transfer.mail_import import Report
from mailcore.services.transfer.takeout import Plan
from mailcore.store.engine.db import Tx
from mailcore.store.people.accounts import get_account
from mailcore.store.site import transfers as store
from mailcore.store.site.transfers import Transfer

log = log_for(__name__)
SHOWN = 10
SILENT_SECONDS = 120  # after which nobody is at work any more
KEEP_SECONDS = 30 * 86_400
FILE_SECONDS = 86_400
MAX_AT_ONCE = 2  # of one account
TELL_SECONDS = 1.0


def latest(core: Core, account: AccountId) -> list[Transfer]:
    """Newest first."""
    found = core.db.read(lambda tx: store.list_latest(tx, account, SHOWN))
    now = core.clock.seconds()
    return [_silent(one, now) for one in found]


def _silent(one: Transfer, now: int) -> Transfer:
    dead = one.state == "running" and now - one.updated_at.timestamp() > SILENT_SECONDS
    return dataclasses.replace(one, state="broken") if dead else one


def report_of(transfer: Transfer) -> Report:
    """Return the result of an import; empty until it has ended."""
    if not transfer.report or transfer.kind != "import":
        return Report()
    told = json.loads(transfer.report)
    if "messages" not in told:  # it has not ended
        return Report()
    return Report(**{**told, "notes": tuple(map(catalogue.from_json, told["notes"]))})


def _begin(core: Core, account: AccountId, kind: str, name: str, total: int) -> int:
    """Raises TooMany."""
    now = core.clock.seconds()

    def write(tx: Tx) -> int:
        if store.count_running(tx, account, now - SILENT_SECONDS) >= MAX_AT_ONCE:
            raise TooMany(Saying("Something is on its way already. Wait until it is done."))
        return store.add_transfer(tx, account, kind, name, total, now)

    return core.db.write(write)


class _Teller:
    """Writes down how far it is, at most once a second."""

    def __init__(self, core: Core, transfer: int) -> None:
        self._core, self._transfer, self._last = core, transfer, 0.0

    def __call__(self, done: int) -> bool:
        """Was it time to?"""
        if time.monotonic() - self._last < TELL_SECONDS:
            return False
        self._last = time.monotonic()
        now = self._core.clock.seconds()
        self._core.db.write(lambda tx: store.save_progress(tx, self._transfer, done, now))
        return True


@dataclass(frozen=True, slots=True)
class Made:
    """A take-out that may be fetched.

    Attributes:
        mark: another one when other octets would come out.
        length: octets, or None where only making it can tell.
    """

    transfer: int
    name: str
    mark: str
    length: int | None
    plan: Plan


def export(core: Core, account: AccountId, form: str, *, small: bool = False) -> int:
    """Settle a take-out, to be fetched within a day; its number.  Raises TooMany."""
    planned = takeout.plan(core, account, form, small=small)
    total = takeout.contents(core, account).octets
    transfer = _begin(core, account, "export", form, total)
    told = json.dumps({"plan": dataclasses.asdict(planned), "turn": 0, "length": None, "mark": ""})

    def write(tx: Tx) -> None:
        store.restart_transfer(tx, transfer, told, core.clock.seconds())
        audit.note(core, tx, account, Event.TAKEN_OUT, detail=form)

    core.db.write(write)
    return transfer


def made(core: Core, account: AccountId, transfer: int, *, measure: bool = False) -> Made:
    """Describe the take-out that can be fetched now.

    Args:
        measure: its length is wanted, so it may be made once for that.

    Raises:
        LinkExpired: there is no such take-out, or it is older than a day.
    """
    owner, found = core.db.read(lambda tx: (get_account(tx, account), _export(core, tx, account, transfer)))
    planned = _plan(found)
    mark = takeout.mark(core, account, planned)
    told = json.loads(found.report)
    known = told["length"] if told["mark"] == mark else None
    if known is None and measure and not planned.small:
        known = takeout.length(core, account, planned)
    if (mark, known) != (told["mark"], told["length"]):
        report = json.dumps(told | {"mark": mark, "length": known})
        core.db.write(lambda tx: store.save_report(tx, transfer, report))
    day = found.started_at.date().isoformat()
    return Made(transfer, f"alumnimail-{owner.name}-{day}.zip", mark, known, planned)


def _export(core: Core, tx: Tx, account: AccountId, transfer: int) -> Transfer:
    found = store.find_transfer(tx, account, transfer)
    old = core.clock.seconds() - FILE_SECONDS
    if found is None or found.kind != "export" or not found.report or found.started_at.timestamp() < old:
        raise LinkExpired("there is no such take-out any more")
    return found


def _plan(found: Transfer) -> Plan:
    kept = json.loads(found.report)["plan"]
    return Plan(**(kept | {"boxes": tuple((box, below) for box, below in kept["boxes"])}))


def blocks(core: Core, account: AccountId, found: Made, start: int = 0) -> Iterator[bytes]:
    """The octets of the file from `start` on.  Who fetches it anew ends the one who fetched it before.  Raises LinkExpired."""

    def begin(tx: Tx) -> int:
        told = json.loads(_export(core, tx, account, found.transfer).report)
        store.restart_transfer(tx, found.transfer, json.dumps(told | {"turn": told["turn"] + 1}), core.clock.seconds())
        return int(told["turn"]) + 1

    turn = core.db.write(begin)
    return _told(core, account, found, turn, start)


def _told(core: Core, account: AccountId, found: Made, turn: int, start: int) -> Iterator[bytes]:
    tell, state, skip = _Teller(core, found.transfer), "broken", start

    def mine(tx: Tx) -> bool:
        now = store.find_transfer(tx, account, found.transfer)
        return now is not None and json.loads(now.report)["turn"] == turn

    def progress(done: int, _total: int) -> None:
        if tell(done) and not core.db.read(mine):
            raise LinkExpired("it is fetched by another connection now")

    try:
        for block in takeout.write(core, account, found.plan, progress):
            if skip >= len(block):
                skip -= len(block)
                continue
            yield block[skip:]
            skip = 0
        state = "done"
    except LinkExpired:
        log.info("take-out %d goes on elsewhere", found.transfer)
    finally:  # also when the browser goes away
        core.db.write(
            lambda tx: store.end_transfer(tx, found.transfer, state, None, core.clock.seconds()) if mine(tx) else None
        )


def incoming(core: Core) -> Path:
    """Return the folder where files wait to be read."""
    return uploads.folder(core)


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
    told = json.dumps({"mailbox": mailbox or mail_import.mailbox_of_file(name), "by_labels": not mailbox})
    file.rename(_file(core, transfer))
    core.db.write(lambda tx: store.restart_transfer(tx, transfer, told, core.clock.seconds()))
    return _start(core, account, transfer, told)


def may_go_on(core: Core, transfer: Transfer) -> bool:
    """An import whose process died, and whose file is still there."""
    return transfer.kind == "import" and transfer.state == "broken" and _file(core, transfer.id).exists()


def go_on(core: Core, account: AccountId, number: int) -> threading.Thread:
    """Begin such an import again; what is here is not doubled.  Raises LinkExpired."""

    def write(tx: Tx) -> str:
        found = store.find_transfer(tx, account, number)
        now = core.clock.seconds()
        # asked in one transaction: nobody begins it twice
        if found is None or not may_go_on(core, _silent(found, now)):
            raise LinkExpired("there is nothing to go on with")
        store.restart_transfer(tx, number, found.report, now)
        return found.report

    return _start(core, account, number, core.db.write(write))


def _file(core: Core, transfer: int) -> Path:
    return uploads.folder(core) / f"{uploads.WAITING}{transfer}"


def _start(core: Core, account: AccountId, transfer: int, told: str) -> threading.Thread:
    worker = threading.Thread(
        target=_bring,
        args=(core, account, _file(core, transfer), json.loads(told), transfer),
        daemon=True,
        name=f"import {transfer}",
    )
    worker.start()
    return worker


def _bring(core: Core, account: AccountId, file: Path, wish: dict[str, Any], transfer: int) -> None:
    tell = _Teller(core, transfer)

    state, report = "refused", Report()

    def progress(so_far: Report) -> None:
        nonlocal report
        report = so_far
        tell(so_far.octets)

    try:
        report = _read(core, account, file, wish, progress)
        nothing = report.left_out and not report.messages + report.there
        state = "refused" if report.broken or nothing else "full" if report.full else "done"
    except MailError as problem:
        report = dataclasses.replace(report, notes=(*report.notes, problem.args[0]))
    except Exception:
        log.exception("import %d failed", transfer)
    finally:
        file.unlink(missing_ok=True)
        text = json.dumps(dataclasses.asdict(report) | {"notes": list(map(catalogue.to_json, report.notes))})
        core.db.write(lambda tx: store.end_transfer(tx, transfer, state, text, core.clock.seconds()))


def _read(
    core: Core, account: AccountId, file: Path, wish: dict[str, Any], progress: Callable[[Report], None]
) -> Report:  # Any: what JSON holds
    with file.open("rb") as octets:
        begin = octets.read(2)
        octets.seek(0)
        if not begin:
            raise ImportRefused(Saying("There is no message in this file."))
        if begin == b"PK":
            return takeout_import.from_takeout(core, account, octets, progress)
        return mail_import.from_mbox(
            core, account, octets, str(wish["mailbox"]), progress, by_labels=bool(wish.get("by_labels"))
        )


def forget(core: Core) -> int:
    """The job: files that nobody reads any more, and what is told of old transfers."""
    old = time.time() - FILE_SECONDS
    for path in uploads.folder(core).glob(f"{uploads.WAITING}*"):
        if path.stat().st_mtime < old:
            path.unlink(missing_ok=True)
    uploads.forget(core, old)
    return core.db.write(lambda tx: store.delete_transfers(tx, core.clock.seconds() - KEEP_SECONDS))
