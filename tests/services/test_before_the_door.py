"""Connections that open and say nothing, where TLS comes first: they take no room from others."""

import asyncio
import contextlib
import dataclasses
import os
import socket

import pytest
import uvloop

from mailcore import core as cores
from mailcore.imap import server as imap
from mailcore.net import proxy_protocol
from mailcore.services import certificates
from mailcore.smtp import server as smtp
from tests.smtp_talk import TRUSTING, build


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    built = build(tmp_path_factory.mktemp("house"), "[limits]\nconnections_per_address = 5\n")
    yield built
    cores.close(built)


async def gone(readers: list[asyncio.StreamReader], count: int) -> list[bool]:
    """Say of each connection if the server has closed it, once `count` are closed and the others had time for it."""
    waiting = [asyncio.ensure_future(_closed(reader)) for reader in readers]
    async with asyncio.timeout(60):
        while sum(one.done() for one in waiting) < count:  # noqa: ASYNC110 - it is told to each of them
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)
    found = [one.done() for one in waiting]
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    return found


async def _closed(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionError):
        assert await reader.read(1) == b""


async def greeting(port: int) -> bytes:
    """Return the greeting of a new connection, as soon as the server knows that there is room."""
    for _ in range(300):
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=TRUSTING)
            heard = await asyncio.wait_for(reader.readline(), 60)
            writer.close()
            if heard:
                return heard
        await asyncio.sleep(0.1)
    return b""


def sockets() -> int:
    """Open in this process."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
    return found


async def opened(core, key: str, host: str = "127.0.0.1"):
    """A listener, and its port."""
    listen = dataclasses.replace(core.config.listen, imaps="", imap="", **{})
    listen = dataclasses.replace(listen, **{key: f"{host}:0"})
    here = dataclasses.replace(core, config=dataclasses.replace(core.config, listen=listen))
    start = imap.start if key == "imaps" else smtp.start
    [made] = await start(here, certificates.tls_context(here.config))
    return made, made.sockets[0].getsockname()[1]


async def end(server) -> None:
    server.close()
    await asyncio.sleep(0.2)  # what was cut closes its socket


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("key", ["submissions", "imaps"])
def test_an_address_has_so_many_handshakes_open(core, key, run):
    async def play():
        server, port = await opened(core, key)
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(8)]
        assert sum(await gone([reader for reader, _ in silent], 3)) == 3
        for _, writer in silent:
            writer.close()
        assert await greeting(port)
        await end(server)

    run(play())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_where_too_many_wait_in_all_the_oldest_goes(core, run, monkeypatch):
    monkeypatch.setattr(proxy_protocol, "AT_ONCE", 3)

    async def play():
        server, port = await opened(core, "submissions")
        before = sockets()
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        assert await gone([reader for reader, _ in silent], 2) == [True, True, False, False, False]
        assert await greeting(port)
        for _, writer in silent:
            writer.close()
        for _ in range(600):
            await asyncio.sleep(0.1)
            if sockets() <= before:
                break
        assert sockets() <= before
        await end(server)

    run(play())


def test_without_a_host_both_kinds_of_addresses_are_taken_and_told_apart(core):
    async def play():
        server, port = await opened(core, "submissions", host="")
        for peer in ("127.0.0.1", "::1") if socket.has_dualstack_ipv6() else ("127.0.0.1",):
            reader, writer = await asyncio.open_connection(peer, port, ssl=TRUSTING)
            await asyncio.wait_for(reader.readline(), 60)
            assert [session.peer for session in server.sessions] == [peer]
            writer.close()
            async with asyncio.timeout(60):
                while server.sessions:  # noqa: ASYNC110 - the server forgets it when it sees the end
                    await asyncio.sleep(0.01)
        await end(server)

    asyncio.run(play())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_an_answer_in_two_writes_does_not_wait_for_the_peers_acknowledgement(core, run):
    """A socket made from a port has no protocol number, and asyncio sets TCP_NODELAY only where it is TCP's."""

    async def play():
        server, port = await opened(core, "submissions")
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=TRUSTING)
        await asyncio.wait_for(reader.readline(), 60)
        [session] = server.sessions
        sock = session.transport.get_extra_info("socket")
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        writer.close()
        await end(server)

    run(play())
