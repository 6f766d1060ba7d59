"""The writer answers every write whatever goes wrong around it, and a process without a writer ends."""

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailcore.domain import AccountId
from mailcore.errors import Busy
from mailcore.process.feed import Feed
from mailcore.process.threads import Threads
from mailcore.store.engine import checkpoint, write_watch
from mailcore.store.engine import db as store
from mailcore.store.engine.db import Db
from mailcore.store.engine.sqlite import SqliteDb
from mailcore.store.engine.turn import Turn

SECONDS = 60  # who is not answered by then never is


@pytest.fixture
def threads():
    made = Threads(2, 2)
    yield made
    made.close()


class Databases:
    """Makes databases with one table; `ended` has a word for each process that would have ended."""

    def __init__(self, folder: Path, threads: Threads) -> None:
        self._folder, self._threads = folder, threads
        self.opened: list[Db] = []
        self.ended: list[str] = []

    def __call__(self, woken: Callable[[set[AccountId]], None] = lambda accounts: None) -> Db:
        path = self._folder / f"{len(self.opened)}" / "mail.db"
        db = SqliteDb(path, self._threads, woken, on_end=lambda: self.ended.append("ended"))
        self.opened.append(db)
        db.write(lambda tx: tx.run("CREATE TABLE t (x INTEGER)"))
        return db


@pytest.fixture
def open_db(tmp_path: Path, threads: Threads) -> Iterator[Databases]:
    databases = Databases(tmp_path, threads)
    yield databases
    for db in databases.opened:
        db.close()


def count(db: Db) -> int:
    return db.read(lambda tx: tx.rows("SELECT count(*) FROM t"))[0][0]


def add(tx) -> int:
    tx.changed.add(AccountId(1))
    return tx.insert("INSERT INTO t VALUES (1)")


def write_in_time(db: Db, fn) -> object:
    """The result, or the exception; fails where nobody answers."""
    found: list[object] = []

    def work() -> None:
        try:
            found.append(db.write(fn))
        except BaseException as problem:
            found.append(problem)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(SECONDS)
    assert found, "the write was never answered"
    return found[0]


def raising(problem: BaseException):
    def fail(*_args, **_more):
        raise problem

    return fail


def wait_until(true) -> None:
    end = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


# Around the writes


@pytest.mark.parametrize(
    "problem", [ValueError("x"), RuntimeError("the loop"), MemoryError(), OSError(5, "x"), Busy("x")]
)
def test_who_cannot_be_woken_costs_no_write(open_db, problem):
    db = open_db(woken=raising(problem))
    assert isinstance(write_in_time(db, add), int)
    assert isinstance(write_in_time(db, add), int)
    assert count(db) == 2
    assert open_db.ended == []


@pytest.mark.parametrize("place", ["_turn", "_gather", "_commit", "connection", "_run_one"])
@pytest.mark.parametrize(
    "problem", [OSError(5, "Input/output error"), MemoryError(), ValueError("a fault"), apsw.IOError("x")]
)
def test_a_fault_around_the_writes_is_answered_as_busy_and_the_next_is_written(open_db, monkeypatch, place, problem):
    db = open_db()
    with monkeypatch.context() as patch:
        patch.setattr(db, place, raising(problem))
        assert isinstance(write_in_time(db, add), Busy)
    assert isinstance(write_in_time(db, add), int)
    assert count(db) == 1


def test_a_checkpoint_that_fails_costs_no_write_and_is_tried_again(open_db, monkeypatch, caplog):
    db = open_db()
    monkeypatch.setattr(checkpoint, "CHECKPOINT", 4)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "_copy_once", raising(ValueError("a fault")))
        db._checkpoints._due = 0
        assert isinstance(write_in_time(db, add), int)
        wait_until(lambda: "the database's log is not copied: a fault" in caplog.text)
        assert isinstance(write_in_time(db, add), int)
    copied = threading.Event()

    def copy_all(_: object) -> tuple[int, int]:
        copied.set()
        return 1, 1

    monkeypatch.setattr(checkpoint, "_copy_once", copy_all)
    wait_until(lambda: isinstance(write_in_time(db, add), int) and copied.is_set())


