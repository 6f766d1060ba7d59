"""Changes are counted in memory that processes share: seen at once, and nothing is asked where nothing changed."""

import asyncio
import errno
import os
import subprocess
import sys

import pytest

from mailcore import core as cores
from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.process import feed
from mailcore.process.change_counts import CELLS, ChangeCounts, open_counts
from mailcore.process.wakes import Wakes
from mailcore.services.accounts import accounts

# another process on the same data: makes `times` mailboxes for the account, each in a transaction of its own
OTHER = """
import os, sys
from mailcore import core as cores
from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.config import Config
from mailcore.store.engine import postgres_connection

data, database, account, name, times, dies = sys.argv[1:]
postgres_connection.MAY_LOSE_ALL = True  # as in the run of the tests
core = cores.build(Config(data=data, database=database))
if dies == "dies":
    core.db._woken = lambda changed: os._exit(9)  # after the commit, before anybody is told or answered
for number in range(int(times)):
    core.db.write(lambda tx: core.mail.create(tx, int(account), f"{name} {number}"))
cores.close(core)
"""


def start_other(core: Core, account: int, name: str = "New", times: int = 1, *, dies: bool = False) -> subprocess.Popen:
    words = [core.config.data, core.config.database, str(account), name, str(times), "dies" if dies else "lives"]
    return subprocess.Popen([sys.executable, "-c", OTHER, *words])


SEVEN = AccountId(7)


class Watched:
    """A feed on this loop that notes what it asks the database, and which accounts it wakes."""

    def __init__(self, core: Core, *watched: AccountId) -> None:
        self.core, self.asked, self.woken = core, 0, []
        for account in watched:
            core.feed.watch(account, lambda account=account: self.woken.append(account))
        core.feed.start(self._poll, core.threads.run)

    def _poll(self, since: int):
        self.asked += 1
        return self.core.read_news(since)


@pytest.fixture
def never_polls(monkeypatch):
    """Nor is it woken by other processes."""
    monkeypatch.setattr(feed, "POLL_SECONDS", 3600)

    def none(wakes) -> int:
        raise OSError(errno.ENOSPC, "no pipe")

    monkeypatch.setattr(Wakes, "open_inbox", none)


async def settled(watched: Watched, account: AccountId) -> None:
    """Wait for the first poll, and refresh once, as a session does."""
    for _ in range(1000):
        if watched.asked >= 2:
            break
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)
    watched.core.feed.refresh(account)
    watched.asked, watched.woken[:] = 0, []


@pytest.mark.usefixtures("never_polls")
@pytest.mark.sqlite
def test_what_another_process_was_answered_for_is_seen_at_once_and_nothing_is_asked_without_it(core):
    ola, kari = (accounts.add_account(core, name, quota=0).id for name in ("ola", "kari"))

    async def play() -> None:
        watched = Watched(core, ola, kari)
        await settled(watched, ola)
        for _ in range(10):
            core.feed.refresh(ola)
        assert (watched.asked, watched.woken) == (0, [])
        assert await asyncio.to_thread(start_other(core, ola).wait) == 0
        assert watched.woken == []
        core.feed.refresh(kari)  # hers is another cell; the first time she asks
        core.feed.refresh(ola)
        core.feed.refresh(ola)
        assert (watched.asked, watched.woken) == (2, [ola])

    asyncio.run(play())


@pytest.mark.usefixtures("never_polls")
@pytest.mark.sqlite
def test_our_own_changes_are_counted_for_others_and_wake_here(core):
    ola = accounts.add_account(core, "ola", quota=0).id
    with_other = ChangeCounts(core.config.database_path.with_name("alumnimail.db-changes"))

    async def play() -> None:
        watched = Watched(core, ola)
        await settled(watched, ola)
        before = with_other.cell(ola)
        await core.db.awrite(lambda tx: core.mail.create(tx, ola, "New"))
        assert with_other.cell(ola) != before
        assert watched.woken == [ola]

    asyncio.run(play())
    with_other.close()


