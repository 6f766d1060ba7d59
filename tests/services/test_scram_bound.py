"""SCRAM-SHA-256-PLUS is offered where the binding can be had that clients choose there, over real TLS."""

import asyncio
import hashlib
import hmac
import socket
import ssl
from base64 import b64decode, b64encode
from collections.abc import Callable, Coroutine
from contextlib import closing
from typing import TypeVar

import pytest
import uvloop

from mailcore import core as cores
from mailcore.config_file import parse_config
from mailcore.core import Core
from mailcore.imap import server as imap_server
from mailcore.managesieve import server as sieve_server
from mailcore.net.transport import Listener
from mailcore.services import certificates
from mailcore.services.accounts import accounts
from mailcore.smtp import server as smtp_server

PASSWORD = "en lang hemmelighet"
LISTEN = "".join(f'{name} = "127.0.0.1:0"\n' for name in ("imap", "imaps", "submission", "submissions", "managesieve"))
PLUS = b"SCRAM-SHA-256-PLUS"
DOORS = ["imaps", "imap", "submission", "submissions", "managesieve"]


@pytest.fixture
def core(tmp_path):
    limits = '[limits]\nscram = "always"\n'
    text = f'data = "{tmp_path}"\n[listen]\nsmtp = ""\nlmtp = ""\n{LISTEN}[outbound]\nmode = "capture"\n{limits}'
    built = cores.build(parse_config(text))
    certificates.ensure_certificate(built.config, built.clock)
    accounts.add_account(built, "ola", display_name="Ola", quota=2**30, password=PASSWORD)
    yield built
    cores.close(built)


T = TypeVar("T")
Run = Callable[[Coroutine[None, None, T]], T]


def with_servers(core: Core, run: Run[T], talk: Callable[[dict[str, int]], T]) -> T:
    """Return the result of `talk`, which is called in a thread with the ports by name."""

    async def main() -> T:
        tls = certificates.tls_context(core.config)
        opened: list[Listener | smtp_server.SmtpListener] = [
            *await imap_server.start(core, tls),
            *await smtp_server.start(core, tls),
            *await sieve_server.start(core, tls),
        ]
        names = ["imaps", "imap", "submission", "submissions", "managesieve"]
        ports = {name: one.sockets[0].getsockname()[1] for name, one in zip(names, opened, strict=True)}
        try:
            return await asyncio.to_thread(talk, ports)
        finally:
            for one in opened:
                one.close()

    return run(main())


class Talk:
    """A client of any of the protocols, blocking; `offered` is the last list of mechanisms that it heard."""

    def __init__(self, name: str, port: int, version: ssl.TLSVersion) -> None:
        self.name, self._tls = name, ssl._create_unverified_context()
        self._tls.minimum_version = self._tls.maximum_version = version
        self.socket = socket.create_connection(("127.0.0.1", port), 60)
        if name in ("imaps", "submissions"):
            self._wrap()
        self.offered = self.until()
        if name == "submissions":
            self.offered = self.ask(b"EHLO me")
        elif name == "submission":
            self.ask(b"EHLO me")
            self.ask(b"STARTTLS")
            self._wrap()
            self.offered = self.ask(b"EHLO me")
        elif name == "imap":
            self.ask(b"a STARTTLS")
            self._wrap()
            self.offered = self.ask(b"a CAPABILITY")
        elif name == "managesieve":
            self.ask(b"STARTTLS")
            self._wrap()
            self.offered = self.until()

    def _wrap(self) -> None:
        self.socket = self._tls.wrap_socket(self.socket)

    def until(self) -> bytes:
        heard = b""
        while not self._is_over(heard):
            got = self.socket.recv(65_536)
            assert got, heard
            heard += got
        return heard

    def _is_over(self, heard: bytes) -> bool:
        last = heard[:-2].rpartition(b"\r\n")[2]
        if not heard.endswith(b"\r\n"):
            return False
        if self.name.startswith("imap"):
            return last.startswith((b"* OK", b"a ", b"+"))
        if self.name == "managesieve":
            return last.startswith((b"OK", b"NO"))
        return last[3:4] == b" "

    def ask(self, line: bytes) -> bytes:
        self.socket.sendall(line + b"\r\n")
        return self.until()

    def log_in(self, binding: str) -> bytes:
        """The last answer to an exchange bound by `binding` (RFC 5802 section 3)."""
        data = b"x" * 32
        if binding == "tls-unique":
            assert isinstance(self.socket, ssl.SSLSocket)
            data = self.socket.get_channel_binding("tls-unique") or b""
        header, bare = b"p=" + binding.encode() + b",,", b"n=ola,r=abc"
        imap = self.name.startswith("imap")
        self.ask((b"a AUTHENTICATE " if imap else b"AUTH ") + PLUS)
        heard = self.ask(b64encode(header + bare))
        if not heard.startswith((b"+", b"334")):
            return heard
        challenge = b64decode(heard.split(b" ", 1)[1])
        nonce, salt, count = (part.split(b"=", 1)[1] for part in challenge.split(b","))
        salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), b64decode(salt), int(count))
        key = hmac.digest(salted, b"Client Key", "sha256")
        final = b"c=" + b64encode(header + data) + b",r=" + nonce
        signed = hmac.digest(hashlib.sha256(key).digest(), bare + b"," + challenge + b"," + final, "sha256")
        proof = b64encode(bytes(a ^ b for a, b in zip(key, signed, strict=True)))
        heard = self.ask(b64encode(final + b",p=" + proof))
        return self.ask(b"") if heard.startswith((b"+", b"334")) else heard


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("name", DOORS)
def test_plus_is_offered_where_tls_unique_is_what_clients_bind(core, run, name):
    def talk(ports) -> list[bool]:
        found = []
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            client = Talk(name, ports[name], version)
            with closing(client.socket):
                assert b"SCRAM-SHA-256" in client.offered
                found.append(PLUS in client.offered)
        return found

    assert with_servers(core, run, talk) == [True, False]


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize("name", ["imaps", "imap", "submission", "submissions"])
def test_what_is_offered_is_had(core, run, name):
    def talk(ports) -> list[bytes]:
        found = []
        for binding in ("tls-unique", "tls-server-end-point", "tls-exporter"):
            client = Talk(name, ports[name], ssl.TLSVersion.TLSv1_2)
            with closing(client.socket):
                found.append(client.log_in(binding).split(b" ")[1 if name.startswith("imap") else 0])
        return found

    ok, no = (b"OK", b"BAD") if name.startswith("imap") else (b"235", b"501")
    assert with_servers(core, run, talk) == [ok, no, no]


def test_nothing_is_bound_on_tls_1_3_also_if_a_client_asks_for_it(core):
    def talk(ports) -> bytes:
        client = Talk("imaps", ports["imaps"], ssl.TLSVersion.TLSv1_3)
        with closing(client.socket):
            return client.log_in("tls-server-end-point")

    assert with_servers(core, asyncio.run, talk).startswith(b"a BAD")