def test_writes_go_on_while_a_checkpoint_waits_for_the_disk(open_db, monkeypatch):
    db, go_on, copying = open_db(), threading.Event(), threading.Event()

    def wait_for_the_disk(_connection):
        copying.set()
        assert go_on.wait(SECONDS)
        return 1, 1

    monkeypatch.setattr(checkpoint, "_copy_once", wait_for_the_disk)
    db._checkpoints._due = 0
    assert isinstance(write_in_time(db, add), int)
    assert copying.wait(SECONDS)
    assert isinstance(write_in_time(db, add), int)  # a database whose writer copies would not answer before `go_on`
    go_on.set()


def test_closing_waits_for_the_checkpoint_at_hand_and_for_no_other(tmp_path, monkeypatch):
    go_on, copying = threading.Event(), threading.Event()

    def copy_late(_: object) -> tuple[int, int]:
        copying.set()
        assert go_on.wait(SECONDS)
        return 1, 1

    monkeypatch.setattr(checkpoint, "_copy_once", copy_late)
    copies = checkpoint.Checkpoints(tmp_path / "mail.db")
    copies.note_pages(checkpoint.CHECKPOINT)
    assert copying.wait(SECONDS)
    closing = threading.Thread(target=copies.stop, daemon=True)
    closing.start()
    wait_until(copies._over.is_set)
    assert closing.is_alive()
    go_on.set()
    closing.join(SECONDS)
    assert not closing.is_alive()


@pytest.mark.parametrize(
    ("passes", "turns"),
    [
        pytest.param([(10, 10)], 0, id="a short log"),
        pytest.param([(16010, 16010), (16020, 16020), (16030, 16030)], 1, id="a few written meanwhile"),
        pytest.param([(17000, 16300), (17500, 17500), (17501, 17501), (17502, 17502)], 1, id="many written meanwhile"),
        pytest.param([(17000, 16300), (17050, 16300)], 0, id="a reader holds the log"),
        pytest.param([(17000, 100)], 0, id="a reader holds all but a little"),
        pytest.param([(16010, 16010), (5, 5)], 0, id="it has begun anew"),
        pytest.param([(-1, -1)], 0, id="another process copies"),
    ],
)
def test_writers_wait_for_the_last_pages_of_a_long_log_only(tmp_path, monkeypatch, passes, turns):
    taken, left = [], list(passes)
    monkeypatch.setattr(checkpoint, "_copy_once", lambda _connection, _mode="PASSIVE": left.pop(0))
    take = Turn.taken

    def take_turn(self: Turn) -> AbstractContextManager[None]:
        taken.append(len(left))
        return take(self)

    monkeypatch.setattr(Turn, "taken", take_turn)
    checkpoint.Checkpoints(tmp_path / "mail.db")._copy()
    assert (left, len(taken)) == ([], turns)


def test_a_log_that_was_long_is_cut_when_it_begins_anew(open_db, tmp_path):
    db = open_db()
    db._checkpoints._due = 10**9

    def write_much(tx) -> None:
        assert 0 < tx.rows("PRAGMA journal_size_limit")[0][0] < 2**30
        tx.rows("PRAGMA journal_size_limit=100000")
        tx.many("INSERT INTO t VALUES (?)", [(2**40,)] * 30_000)

    db.write(write_much)
    log = tmp_path / "0" / "mail.db-wal"
    assert log.stat().st_size > 200_000
    db._checkpoints._copy()
    db.write(add)
    assert log.stat().st_size <= 100_000


def test_a_connection_that_is_left_in_a_transaction_is_replaced(open_db, monkeypatch):
    db = open_db()

    def leave_open(connection, write, changed, *, alone):
        db.peewee.close()  # the transaction and its connection are gone
        raise apsw.IOError("x")

    with monkeypatch.context() as patch:
        patch.setattr(db, "_run_one", leave_open)
        assert isinstance(write_in_time(db, add), Busy)
    assert isinstance(write_in_time(db, add), int)


