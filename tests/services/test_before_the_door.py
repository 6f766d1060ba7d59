"""Connections that open and say nothing, where TLS comes first: they take no room from others."""

import asyncio
import contextlib
import dataclasses
import os
import socket

import pytest
import uvloop

from mailcore import balancer
from mailcore import core as cores
from mailcore.imap import server as imap
from mailcore.services import certificates
from mailcore.smtp import server as smtp
from tests.smtp_talk import TRUSTING, build


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    built = build(tmp_path_factory.mktemp("house"), "[limits]\nconnections_per_address = 5\n")
    yield built
    cores.close(built)


async def closed(reader: asyncio.StreamReader) -> bool:
    with contextlib.suppress(ConnectionError, TimeoutError):
        return await asyncio.wait_for(reader.read(1), 0.3) == b""
    return False


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
        gone = await asyncio.gather(*(closed(reader) for reader, _ in silent))
        assert sum(gone) == 3
        for _, writer in silent:
            writer.close()
        await asyncio.sleep(0.1)
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=TRUSTING)
        assert await asyncio.wait_for(reader.readline(), 5)
        writer.close()
        await end(server)

    run(play())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_where_too_many_wait_in_all_the_oldest_goes(core, run, monkeypatch):
    monkeypatch.setattr(balancer, "AT_ONCE", 3)

    async def play():
        server, port = await opened(core, "submissions")
        before = sockets()
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        gone = await asyncio.gather(*(closed(reader) for reader, _ in silent))
        assert gone == [True, True, False, False, False]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=TRUSTING)
        assert await asyncio.wait_for(reader.readline(), 5)
        for one in (writer, *(writer for _, writer in silent)):
            one.close()
        for _ in range(50):
            await asyncio.sleep(0.1)
            if sockets() <= before:
                break
        assert sockets() <= before
        await end(server)

    run(play())


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="needs IPv6")
def test_without_a_host_both_kinds_of_addresses_are_taken_and_told_apart(core):
    async def play():
        server, port = await opened(core, "submissions", host="")
        for host, peer in (("127.0.0.1", "127.0.0.1"), ("::1", "::1")):
            reader, writer = await asyncio.open_connection(host, port, ssl=TRUSTING)
            await asyncio.wait_for(reader.readline(), 5)
            assert [session.peer for session in server.sessions] == [peer]
            writer.close()
            await asyncio.sleep(0.1)
        await end(server)

    asyncio.run(play())
