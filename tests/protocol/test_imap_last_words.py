"""A BYE reaches a client that is still sending: it is not reset away before it is read (RFC 7888 section 4)."""

import asyncio
import socket
import ssl
from contextlib import closing

import pytest
import uvloop

from mailcore import core as cores
from mailcore.config_file import parse_config
from mailcore.net import transport
from mailcore.services.accounts import accounts
from tests.imap_server import imap_server

LOGIN = b'a LOGIN ola "en lang hemmelighet"\r\n'
MUCH = b"x" * 2**20


@pytest.fixture
def core(tmp_path):
    text = f'data = "{tmp_path}"\n[limits]\nmessage_size = "1M"\n[outbound]\nmode = "capture"\n'
    built = cores.build(parse_config(text))
    accounts.add_account(built, "ola", display_name="Ola", quota=2**30, password="en lang hemmelighet")
    yield built
    cores.close(built)


def connected(port: int) -> socket.socket:
    tls = ssl._create_unverified_context()
    made = tls.wrap_socket(socket.create_connection(("127.0.0.1", port), 60))
    made.recv(65_536)
    return made


def flood(client: socket.socket, times: int) -> None:
    for _ in range(times):
        client.sendall(MUCH)


def all_that_is_said(client: socket.socket) -> bytes:
    heard = b""
    while got := client.recv(65_536):
        heard += got
    return heard


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize(
    ("begins", "bye"),
    [
        (b"b APPEND INBOX {40000000+}\r\n", b"* BYE [TOOBIG] The literal is too large\r\n"),
        (b"b NOOP ", b"* BYE The line is too long\r\n"),
    ],
)
def test_a_client_that_sends_all_before_it_reads_hears_bye(core, begins, bye, loop):
    with imap_server(core, loop) as (port, _), closing(connected(port)) as client:
        client.sendall(LOGIN)
        assert b"a OK" in client.recv(65_536)
        client.sendall(begins)
        flood(client, 40)
        client.settimeout(60)
        client.sendall(b"\r\n")
        assert bye in client.recv(65_536)
        client.close()


def test_the_connection_ends_when_the_client_falls_silent(core, monkeypatch):
    monkeypatch.setattr(transport, "LINGER_QUIET_SECONDS", 0.2)
    with imap_server(core) as (port, _), closing(connected(port)) as client:
        client.sendall(LOGIN)
        client.recv(65_536)
        client.sendall(b"b APPEND INBOX {40000000+}\r\nx")
        assert all_that_is_said(client).endswith(b"* BYE [TOOBIG] The literal is too large\r\n")


def test_a_stranger_may_not_go_on_for_long(core, monkeypatch):
    monkeypatch.setattr(transport, "STRANGER_LINGER", 2**20)
    with imap_server(core) as (port, _), closing(connected(port)) as client:
        client.sendall(b"b APPEND INBOX {999999999+}\r\n")
        with pytest.raises(OSError):  # noqa: PT011 - reset, or a broken pipe
            flood(client, 900)


def test_nothing_that_comes_after_bye_is_done(core):
    with imap_server(core) as (port, _), closing(connected(port)) as client:
        client.sendall(LOGIN + b"b APPEND INBOX {40000000+}\r\n")
        client.sendall(b"\r\nc CREATE Late\r\n")
        heard = b""
        while b"BYE" not in heard:
            heard += client.recv(65_536)
    ola = accounts.find_account(core, "ola").id
    assert "Late" not in {box.name for box in core.db.read(lambda tx: core.mail.mailboxes(tx, ola))}
