"""A server that stops: who sends a message is answered, who does not is told, and nobody waits without end."""

import asyncio
import socket
import threading
import time

import pytest

from mailcore import core as cores
from mailcore.smtp import server
from tests.smtp_talk import build, inbox, talk

START = "MAIL FROM:<a@b.example>\r\nRCPT TO:<kari@alumni.example>\r\n"
BODY = "From: a@b.example\r\nSubject: hei\r\n\r\nhei\r\n"
STOPPING = "421 4.3.2 The server is stopping"


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    built = build(tmp_path_factory.mktemp("house"))
    yield built
    cores.close(built)


def stop(client, seconds: float) -> "asyncio.Task[None]":
    client.opened.close()
    return asyncio.create_task(server.finish([client.opened], seconds))


@pytest.mark.parametrize(("said", "count"), [("", 0), ("NOOP\r\n", 1), (START, 2), ("MAIL FROM:<a@b.example>\r\n", 1)])
def test_who_sends_no_message_hears_it_at_once(core, said, count):
    async def play(connect):
        client = await connect()
        await client.say(said, count)
        await asyncio.wait_for(stop(client, 600), 60)
        assert await client.replies(2) == [STOPPING, ""]

    talk(core, play)


@pytest.mark.parametrize("rest", [BODY + ".\r\n", BODY + ".\r\n" + START + "DATA\r\n" + BODY + ".\r\n"])
def test_a_message_that_has_begun_is_taken_and_no_further_one(core, rest):
    async def play(connect):
        client = await connect()
        before = len(inbox(core, "kari"))
        assert await client.codes(START + "DATA\r\n", 3) == "250 250 354"
        finishing = stop(client, 600)
        await asyncio.sleep(0)
        [taken, *last] = await client.say(rest, 3)
        assert taken.startswith("250")
        assert last == [STOPPING, ""]
        await asyncio.wait_for(finishing, 60)
        assert len(inbox(core, "kari")) == before + 1

    talk(core, play)


def test_chunks_of_a_message_that_has_begun_are_taken(core):
    async def play(connect):
        client = await connect()
        assert await client.codes(START + f"BDAT {len(BODY)}\r\n{BODY}", 3) == "250 250 250"
        finishing = stop(client, 600)
        assert await client.codes(f"BDAT {len(BODY)}\r\n{BODY}", 1) == "250"
        assert await client.codes("BDAT 0 LAST\r\n", 3) == "250 421 "
        await asyncio.wait_for(finishing, 60)

    talk(core, play)


def test_who_takes_too_long_sends_again(core):
    async def play(connect):
        client = await connect()
        before = len(inbox(core, "kari"))
        assert await client.codes(START + "DATA\r\n" + BODY, 3) == "250 250 354"
        await asyncio.wait_for(stop(client, 0.2), 60)
        assert await client.replies(2) == [STOPPING, ""]
        assert len(inbox(core, "kari")) == before

    talk(core, play)


def test_a_message_that_is_here_is_answered_however_little_time_there_was(tmp_path):
    """Or the sender would bring again what is being stored."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        asked, stopping = threading.Event(), threading.Event()

        def slow_filter() -> None:
            peer, _ = listening.accept()
            with peer:
                peer.recv(999)
                asked.set()
                stopping.wait(60)
                time.sleep(0.5)  # too long for who would not wait

        thread = threading.Thread(target=slow_filter, daemon=True)
        thread.start()
        core = build(tmp_path, f'[filter]\nmilters = ["inet:127.0.0.1:{listening.getsockname()[1]}"]\n')

        async def play(connect):
            client = await connect()
            await client.say(START + "DATA\r\n", 3)
            before = len(inbox(core, "kari"))
            client.writer.write((BODY + ".\r\n").encode())
            assert await asyncio.to_thread(asked.wait, 60)
            finishing = stop(client, 0)
            stopping.set()
            await asyncio.wait_for(finishing, 60)
            assert [line[:3] for line in await client.replies(3)] == ["250", "421", ""]
            assert len(inbox(core, "kari")) == before + 1

        try:
            talk(core, play)
        finally:
            thread.join(60)
            cores.close(core)
