"""How long this process lets people wait is counted in memory, where the metrics of another process read it."""

import asyncio
import os
import subprocess
import sys
import threading
import time

import pytest

from mailcore.process.waits import BOUNDS, ROWS, Wait, Waits, read_shared
from tests.machine import until

OTHER = """
import sys
from pathlib import Path
from mailcore.process.waits import Wait, Waits

waits = Waits()
waits.share(Path(sys.argv[1]))
waits.note(Wait.COMMIT, 0.3)
print("shared", flush=True)
sys.stdin.read()
"""


def counted(histogram) -> dict[float, int]:
    return {bound: n for bound, n in zip((*BOUNDS, float("inf")), histogram.counts, strict=True) if n}


@pytest.fixture
def database(tmp_path):
    return tmp_path / "alumnimail.db"


@pytest.fixture
def waits(database):
    made = Waits()
    made.share(database)
    yield made
    made.close()


def test_each_wait_counts_below_the_bound_that_it_reaches(waits, database):
    for seconds in (0.0, 0.001, 0.0011, 3, 60):
        waits.note(Wait.WRITE_WAIT, seconds)
    own = read_shared(database)[os.getpid()]
    assert counted(own[Wait.WRITE_WAIT]) == {0.001: 2, 0.002: 1, 5.0: 1, float("inf"): 1}
    assert own[Wait.WRITE_WAIT].seconds == pytest.approx(63.0021)
    assert counted(own[Wait.COMMIT]) == {}


def test_what_was_counted_before_it_is_shared_is_not_lost(database):
    waits = Waits()
    waits.note(Wait.COMMIT, 0.004)
    waits.share(database)
    assert counted(read_shared(database)[os.getpid()][Wait.COMMIT]) == {0.005: 1}
    waits.close()


def test_threads_that_note_at_once_lose_nothing(waits, database):
    def note() -> None:
        for _ in range(5000):
            waits.note(Wait.THREAD_WAIT, 0.004)

    threads = [threading.Thread(target=note) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counted(read_shared(database)[os.getpid()][Wait.THREAD_WAIT]) == {0.005: 40_000}


def test_each_process_has_a_row_and_one_that_was_killed_leaves_it(waits, database):
    others = [
        subprocess.Popen([sys.executable, "-c", OTHER, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    for other in others:
        assert other.stdout.readline() == b"shared\n"
    waits.note(Wait.COMMIT, 0.003)
    shared = read_shared(database)
    assert set(shared) == {os.getpid(), *(other.pid for other in others)}
    assert counted(shared[others[0].pid][Wait.COMMIT]) == {0.5: 1}
    assert counted(shared[os.getpid()][Wait.COMMIT]) == {0.005: 1}
    for other in others:
        other.kill()
        other.wait()
        other.stdin.close()
        other.stdout.close()
    more = [Waits() for _ in range(ROWS - 1)]
    for one in more:
        one.share(database)
    assert set(read_shared(database)) == {os.getpid()}
    for one in more:
        one.close()


def test_who_finds_no_row_or_no_file_counts_for_itself(database, tmp_path, caplog):
    rows = [Waits() for _ in range(ROWS + 1)]
    for one in rows:
        one.share(database)
    assert "too many processes" in caplog.text
    lost = Waits()
    lost.share(tmp_path / "nowhere" / "alumnimail.db")
    for one in (*rows, lost):
        one.note(Wait.COMMIT, 0.1)
        one.close()
        one.note(Wait.COMMIT, 0.1)


def test_who_finds_no_row_has_no_file_open(database, monkeypatch):
    monkeypatch.setattr("mailcore.process.waits.ROWS", 1)
    first, second = Waits(), Waits()
    first.share(database)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        second.share(database)
    assert len(os.listdir("/proc/self/fd")) == before
    first.close()
    second.share(database)
    second.note(Wait.COMMIT, 0.1)
    assert counted(read_shared(database)[os.getpid()][Wait.COMMIT]) == {0.1: 1}
    second.close()


def test_a_loop_that_stands_still_is_late_for_that_long(waits, database):
    async def stand_still() -> float:
        looking = asyncio.ensure_future(waits.watch_loop())
        await asyncio.sleep(0)
        began = time.perf_counter()
        time.sleep(0.4)  # noqa: ASYNC251 - it is what must be noticed
        for _ in range(1000):
            await asyncio.sleep(0.01)
            if read_shared(database)[os.getpid()][Wait.LOOP_LAG].seconds:
                break
        looking.cancel()
        return time.perf_counter() - began

    whole = asyncio.run(stand_still())
    assert 0.2 <= read_shared(database)[os.getpid()][Wait.LOOP_LAG].seconds <= whole


def test_a_write_that_waits_for_another_and_work_that_waits_for_a_thread_are_counted(core):
    waits = core.waits
    waits.share(core.config.database_key)
    begun, go_on = threading.Event(), threading.Event()

    def hold(tx) -> None:
        begun.set()
        go_on.wait()

    async def crowd() -> None:
        await asyncio.gather(*(core.threads.run(time.sleep, 0.06) for _ in range(20)))

    holding = threading.Thread(target=core.db.write, args=(hold,))
    holding.start()
    begun.wait()
    waiting = threading.Thread(target=core.db.write, args=(lambda tx: None,))
    waiting.start()
    assert until(lambda: not core.db._waiting.empty())
    time.sleep(0.3)
    go_on.set()
    holding.join()
    waiting.join()
    asyncio.run(crowd())
    own = read_shared(core.config.database_key)[os.getpid()]
    assert own[Wait.WRITE_WAIT].seconds >= 0.2
    assert own[Wait.COMMIT].seconds >= 0.25
    # eight threads: eight of twenty wait for a round, and four for two; threads that begin late make them wait for less
    assert own[Wait.THREAD_WAIT].seconds >= (8 * 0.05 + 4 * 0.1) / 4