# What a write raises


@pytest.mark.parametrize(
    "problem",
    [StopIteration(), KeyboardInterrupt(), SystemExit(3), GeneratorExit(), asyncio.CancelledError(), RecursionError()],
)
def test_whatever_a_write_raises_reaches_who_asked(open_db, problem):
    db = open_db()

    async def ask() -> BaseException | None:
        with contextlib.suppress(asyncio.CancelledError):
            try:
                await asyncio.wait_for(db.awrite(raising(problem)), SECONDS)
            except TimeoutError:
                pytest.fail("the write was never answered")
            except BaseException as found:
                return found
        return None

    if not isinstance(problem, KeyboardInterrupt | SystemExit | GeneratorExit):  # these end an event loop
        heard = asyncio.run(ask())
        assert heard is None or heard is problem or heard.__cause__ is problem
    result = write_in_time(db, raising(problem))
    assert result is problem or isinstance(result, BaseException) and result.__cause__ is problem
    assert isinstance(write_in_time(db, add), int)


def test_an_asker_that_went_away_keeps_no_other_from_an_answer(open_db):
    db = open_db()
    gate = threading.Event()

    async def ask() -> list[object]:
        first = asyncio.ensure_future(db.awrite(lambda tx: gate.wait(SECONDS)))
        rest = [asyncio.ensure_future(db.awrite(add)) for _ in range(5)]
        await asyncio.sleep(0)
        rest[1].cancel()
        gate.set()
        return await asyncio.wait_for(asyncio.gather(first, *rest, return_exceptions=True), SECONDS)

    found = asyncio.run(ask())
    assert sum(isinstance(one, int) for one in found[1:]) == 4
    assert count(db) == 5


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from(["good", "raises", "stops", "full", "unwoken", "turn", "commit"]), min_size=1, max_size=12)
)
def test_every_write_of_any_group_is_answered_and_what_was_answered_is_there(open_db, faults):
    """Good writes and faults of every kind, handed over at once."""
    db, plan = open_db(), list(faults)
    gate = threading.Event()
    real_turn, real_commit = db._turn, db._commit
    broken: list[str] = []

    def turn():
        if "turn" in broken:
            broken.remove("turn")
            raise OSError(5, "x")
        return real_turn()

    def commit(group):
        if "commit" in broken:
            broken.remove("commit")
            raise ValueError("a fault")
        return real_commit(group)

    db._turn, db._commit = turn, commit
    db._woken = raising(ValueError("x")) if "unwoken" in plan else db._woken
    made = {
        "good": add,
        "unwoken": add,
        "raises": raising(ValueError("mine")),
        "stops": raising(StopIteration()),
        "full": raising(apsw.FullError("full")),
    }
    answers: list[object] = []

    def ask(fn) -> None:
        try:
            answers.append(db.write(fn))
        except Exception as problem:
            answers.append(problem)

    jobs = [threading.Thread(target=ask, args=(lambda tx: gate.wait(SECONDS),), daemon=True)]
    jobs += [threading.Thread(target=ask, args=(made.get(kind, add),), daemon=True) for kind in plan]
    jobs[0].start()
    broken += [kind for kind in plan if kind in ("turn", "commit")]
    for job in jobs[1:]:
        job.start()
    gate.set()
    for job in jobs:
        job.join(SECONDS)
    assert len(answers) == len(jobs)
    done = sum(isinstance(answer, int) and not isinstance(answer, bool) for answer in answers)
    assert count(db) == done
    db._turn, db._commit = real_turn, real_commit
    assert isinstance(write_in_time(db, add), int)


# The end of the writer


def test_nobody_waits_for_a_database_that_is_closed(tmp_path, threads):
    ended: list[str] = []
    db = SqliteDb(tmp_path / "mail.db", threads, lambda accounts: None, on_end=lambda: ended.append("ended"))
    db.close()
    assert isinstance(write_in_time(db, add), Busy)
    time.sleep(1.5 * write_watch.LOOK_SECONDS)
    assert ended == []


