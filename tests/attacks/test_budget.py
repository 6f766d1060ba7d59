"""A request with too much processor time is answered "try again later", and the worker goes on with others."""

import asyncio
import contextlib
import sys
import threading
import time
from dataclasses import replace

import pytest

from mailcore import core as cores
from mailcore.config import Config, Limits
from mailcore.errors import Busy
from mailcore.process import budget
from mailcore.process.threads import Threads
from mailcore.services.delivery import traces
from mailcore.store.delivery import records
from portal import create_app
from tests.smtp_talk import build, inbox, talk

BODY = "From: a@b.example\r\nSubject: hei\r\n\r\nhei\r\n.\r\n"


def never_end(*_args: object, **_more: object) -> str:
    """Python that would go on for ten minutes."""
    end = time.thread_time() + 600
    while time.thread_time() < end:
        sum(range(1000))
    return "done"


def hold_on(*_args: object, **_more: object) -> None:
    """The same, by somebody who goes on after any error."""
    end = time.thread_time() + 600
    while time.thread_time() < end:
        with contextlib.suppress(Exception):
            sum(range(1000))


@pytest.mark.parametrize("work", [never_end, hold_on])
def test_work_that_does_not_end_is_ended_and_its_thread_goes_on(work):
    before = time.thread_time()
    with pytest.raises(Busy):
        budget.spend(0.3, work)
    assert 0.3 <= time.thread_time() - before < 30
    assert budget.spend(0.3, lambda: "next") == "next"
    assert budget._running == {}


def test_who_swallows_it_hears_it_again():
    heard: list[int] = []

    def deaf() -> None:
        while len(heard) < 2:
            try:
                never_end()
            except budget.OutOfTime:
                heard.append(1)
        never_end()

    with pytest.raises(Busy):
        budget.spend(0.2, deaf)
    assert len(heard) == 2


def test_waiting_and_other_threads_cost_nothing():
    stop = threading.Event()
    busy = threading.Thread(target=lambda: [sum(range(1000)) for _ in iter(stop.is_set, True)], daemon=True)
    busy.start()
    try:
        assert budget.spend(0.3, lambda: time.sleep(1.5)) is None
    finally:
        stop.set()
        busy.join()


def test_what_is_within_another_budget_has_that_one():
    assert budget.spend(60, lambda: budget.spend(0.000001, lambda: sum(range(3_000_000)) and "inner")) == "inner"
    with pytest.raises(Busy):
        budget.spend(0.3, lambda: budget.spend(600, never_end))


def test_nothing_comes_too_late():
    """Thousands of short works beside the edge of their budget: it is raised within them or never.

    How many of them fit into it depends on the machine; every fifth is next to nothing and every fifth is far too much.
    """
    ended = []
    for number in range(60):
        try:
            budget.spend(0.01, lambda n=number: [sum(range(1000)) for _ in range((1, 300, 900, 1500, 10**9)[n % 5])])
        except Busy:
            ended.append(number)
    end = time.thread_time() + 1.0
    while time.thread_time() < end:  # it would come here
        sum(range(1000))
    assert not {number for number in ended if number % 5 == 0}
    assert sum(number % 5 == 4 for number in ended) == 12


def test_the_interpreter_is_at_rest_afterwards():
    """A profiler hung for ever where an exception on its way was taken back."""
    with pytest.raises(Busy):
        budget.spend(0.1, never_end)
    steps: list[str] = []
    sys.setprofile(lambda frame, event, argument: steps.append(event))
    try:
        for _ in range(3):
            sorted(str(number) for number in range(100))
    finally:
        sys.setprofile(None)
    assert len(steps) > 100


def test_the_limit_goes_along_to_other_threads():
    threads = Threads(1, 1)

    async def play() -> None:
        with budget.limit(0.3):
            for run in (threads.run, threads.run_waiting):
                with pytest.raises(Busy):
                    await run(never_end)
        assert budget.current() is None
        assert await threads.run(lambda: "next") == "next"

    asyncio.run(play())
    threads.close()


def test_a_write_that_does_not_end_is_undone_alone_and_others_are_written(tmp_path):
    core = cores.build(Config(data=str(tmp_path)))

    def endless(tx) -> None:
        tx.run("INSERT INTO setting VALUES ('endless', '1')")
        never_end()

    async def play() -> list[object]:
        with budget.limit(0.3):
            first = asyncio.ensure_future(core.db.awrite(endless))
            await asyncio.sleep(0)
        other = asyncio.ensure_future(core.db.awrite(lambda tx: tx.run("INSERT INTO setting VALUES ('other', '1')")))
        return [*await asyncio.gather(first, other, return_exceptions=True)]

    first, other = asyncio.run(play())
    assert isinstance(first, Busy)
    assert other == 1
    assert core.db.read(lambda tx: tx.rows("SELECT key FROM setting WHERE key IN ('endless', 'other')")) == [("other",)]
    cores.close(core)


@pytest.fixture
def client(tmp_path):
    core = cores.build(replace(Config(data=str(tmp_path)), limits=Limits(work_seconds=1)))
    app = create_app(core)
    app.add_url_rule("/endless", "endless", never_end)
    app.add_url_rule("/endless-write", "endless_write", lambda: core.db.write(never_end))
    yield app.test_client()
    cores.close(core)


@pytest.mark.parametrize("path", ["/endless", "/endless-write"])
def test_a_request_that_does_not_end_is_answered_503_with_a_page(client, path):
    answer = client.get(path)
    assert answer.status_code == 503
    assert "<html" in answer.text
    assert "processor" not in answer.text
    assert client.get("/health").status_code == 200
    assert client.get("/login").status_code == 200


@pytest.mark.parametrize("place", ["the plan", "the write", "blobs.prepare"])
def test_a_message_that_does_not_end_is_answered_451_and_the_next_is_taken(tmp_path, monkeypatch, place):
    core = build(tmp_path, "[limits]\nwork_seconds = 1\n")
    sent = "MAIL FROM:<a@b.example>\r\nRCPT TO:<kari@alumni.example>\r\nDATA\r\n"

    async def play(connect) -> None:
        client, before = await connect(), len(inbox(core, "kari"))
        with monkeypatch.context() as patch:
            if place == "the plan":
                patch.setattr(traces, "about", never_end)
            elif place == "the write":
                patch.setattr(records, "save_record", never_end)
            else:
                patch.setattr(type(core.blobs), "prepare", never_end)
            assert await client.codes(sent + BODY, 4) == "250 250 354 451"
        assert await client.codes(sent + BODY, 4) == "250 250 354 250"
        assert len(inbox(core, "kari")) == before + 1

    talk(core, play)
    cores.close(core)
