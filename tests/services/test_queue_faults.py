"""Faults on our side while the queue runs: locked database, failing fsync, octets that are gone.  Nothing is lost or doubled."""

import asyncio
import socket
from datetime import timedelta

import apsw
import pytest

from mailcore import core as cores
from mailcore.config import Config
from mailcore.errors import Busy
from mailcore.queue import outcome
from mailcore.queue import worker as workers
from mailcore.services.accounts import accounts
from mailcore.services.operations import health
from mailcore.store.queue.items import retry_items
from tests.services.test_queue_worker import FRIEND, MESSAGE, at_work, enqueue, inbox, listing, until


@pytest.fixture
def ola(core):
    return accounts.add_account(core, "ola", display_name="Ola", quota=2**30, password="en lang hemmelighet")


@pytest.mark.sqlite
def test_a_database_that_is_locked_when_the_peer_has_answered_does_not_send_twice(core):
    async def play():
        async with at_work(core) as (here, worker, peer):
            here.db.write(lambda tx: tx.rows("PRAGMA busy_timeout=50"))  # of the writer's connection
            peer.gate.clear()
            enqueue(here, FRIEND)
            worker.wake()
            await until(lambda: peer.connections == 1)
            await asyncio.sleep(0.1)
            other = apsw.Connection(str(here.config.database_path))
            other.set_busy_timeout(60_000)
            other.execute("BEGIN IMMEDIATE")
            peer.gate.set()
            await until(lambda: len(peer.mail) == 1)
            await asyncio.sleep(0.6)
            assert [item.recipient for item in listing(here)] == [FRIEND]
            other.execute("ROLLBACK")
            other.close()
            await until(lambda: not listing(here))
            assert len(peer.mail) == 1

    asyncio.run(play())


def test_a_claim_whose_answer_is_lost_delays_nothing(core, monkeypatch):
    """A database that went away while it saved a claim may have saved it: what is leased so is in no worker's hands."""

    async def play():
        async with at_work(core) as (here, worker, peer):
            real, lost = here.db.awrite, list[object]()

            async def answer_is_lost(fn, of=None):
                done = await real(fn, of)
                if not lost and isinstance(done, tuple) and done[0]:  # what was claimed
                    lost.append(done)
                    raise Busy("the database did not answer")
                return done

            peer.gate.clear()
            enqueue(here, "first@outside.example")
            worker.wake()
            await until(lambda: peer.connections == 1)
            monkeypatch.setattr(here.db, "awrite", answer_is_lost)
            enqueue(here, "second@outside.example", "third@outside.example")
            worker.wake()
            await until(lambda: lost)
            peer.gate.set()
            await until(lambda: not listing(here))
            assert sorted(to for _, to, _ in peer.mail) == [
                f"{n}@outside.example" for n in ("first", "second", "third")
            ]

    asyncio.run(play())


def test_an_answer_that_is_not_saved_counts_as_a_try(core, monkeypatch):
    """The message may have gone out: it is not sent again within seconds, as one is that was never tried."""
    monkeypatch.setattr(workers, "SAVE_WITHIN_SECONDS", 0)

    async def play():
        async with at_work(core) as (here, worker, peer):
            real, refused = here.db.awrite, list[object]()

            async def nothing_is_saved_once(fn, of=None):
                if peer.mail and not refused:
                    refused.append(fn)
                    raise Busy("the database did not answer")
                return await real(fn, of)

            monkeypatch.setattr(here.db, "awrite", nothing_is_saved_once)
            enqueue(here, FRIEND)
            worker.wake()
            await until(lambda: refused and [item.tries for item in listing(here)] == [1])
            [item] = listing(here)
            assert item.next_at > here.clock.now() + timedelta(seconds=workers.BUSY_SECONDS)
            assert len(peer.mail) == 1

    asyncio.run(play())