def test_a_process_without_a_writer_ends(open_db, monkeypatch):
    monkeypatch.setattr(write_watch, "LOOK_SECONDS", 0.01)
    db = open_db()
    gate = threading.Event()
    waiting: list[object] = []

    def slow(tx) -> None:
        gate.wait(SECONDS)

    first = threading.Thread(target=lambda: waiting.append(write_in_time(db, slow)), daemon=True)
    first.start()
    monkeypatch.setattr(store, "_answer", _die_once(store._answer))
    rest = [threading.Thread(target=lambda: waiting.append(write_in_time(db, add)), daemon=True) for _ in range(3)]
    for one in rest:
        one.start()
    gate.set()
    db._writer.join(SECONDS)
    assert not db._writer.is_alive()
    assert isinstance(write_in_time(db, add), Busy)
    deadline = time.monotonic() + SECONDS
    while not open_db.ended and time.monotonic() < deadline:
        time.sleep(0.01)
    assert open_db.ended == ["ended"]


def _die_once(real):
    done: list[int] = []

    def answer(answers):
        real(answers)
        if not done:
            done.append(1)
            raise SystemExit("the writer dies")

    return answer


def test_a_real_process_ends_with_a_status_of_its_own(tmp_path):
    program = f"""
import sys, threading, time
from pathlib import Path
from mailcore.store.engine import sqlite, write_watch
from mailcore.process.threads import Threads
write_watch.LOOK_SECONDS = 0.05
made = sqlite.SqliteDb(Path({str(tmp_path)!r}) / "mail.db", Threads(1, 1), lambda accounts: None)
def die(self): raise SystemExit
sqlite.SqliteDb._gather = lambda self, group: die(self)
made.post(lambda tx: tx.run("CREATE TABLE t (x)"))
time.sleep({SECONDS})
print("still here")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=2 * SECONDS, cwd=os.getcwd()
    )
    assert done.returncode == write_watch.NO_WRITER
    assert "there is no writer" in done.stderr
    assert "still here" not in done.stdout


# Slow writes


def hold_up(tx) -> None:
    time.sleep(0.15)


def test_a_write_above_the_bound_is_logged_with_its_caller_and_counted(core, caplog):
    core.db.write(hold_up)
    core.db.write(hold_up)
    core.db.write(lambda tx: None)
    assert [r.levelno for r in caplog.records if f"{__name__}:hold_up" in r.getMessage()] == [logging.WARNING] * 2
    [(caller, times, longest)] = core.db.read(
        lambda tx: tx.rows("SELECT caller, sum(count), max(longest) FROM slow_write GROUP BY caller")
    )
    assert (caller, times) == (f"{__name__}:hold_up", 2)
    assert 150 <= longest < 60_000


def test_a_write_that_goes_on_is_told_with_its_place_and_one_without_end_ends_the_process(open_db, monkeypatch, caplog):
    for name, seconds in (("LOOK_SECONDS", 0.01), ("LONG_SECONDS", 0.05), ("STUCK_SECONDS", 0.3)):
        monkeypatch.setattr(write_watch, name, seconds)
    db = open_db()
    gate = threading.Event()

    def stuck(tx) -> None:
        gate.wait(SECONDS)

    thread = threading.Thread(target=db.write, args=(stuck,), daemon=True)
    thread.start()
    deadline = time.monotonic() + SECONDS
    while not open_db.ended and time.monotonic() < deadline:
        time.sleep(0.01)
    gate.set()
    thread.join(SECONDS)
    assert open_db.ended == ["ended"]
    [first, *_] = [r.getMessage() for r in caplog.records if "has been running" in r.getMessage()]
    assert "stuck" in first
    assert "gate.wait" in first


@pytest.mark.parametrize(
    ("fn", "caller"),
    [
        (hold_up, f"{__name__}:hold_up"),
        (Feed().changed, "mailcore.process.feed:Feed.changed"),
        (lambda tx: None, f"{__name__}:<lambda>"),
    ],
)
def test_the_caller_of_a_write_is_named(fn, caller):
    assert write_watch.caller_of(fn) == caller
