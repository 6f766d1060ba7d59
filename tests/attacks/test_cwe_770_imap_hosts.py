"""A server that an owner lets us fetch from is anybody's: what it answers is bounded in memory and in time (CWE-770, CWE-400)."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest

from mailcore.clock import Clock
from mailcore.config import Config
from mailcore.errors import ImportRefused
from mailcore.mail.moving.mbox import Stored
from mailcore.services import certificates
from mailcore.services.transfer import imap_connection, imap_import
from mailcore.services.transfer.imap_connection import Server, open_connection

Send = Callable[[bytes], None]
MUCH = 32 * 2**20  # octets that nobody takes of one answer, with those that wait in sockets


class Host:
    """Says what is right to every command but one, to which `answer` says what it likes."""

    def __init__(self, context: ssl.SSLContext, word: bytes, answer: Callable[[Send], None]) -> None:
        self._context, self._word, self._answer = context, word, answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            plain, _ = self._listener.accept()
            with self._context.wrap_socket(plain, server_side=True) as peer:
                peer.sendall(b"* OK [CAPABILITY IMAP4rev1] here\r\n")
                for line in peer.makefile("rb"):
                    tag, word = line.split()[0], line.upper()
                    if self._word in word:
                        self._answer(peer.sendall)
                    elif b"CAPABILITY" in word:
                        peer.sendall(b"* CAPABILITY IMAP4rev1\r\n")
                    elif b" LIST " in word:
                        peer.sendall(b'* LIST () "/" INBOX\r\n')
                    elif b"SEARCH" in word:
                        peer.sendall(b"* SEARCH 1\r\n")
                    elif b"RFC822.SIZE" in word:
                        peer.sendall(b"* 1 FETCH (UID 1 RFC822.SIZE 3)\r\n")
                    peer.sendall(tag + b" OK done\r\n")

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Callable:
    config = Config(data=str(tmp_path_factory.mktemp("site")))
    certificates.ensure_certificate(config, Clock())

    @contextmanager
    def stand(word: bytes, answer: Callable[[Send], None], literal_octets: int = 2**26) -> Iterator[Server]:
        made = Host(certificates.tls_context(config), word, answer)
        ca = str(config.data_path / "tls" / "ca.pem")
        try:
            yield Server(
                "localhost",
                "ola",
                "x",
                port=made.port,
                ca=ca,
                may_connect=lambda place: place == "127.0.0.1",
                literal_octets=literal_octets,
            )
        finally:
            made.close()

    return stand


def fetch(server: Server) -> list[tuple[int, Stored | None]]:
    with open_connection(server) as client:
        return list(imap_import.fetch_folder(client, "INBOX", lambda _: 0, 1000))


@dataclass(slots=True)
class Endless:
    """Sends the same again and again, and counts how much of it was taken."""

    said: bytes
    octets: int = 0

    def __call__(self, send: Send) -> None:
        while self.octets < 2 * MUCH:
            send(self.said)
            self.octets += len(self.said)


@pytest.mark.parametrize(("word", "octets"), [
    (b" LIST ", b'* LIST () "/" "' + b"a" * 5000 + b'"\r\n'), (b" LIST ", b"* OK still here\r\n" * 100),
    (b"SEARCH", b"* SEARCH" + b" 1" * 1000 + b"\r\n"), (b"BODY.PEEK", b"* 1 FETCH (UID 1 FLAGS (" + b"a " * 1000 + b"))\r\n"),
    (b"CAPABILITY", b"* CAPABILITY" + b" X" * 1000 + b"\r\n"), (b"LOGIN", b"* BYE " + b"x" * 1000 + b"\r\n"),
    (b"BODY.PEEK", b"* 1 FETCH (UID 1 BODY[] {100000}\r\n" + b"x" * 100_000 + b")\r\n"),
])  # fmt: skip
def test_answers_without_an_end_are_broken_off(host, word, octets):
    sent = Endless(octets)
    with host(word, sent, literal_octets=2**20) as server, pytest.raises(ImportRefused):
        fetch(server) if word != b" LIST " else imap_import.list_folders(server)
    assert sent.octets < MUCH


@pytest.mark.parametrize("size", [2**20, 2**32, 2**64, 10**30])
def test_a_literal_that_is_larger_than_what_was_asked_for_is_not_read(host, size):
    with (
        host(
            b"BODY.PEEK", lambda send: send(b"* 1 FETCH (UID 1 BODY[] {%d}\r\n" % size), literal_octets=2**19
        ) as server,
        pytest.raises(ImportRefused, match="more than was asked for"),
    ):
        fetch(server)


def test_what_was_asked_for_is_read(host):
    body = b"* 1 FETCH (UID 1 BODY[] {3}\r\nhei FLAGS (\\Seen))\r\n"
    with host(b"BODY.PEEK", lambda send: send(body)) as server:
        assert fetch(server) == [(1, Stored(b"hei", frozenset({"\\Seen"}), None))]


def test_a_host_s_other_address_is_tried_where_the_first_does_not_answer(host, monkeypatch):
    ask = socket.getaddrinfo

    def find(name: str, port: int, *args: Any, **others: Any) -> list:
        found = ask(name, port, *args, **others)
        if name != "localhost":
            return found
        return [(*kind, (address, port)) for address in ("127.0.0.9", "127.0.0.1") for *kind, _ in found[-1:]]

    def answer(send: Send) -> None:
        send(b'* LIST () "/" INBOX\r\n')

    monkeypatch.setattr(socket, "getaddrinfo", find)
    with host(b" LIST ", answer) as server:
        folders = imap_import.list_folders(replace(server, may_connect=lambda place: True))
    assert [folder.name for folder in folders] == ["INBOX"]


def test_what_others_name_is_asked_by_tls_alone(host):
    with host(b" LIST ", lambda send: None) as server, pytest.raises(ValueError, match="TLS"):
        imap_import.list_folders(replace(server, tls=False))


def test_more_folders_than_an_account_may_have_are_left_out(host, monkeypatch):
    monkeypatch.setattr(imap_import, "MAX_MAILBOXES", 3)

    def answer(send: Send) -> None:
        send(b'* LIST () "/" INBOX\r\n' * 10)

    with host(b" LIST ", answer) as server:
        assert len(imap_import.list_folders(server)) == 3


@pytest.mark.parametrize("word", [b"LOGIN", b" LIST ", b"BODY.PEEK"])
def test_octets_that_drip_in_hold_a_connection_for_a_while_only(host, word, monkeypatch):
    monkeypatch.setattr(imap_connection, "MAX_SECONDS", 1)
    over = threading.Event()

    def drip(send: Send) -> None:
        while not over.wait(0.1):
            send(b"* OK still here\r\n")

    with host(word, drip) as server:
        try:
            with pytest.raises(ImportRefused):
                fetch(server) if word != b" LIST " else imap_import.list_folders(server)
        finally:
            over.set()
