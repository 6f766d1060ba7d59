"""All that a command answers leaves in one record of TLS, and nothing that was written stays behind."""

import asyncio
import socket
import ssl
from contextlib import closing

import pytest
import uvloop

from mailcore import core as cores
from mailcore.config_file import parse_config
from mailcore.imap.commands import progress
from mailcore.services.accounts import accounts
from tests.imap_server import imap_server

LOGIN = b'a LOGIN ola "en lang hemmelighet"\r\n'


@pytest.fixture
def core(tmp_path):
    built = cores.build(parse_config(f'data = "{tmp_path}"\n[outbound]\nmode = "capture"\n'))
    accounts.add_account(built, "ola", display_name="Ola", quota=2**30, password="en lang hemmelighet")
    yield built
    cores.close(built)


def connected(port: int) -> socket.socket:
    """A client whose `recv` gives one record."""
    tls = ssl._create_unverified_context()
    return tls.wrap_socket(socket.create_connection(("127.0.0.1", port), 60))


@pytest.mark.parametrize("loop", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_the_answers_of_a_command_are_one_record(core, loop):
    with imap_server(core, loop) as (port, _), closing(connected(port)) as client:
        assert client.recv(65_536).startswith(b"* OK")
        for command, first, last in (
            (LOGIN, b"a OK", b""),
            (b"b SELECT INBOX\r\n", b"* FLAGS", b"b OK [READ-WRITE] Open\r\n"),
            (b"c STORE 1 +FLAGS (\\Flagged)\r\n", b"* 1 FETCH", b"c OK Done\r\n"),
            (b"d LOGOUT\r\n", b"* BYE", b"d OK Done\r\n"),
        ):
            client.sendall(command)
            heard = client.recv(65_536)
            assert heard.startswith(first)
            assert heard.endswith(last)
        assert client.recv(65_536) == b""


def test_a_command_that_goes_on_is_heard_of_before_its_end(core, monkeypatch):
    report = progress.Progress.report

    def report_of_many(self, more):
        """Report as if the mailbox had many messages more."""
        self._goal = 10**6
        report(self, more)

    monkeypatch.setattr(progress, "EVERY_SECONDS", 0)
    monkeypatch.setattr(progress.Progress, "report", report_of_many)
    with imap_server(core) as (port, _), closing(connected(port)) as client:
        client.recv(65_536)
        for command in (LOGIN, b"b SELECT INBOX\r\n"):
            client.sendall(command)
            client.recv(65_536)
        client.sendall(b"c SEARCH BODY hei\r\n")
        first = client.recv(65_536)
        assert first.startswith(b"* OK [INPROGRESS")
        assert b"c OK" not in first
        while not first.endswith(b"c OK Done\r\n"):
            first += client.recv(65_536)
