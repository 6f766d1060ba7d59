"""A change that one connection was answered OK for is seen by the next command of another, whichever process serves it.

Two servers with nothing in common but the database, as two processes have; neither polls while the test runs.
"""

import asyncio

import pytest

from mailcore import core as cores
from mailcore.imap import server
from mailcore.process import feed
from mailcore.services import certificates
from tests.protocol.test_imap_server import Client, core, put, run

__all__ = ["core"]  # the fixture

LOGIN = b'LOGIN ola "en lang hemmelighet"'
MESSAGE = b"Subject: x\r\n\r\n"

# what one does, what another asks, and what it must hear
CASES = [
    (b"APPEND INBOX {14+}\r\n" + MESSAGE, b"NOOP", b"* 4 EXISTS\r\n"),
    (b"APPEND INBOX {14+}\r\n" + MESSAGE, b"CHECK", b"* 4 EXISTS\r\n"),
    (b"APPEND INBOX {14+}\r\n" + MESSAGE, b"SELECT INBOX", b"* 4 EXISTS\r\n"),
    (b"APPEND INBOX {14+}\r\n" + MESSAGE, b"EXAMINE INBOX", b"* 4 EXISTS\r\n"),
    (b"APPEND INBOX {14+}\r\n" + MESSAGE, b"STATUS INBOX (MESSAGES)", b'* STATUS "INBOX" (MESSAGES 4)\r\n'),
    (b"APPEND Trash {14+}\r\n" + MESSAGE, b"STATUS Trash (MESSAGES)", b'* STATUS "Trash" (MESSAGES 1)\r\n'),
    (b"STORE 2 +FLAGS.SILENT (\\Flagged)", b"NOOP", b"* 2 FETCH (FLAGS (\\Flagged))\r\n"),
    (b"STORE 2 +FLAGS.SILENT (\\Flagged)", b"UID FETCH 1 UID", b"* 2 FETCH (UID 2 FLAGS (\\Flagged))\r\n"),
    (b"STORE 2 +FLAGS.SILENT ($New)", b"NOOP", b"* 2 FETCH (FLAGS ($New))\r\n"),
    (b"MOVE 1 Trash", b"NOOP", b"* 1 EXPUNGE\r\n"),
    (b"MOVE 1 Trash", b"STATUS Trash (MESSAGES)", b'* STATUS "Trash" (MESSAGES 1)\r\n'),
    (b"COPY 1 INBOX", b"NOOP", b"* 4 EXISTS\r\n"),
    (b"CREATE New", b"STATUS New (MESSAGES)", b'* STATUS "New" (MESSAGES 0)\r\n'),
    (b"RENAME Trash New", b'LIST "" New', b'* LIST (\\HasNoChildren \\Trash) "/" "New"\r\n'),
    (b"UNSUBSCRIBE Trash", b'LIST "" Trash RETURN (SUBSCRIBED)', b'* LIST (\\HasNoChildren \\Trash) "/" "Trash"\r\n'),
]


@pytest.fixture
def other(core):
    built = cores.build(core.config)
    yield built
    cores.close(built)


@pytest.fixture
def never_polls(monkeypatch):
    monkeypatch.setattr(feed, "POLL_SECONDS", 3600)
    monkeypatch.setattr(feed, "SELDOM_SECONDS", 3600)


def play_on_two(core, other, play) -> None:
    """Call `play` with the ports of two servers."""

    async def both(imaps, _):
        servers = await server.start(other, certificates.tls_context(core.config))
        other.start_feed()
        try:
            await asyncio.sleep(0)
            await play(imaps, servers[0].sockets[0].getsockname()[1])
        finally:
            for one in servers:
                one.close()
            other.feed.stop()

    run(core, both)


async def selected(port: int) -> Client:
    client = await Client.connect(port, tls=True)
    await client.command(LOGIN)
    await client.command(b"SELECT INBOX")
    return client


@pytest.mark.usefixtures("never_polls")
@pytest.mark.parametrize("together", [False, True], ids=["two processes", "one process"])
@pytest.mark.parametrize(("done", "asked", "heard"), CASES)
def test_what_was_answered_ok_is_seen_by_the_next_command_of_another(core, other, done, asked, heard, together):
    put(core, 2)

    async def play(one, two):
        doing, asking = await selected(one), await selected(one if together else two)
        for port in (one, two):  # both feeds have looked, so that none finds the change by its first poll
            await (await selected(port)).command(b"NOOP")
        assert (await doing.command(done))[-1].startswith(b"t OK")
        assert heard in await asking.command(asked)

    play_on_two(core, other, play)


@pytest.mark.usefixtures("never_polls")
@pytest.mark.parametrize(
    ("done", "heard"),
    [
        (b"APPEND INBOX {14+}\r\n" + MESSAGE, b"* 4 EXISTS\r\n"),
        (b"STORE 2 +FLAGS.SILENT (\\Flagged)", b"* 2 FETCH (FLAGS (\\Flagged))\r\n"),
        (b"MOVE 1 Trash", b"* 1 EXPUNGE\r\n"),
    ],
)
def test_who_idles_hears_of_what_another_process_did_though_nobody_polls(core, other, done, heard):
    put(core, 2)

    async def play(one, two):
        doing, idling = await selected(one), await selected(two)
        idling.writer.write(b"i IDLE\r\n")
        assert (await idling.line()).startswith(b"+ ")
        assert (await doing.command(done))[-1].startswith(b"t OK")
        while await asyncio.wait_for(idling.line(), 30) != heard:
            pass

    play_on_two(core, other, play)


@pytest.mark.usefixtures("never_polls")
def test_a_database_that_is_busy_leaves_noop_ok(core, other, monkeypatch):
    async def play(one, two):
        doing, asking = await selected(one), await selected(two)

        def busy(fn):
            raise OSError("for a moment")

        with monkeypatch.context() as patch:
            patch.setattr(other.db, "read", busy)
            await doing.command(b"APPEND INBOX {14+}\r\n" + MESSAGE)
            assert await asking.command(b"NOOP") == [b"t OK Done\r\n"]
        assert b"* 2 EXISTS\r\n" in await asking.command(b"NOOP")

    play_on_two(core, other, play)