@pytest.mark.sqlite
def test_two_processes_that_write_at_once_are_counted(core):
    ola = accounts.add_account(core, "ola", quota=0).id
    counts = open_counts(core.config.database_path)
    _, before = counts.cell(ola)
    both = [start_other(core, ola, name, 100) for name in ("One", "Two")]
    assert [one.wait() for one in both] == [0, 0]
    assert counts.cell(ola)[1] != before
    counts.close()


@pytest.mark.sqlite
def test_what_a_process_wrote_that_died_before_it_counted_is_found_by_the_poll(core, monkeypatch):
    monkeypatch.setattr(feed, "SELDOM_SECONDS", 0.01)
    ola = accounts.add_account(core, "ola", quota=0).id

    async def play() -> None:
        watched = Watched(core, ola)
        await settled(watched, ola)
        assert await asyncio.to_thread(start_other(core, ola, dies=True).wait) == 9
        for _ in range(1000):
            if watched.woken:
                break
            await asyncio.sleep(0.01)
        assert watched.woken[:1] == [ola]

    asyncio.run(play())
    assert any(box.name == "New 0" for box in core.db.read(lambda tx: core.mail.mailboxes(tx, ola)))


def test_accounts_that_share_a_cell_look_for_nothing_but_never_too_seldom(tmp_path):
    counts = open_counts(tmp_path / "x.db")
    counts.add([SEVEN])
    assert counts.cell(AccountId(SEVEN + CELLS)) == counts.cell(SEVEN)
    assert counts.cell(AccountId(8))[1] == 0
    counts.close()


def test_a_count_that_two_processes_change_in_one_moment_is_another_one(tmp_path):
    """Each writes a number by chance, so that it does not matter which of them is the last."""
    first, second = open_counts(tmp_path / "x.db"), open_counts(tmp_path / "x.db")
    seen = set()
    for _ in range(50):
        first.add([SEVEN])
        seen.add(first.cell(SEVEN)[1])
        second.add([SEVEN])
        seen.add(first.cell(SEVEN)[1])
    assert len(seen) == 100
    first.close()
    second.close()


@pytest.mark.usefixtures("never_polls")
@pytest.mark.sqlite
def test_where_no_memory_can_be_had_the_database_is_asked_each_time(core, tmp_path):
    ola = accounts.add_account(core, "ola", quota=0).id
    place = core.config.database_path.with_name("alumnimail.db-changes")
    place.unlink()
    place.mkdir()
    alone = cores.build(core.config)

    async def play() -> None:
        watched = Watched(alone, ola)
        await settled(watched, ola)
        assert await asyncio.to_thread(start_other(core, ola).wait) == 0
        alone.feed.refresh(ola)
        alone.feed.refresh(ola)
        assert (watched.asked, watched.woken) == (2, [ola])

    asyncio.run(play())
    cores.close(alone)


def test_a_command_of_root_does_not_shut_the_server_out(tmp_path):
    owner = os.geteuid() or 12345
    os.chown(tmp_path, owner, -1)
    open_counts(tmp_path / "x.db").close()
    place = (tmp_path / "x.db-changes").stat()
    assert (place.st_uid, place.st_mode & 0o777, place.st_size) == (owner, 0o600, 4 * CELLS)


def test_what_a_look_in_a_thread_has_read_is_seen_by_whoever_asks_before_it_is_told():
    async def play() -> None:
        read, told, woken = asyncio.Event(), asyncio.Event(), list[int]()
        news = [(0, set()), (1, {SEVEN}), *[(1, set())] * 9]  # what was read once is found no more

        async def run(fn, *args):
            fn(*args)
            if len(news) < 10:
                read.set()
                await told.wait()

        here = feed.Feed()
        here.watch(SEVEN, lambda: woken.append(SEVEN))
        here.start(lambda since: news.pop(0), run, is_near=False)
        await read.wait()
        assert woken == []
        here.refresh(SEVEN)
        assert woken == [SEVEN]
        here.stop()

    asyncio.run(play())
