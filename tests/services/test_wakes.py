"""A commit wakes the other processes of the machine, so that none of them polls."""

import asyncio
import errno
import os
import signal
import stat
import subprocess
import sys
import time
from select import select

import pytest

from mailcore.process import feed
from mailcore.process.wakes import SUFFIX, Wakes, open_wakes
from mailcore.services.accounts import accounts
from tests import descriptors
from tests.services.test_change_counts import Watched, settled, start_other

LISTENER = """
import sys, time
from pathlib import Path
from mailcore.process.wakes import Wakes

wakes = Wakes(Path(sys.argv[1]))
wakes.open_inbox()
print("listens", flush=True)
time.sleep(600)
"""


@pytest.fixture
def database(tmp_path):
    return tmp_path / "alumnimail.db"


@pytest.fixture
def make(database):
    made: list[Wakes] = []

    def one() -> Wakes:
        made.append(Wakes(database))
        return made[-1]

    yield one
    for wakes in made:
        wakes.close()


def is_woken(inbox: int) -> bool:
    return bool(select([inbox], [], [], 0)[0])


def pipes(database) -> list[str]:
    return sorted(os.listdir(database.with_name("alumnimail.db-wakes")))


def test_all_others_are_woken_and_not_oneself(make):
    sender, *others = make(), make(), make()
    own = sender.open_inbox()
    inboxes = [other.open_inbox() for other in others]
    sender.send()
    assert [is_woken(inbox) for inbox in (own, *inboxes)] == [False, True, True]
    others[0].empty_inbox()
    assert [is_woken(inbox) for inbox in inboxes] == [False, True]
    others[0].empty_inbox()  # nothing is there


def test_who_comes_in_the_same_moment_as_the_last_look_is_found(make, database):
    """The folder's time counts in ticks of the kernel's clock."""
    folder, sender = database.with_name("alumnimail.db-wakes"), make()
    tick = time.time_ns() + 3600 * 10**9  # it cannot be over
    os.utime(folder, ns=(tick, tick))
    sender.send()
    inbox = make().open_inbox()
    os.utime(folder, ns=(tick, tick))
    sender.send()
    assert is_woken(inbox)


def test_a_reader_that_never_reads_holds_nobody_up(make):
    sender, other = make(), make()
    inbox = other.open_inbox()
    for _ in range(70_000):  # a pipe holds 65,536
        sender.send()
    assert is_woken(inbox)
    other.empty_inbox()
    assert not is_woken(inbox)
    sender.send()
    assert is_woken(inbox)


@pytest.mark.parametrize("knows", [True, False], ids=["known before", "found dead"])
def test_the_pipe_of_a_process_that_was_killed_is_removed(make, database, knows):
    sender, other = make(), make()
    inbox = other.open_inbox()
    listener = subprocess.Popen([sys.executable, "-c", LISTENER, str(database)], stdout=subprocess.PIPE)
    with listener.stdout:
        assert listener.stdout.readline() == b"listens\n"
        if knows:
            sender.send()
        assert len(pipes(database)) == 2
        listener.send_signal(signal.SIGKILL)
        listener.wait()
    sender.send()
    assert pipes(database) == [name for name in pipes(database) if name.startswith(f"{os.getpid()}-")]
    assert len(pipes(database)) == 1
    assert is_woken(inbox)


def test_a_lack_of_descriptors_removes_nobodys_pipe(make, database):
    """Its reader would not be woken any more, by anybody."""
    sender, *others = make(), make(), make()
    inboxes = [other.open_inbox() for other in others]
    with descriptors.only(1):  # for the list of the folder, and then for one of the pipes
        sender.send()
    assert len(pipes(database)) == 2
    assert sorted(is_woken(inbox) for inbox in inboxes) == [False, True]
    sender.send()
    assert all(is_woken(inbox) for inbox in inboxes)


def test_who_closes_leaves_no_pipe_and_others_are_for_the_owner_alone(make, database):
    wakes = make()
    wakes.open_inbox()
    folder = database.with_name("alumnimail.db-wakes")
    [name] = pipes(database)
    assert name.endswith(SUFFIX)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    wakes.close_inbox()
    assert pipes(database) == []
    wakes.send()


