"""Streams of server-sent events: told after a change, bounded, ended."""

import fcntl
import os
import resource

import pytest

from mailcore.errors import TooMany
from mailcore.process.wakes import Wakes
from mailcore.services.webmail import live
from tests.portal.mailing import put


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(live, "LOOK_SECONDS", 0.02)
    monkeypatch.setattr(live, "BEAT_SECONDS", 600)


@pytest.fixture
def ola(core):
    from mailcore.services.accounts import accounts

    return accounts.add_account(core, "ola", password="correct horse battery")


def test_a_stream_says_look_after_a_change_and_nothing_of_others(core, ola):
    hub = live.Hub()
    stream = hub.events(core, ola.id)
    assert next(stream).startswith("retry:")
    put(core, ola)
    assert next(stream) == "event: change\ndata: look\n\n"
    stream.close()
    assert hub._waiting == {}
    assert hub._count == 0
    assert hub._stop is None


def test_what_came_between_the_page_and_the_stream_is_told(core, ola):
    since = live.find_newest_change(core)
    put(core, ola)
    stream = live.Hub().events(core, ola.id, since)
    next(stream)
    assert next(stream).startswith("event: change")
    stream.close()


def test_a_stream_without_news_has_a_heartbeat(core, ola, monkeypatch):
    monkeypatch.setattr(live, "BEAT_SECONDS", 0.05)
    stream = live.Hub().events(core, ola.id)
    next(stream)
    assert next(stream).startswith(":")
    stream.close()


def test_the_oldest_page_of_an_account_makes_room_for_a_new_one(core, ola):
    hub = live.Hub()
    streams = [hub.events(core, ola.id) for _ in range(live.MAX_PER_ACCOUNT + 1)]
    for stream in streams:
        next(stream)
    assert list(streams[0]) == []
    put(core, ola)
    assert next(streams[-1]).startswith("event: change")
    for stream in streams[1:]:
        stream.close()
    assert hub._count == 0


def test_streams_have_a_bound(core, ola, monkeypatch):
    monkeypatch.setattr(live, "MAX_STREAMS", 1)
    hub = live.Hub()
    first = hub.events(core, ola.id)
    next(first)
    with pytest.raises(TooMany):
        hub.events(core, ola.id)
    first.close()


def test_a_commit_wakes_the_stream_without_a_look_at_the_clock(core, ola, monkeypatch):
    monkeypatch.setattr(live, "LOOK_SECONDS", 3600)
    stream = live.Hub().events(core, ola.id)
    next(stream)
    put(core, ola)
    assert next(stream).startswith("event: change")
    stream.close()


def test_where_no_pipe_can_be_had_the_stream_looks_now_and_then(core, ola, monkeypatch):
    monkeypatch.setattr(live, "open_wakes", lambda _database: None)
    stream = live.Hub().events(core, ola.id)
    next(stream)
    put(core, ola)
    assert next(stream).startswith("event: change")
    stream.close()


def test_a_stream_is_told_in_a_process_with_many_connections(core, ola, monkeypatch, request):
    """`select` takes no descriptor above 1023."""
    open_inbox, limits = Wakes.open_inbox, resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(limits[1], 4096), limits[1]))
    request.addfinalizer(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limits))

    def open_high(wakes: Wakes) -> int:
        low = open_inbox(wakes)
        high = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, 1500)
        os.close(low)
        wakes._inbox = high
        return high

    monkeypatch.setattr(Wakes, "open_inbox", open_high)
    stream = live.Hub().events(core, ola.id)
    next(stream)
    put(core, ola)
    assert next(stream).startswith("event: change")
    stream.close()