def test_one_whose_report_cannot_be_written_holds_up_no_other_of_its_domain(core, monkeypatch):
    """All that wait for a host that cannot be reached are answered with one, each by itself."""
    real = outcome.write_sequel

    def fails_for_one(core, tx, item, answer, now):
        if item.recipient.startswith("bad"):
            raise ValueError("a strange item")
        return real(core, tx, item, answer, now)

    monkeypatch.setattr(outcome, "has_sequel", lambda item, answer, now: True)
    monkeypatch.setattr(outcome, "write_sequel", fails_for_one)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]  # where nobody listens any more

    async def play():
        async with at_work(core, port=port, connections_per_destination=1) as (here, worker, _):
            enqueue(here, *(f"{name}@outside.example" for name in ("bad", "first", "second")))
            worker.wake()
            await until(
                lambda: [item.tries for item in listing(here) if item.recipient != "bad@outside.example"] == [1, 1]
            )

    asyncio.run(play())


class Failing(apsw.VFS):
    """The system's own files, whose fsync fails while `broken`."""

    def __init__(self) -> None:
        self.broken = False
        super().__init__("failing", "unix", makedefault=True)

    def xOpen(self, name, flags):  # noqa: N802 - SQLite's name
        return FailingFile(self, name, flags)


class FailingFile(apsw.VFSFile):
    def __init__(self, disk: Failing, name, flags) -> None:
        self._disk = disk
        super().__init__("unix", name, flags)

    def xSync(self, flags):  # noqa: N802 - SQLite's name
        if self._disk.broken:
            raise apsw.IOError("fsync failed")
        super().xSync(flags)


@pytest.mark.sqlite
def test_an_fsync_that_fails_is_temporary_and_the_answer_is_written_down_later(real_disk, tmp_path):
    disk = Failing()
    core = cores.build(Config(data=str(tmp_path)))

    async def play():
        async with at_work(core) as (here, worker, peer):
            disk.broken = True
            with pytest.raises(Busy):
                enqueue(here, FRIEND)
            disk.broken = False
            peer.gate.clear()
            enqueue(here, FRIEND)
            worker.wake()
            await until(lambda: peer.connections == 1)
            await asyncio.sleep(0.1)
            disk.broken = True
            peer.gate.set()
            await until(lambda: len(peer.mail) == 1)
            await asyncio.sleep(0.4)
            disk.broken = False
            await until(lambda: not listing(here))
            assert len(peer.mail) == 1

    try:
        asyncio.run(play())
        assert health.check_installation(core, repair=False) == []
    finally:
        cores.close(core)
        disk.unregister()


def test_octets_that_are_gone_wait_are_told_by_check_and_go_when_they_are_back(core, ola, clock):
    big = MESSAGE + b"x\r\n" * 70_000

    async def play():
        async with at_work(core) as (here, worker, peer):
            worker.stop()
            [number] = enqueue(here, FRIEND, account=ola.id, octets=big)
        name = core.blobs.prepare(big).name
        file = core.blobs.objects.path(name)
        kept = file.read_bytes()
        file.unlink()
        assert any("octets are missing" in line for line in health.check_installation(core, repair=False))
        async with at_work(core) as (here, worker, peer):
            await until(lambda: "cannot be read" in listing(here)[0].last_reply)
            assert listing(here)[0].tries == 0  # what is away for a moment is no failed try
            clock.forward(seconds=workers.BUSY_SECONDS)
            worker.wake()
            await until(lambda: [item.tries for item in listing(here)] == [1])
            assert "cannot be read" in listing(here)[0].last_reply
            file.write_bytes(kept)
            here.db.write(lambda tx: retry_items(tx, [number], here.clock.seconds()))
            await until(lambda: not listing(here))
            assert [octets for _, _, octets in peer.mail] == [big]

    asyncio.run(play())


def test_a_sender_hears_even_of_octets_that_are_gone(core, ola, clock):
    big = MESSAGE + b"x\r\n" * 70_000

    async def play():
        async with at_work(core) as (here, worker, _):
            worker.stop()
            enqueue(here, FRIEND, account=ola.id, octets=big)
        core.blobs.objects.path(core.blobs.prepare(big).name).unlink()
        clock.forward(days=6)
        async with at_work(core) as (here, _, _):
            before = len(inbox(here, ola))
            await until(lambda: len(inbox(here, ola)) == before + 1)
            assert b"Action: failed" in inbox(here, ola)[-1]

    asyncio.run(play())