def test_a_command_of_root_does_not_shut_the_server_out(tmp_path):
    owner = os.geteuid() or 12345
    os.chown(tmp_path, owner, -1)
    open_wakes(tmp_path / "x.db").close()
    assert (tmp_path / "x.db-wakes").stat().st_uid == owner


def test_where_no_folder_can_be_had_nobody_is_woken_and_nothing_fails(database, caplog):
    database.with_name("alumnimail.db-wakes").write_text("")
    assert open_wakes(database) is None
    assert "processes do not wake each other" in caplog.text


@pytest.fixture
def never_polls(monkeypatch):
    monkeypatch.setattr(feed, "POLL_SECONDS", 3600)
    monkeypatch.setattr(feed, "SELDOM_SECONDS", 3600)


async def until_woken(watched: Watched) -> None:
    for _ in range(6000):
        if watched.woken:
            break
        await asyncio.sleep(0.01)


@pytest.mark.usefixtures("never_polls")
def test_what_another_process_commits_wakes_here_though_nobody_polls_and_is_found_once(core):
    ola, kari = (accounts.add_account(core, name, quota=0).id for name in ("ola", "kari"))

    async def play() -> None:
        watched = Watched(core, ola, kari)
        await settled(watched, ola)
        assert await asyncio.to_thread(start_other(core, ola).wait) == 0
        await until_woken(watched)
        assert watched.woken == [ola]
        core.feed.refresh(ola)  # what woke has been read, and the log up to there
        assert watched.woken == [ola]

    asyncio.run(play())


@pytest.mark.usefixtures("never_polls")
@pytest.mark.sqlite
def test_our_own_changes_wake_once(core):
    ola = accounts.add_account(core, "ola", quota=0).id

    async def play() -> None:
        watched = Watched(core, ola)
        await settled(watched, ola)
        for number in range(3):
            watched.woken.clear()
            await asyncio.sleep(2 * feed.GATHER_SECONDS)
            await core.db.awrite(lambda tx, number=number: core.mail.create(tx, ola, f"New {number}"))
            await until_woken(watched)
            await asyncio.sleep(0.05)
            assert watched.woken == [ola]
        core.feed.refresh(ola)
        assert watched.woken == [ola]

    asyncio.run(play())


@pytest.mark.usefixtures("never_polls")
@pytest.mark.sqlite
@pytest.mark.parametrize("whose", ["ours", "another's"])
def test_a_change_by_itself_wakes_at_once_and_a_burst_is_one_look(core, monkeypatch, whose):
    ola = accounts.add_account(core, "ola", quota=0).id

    async def change(name: str, times: int) -> None:
        if whose == "ours":
            for number in range(times):
                await core.db.awrite(lambda tx, number=number: core.mail.create(tx, ola, f"{name} {number}"))
        else:
            assert await asyncio.to_thread(start_other(core, ola, name, times).wait) == 0

    async def play() -> None:
        watched = Watched(core, ola)
        await settled(watched, ola)
        await asyncio.sleep(2 * feed.GATHER_SECONDS)
        monkeypatch.setattr(feed, "GATHER_SECONDS", 3600)
        await change("First", 1)
        await until_woken(watched)
        assert (watched.woken, watched.asked) == ([ola], 1)
        await change("Many", 30)
        await asyncio.sleep(0.05)
        assert watched.asked == 1
        # those who wait are told within the time
        core.feed._next_look.cancel()
        core.feed._next_look = None
        monkeypatch.setattr(feed, "GATHER_SECONDS", 0.2)
        watched.woken.clear()
        await change("More", 30)
        await until_woken(watched)
        assert watched.woken

    asyncio.run(play())


def test_where_no_pipe_can_be_had_the_database_is_asked_again_and_again(core, monkeypatch):
    monkeypatch.setattr(feed, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(feed, "SELDOM_SECONDS", 3600)

    def none(wakes) -> int:
        raise OSError(errno.EMFILE, "too many files")

    monkeypatch.setattr(Wakes, "open_inbox", none)
    ola = accounts.add_account(core, "ola", quota=0).id

    async def play() -> None:
        watched = Watched(core, ola)
        await settled(watched, ola)
        assert await asyncio.to_thread(start_other(core, ola).wait) == 0
        await until_woken(watched)
        assert set(watched.woken) == {ola}

    asyncio.run(play())
