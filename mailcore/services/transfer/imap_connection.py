"""One connection to an IMAP server that somebody names: it may be anybody's, and answer with whatever it likes.

What it sends for one command is bounded, as it is put together in memory: literals by what was asked for, everything else by
lines and octets.  Where an owner names the server, the connection ends after MAX_SECONDS, however the octets drip in.
"""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError
from imapclient.imap4 import IMAP4WithTimeout
from imapclient.tls import IMAP4_TLS

from mailcore.errors import ImportRefused, LoginRefused
from mailcore.net import https
from mailcore.net.https import cut_off

TIMEOUT_SECONDS = 60  # of silence
MAX_ADDRESSES = 4  # of a host that are tried one after another
MAX_SECONDS = 1200  # of a connection to an owner's server
MAX_LINES, MAX_LINE_OCTETS = 50_000, 8 * 2**20  # of one command's answers, beside its literals


@dataclass(frozen=True, slots=True)
class Server:
    """The server to fetch from; `token` is an OAuth access token (XOAUTH2) instead of a password, `ca` a PEM file.

    `may_connect` says which of its network addresses may be asked; None = any, as whoever types a command on this machine may.
    `literal_octets` are the most that are asked for at once.
    """

    host: str
    user: str
    password: str = ""
    token: str = ""
    port: int = 993
    tls: bool = True
    ca: str = ""
    may_connect: Callable[[str], bool] | None = None
    literal_octets: int = 64 * 2**20


@contextmanager
def open_connection(server: Server) -> Iterator[IMAPClient]:
    """Log in, and out at the end.  What goes wrong within is raised as ImportRefused, also LoginRefused."""
    with ExitStack() as stack:
        client = _log_in(server, stack)
        try:
            yield client
        except (IMAPClientError, OSError) as problem:
            raise ImportRefused(f"{server.host} broke off: {problem}; start again, nothing is doubled") from None
        finally:
            _log_out(client)


class _Bounded:
    """Count the octets that came since the last command was sent; a part of a client of imaplib."""

    literals = lines = line_octets = 0
    most_literals = 0

    def send(self, data: bytes) -> None:
        self.literals = self.lines = self.line_octets = 0
        super().send(data)  # type: ignore[misc]  # of imaplib.IMAP4, beside which this stands

    def read(self, size: int) -> bytes:
        self.literals += size
        if self.literals > self.most_literals:
            raise self.abort("more than was asked for")  # type: ignore[attr-defined]
        octets: bytes = super().read(size)  # type: ignore[misc]
        return octets

    def readline(self) -> bytes:
        line: bytes = super().readline()  # type: ignore[misc]
        self.lines += 1
        self.line_octets += len(line)
        if self.lines > MAX_LINES or self.line_octets > MAX_LINE_OCTETS:
            raise self.abort("too many answers")  # type: ignore[attr-defined]
        return line


def _make_client(server: Server, stack: ExitStack) -> IMAPClient:
    """Connect, to an address that may be asked, whatever the name says a moment later.

    Args:
        stack: ends what watches over the time of the connection.
    """

    class Plain(_Bounded, IMAP4WithTimeout):  # type: ignore[misc]  # imapclient has no types
        most_literals = server.literal_octets

    class Tls(_Bounded, IMAP4_TLS):  # type: ignore[misc]
        most_literals = server.literal_octets

        def _create_socket(self, timeout: float | None = None) -> socket.socket:
            if server.may_connect is None:
                whole: socket.socket = super()._create_socket(timeout)
                return whole
            found = [
                str(place[0]) for *_kind, place in socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
            ]
            problem = OSError("no such server")
            for address in islice(filter(server.may_connect, found), MAX_ADDRESSES):
                try:
                    secure = https.connect(self.ssl_context, address, self.port, self.host, timeout or TIMEOUT_SECONDS)
                except OSError as refusal:
                    problem = refusal
                    continue
                stack.enter_context(cut_off(secure, MAX_SECONDS))
                try:
                    secure.do_handshake()
                except BaseException:
                    secure.close()
                    raise
                return secure
            raise problem

    class Client(IMAPClient):  # type: ignore[misc]
        def _create_IMAP4(self) -> Any:  # noqa: N802 - imapclient's name
            if server.tls:
                return Tls(self.host, self.port, self.ssl_context, TIMEOUT_SECONDS)
            return Plain(self.host, self.port, TIMEOUT_SECONDS)

    if server.may_connect is not None and not server.tls:
        raise ValueError("an address that others name is asked by TLS alone")
    context = ssl.create_default_context(cafile=server.ca or None) if server.tls else None
    return Client(server.host, server.port, ssl=server.tls, ssl_context=context, timeout=TIMEOUT_SECONDS)


def _log_in(server: Server, stack: ExitStack) -> IMAPClient:
    """Connect and log in.  Raises ImportRefused, also LoginRefused, with words for whoever typed the command."""
    try:
        client = _make_client(server, stack)
    except (IMAPClientError, OSError) as problem:
        raise ImportRefused(f"{server.host} cannot be reached: {problem}") from None
    client.normalise_times = False
    try:
        if server.token:
            _log_in_by_token(client, server)
        else:
            client.login(server.user, server.password)
    except LoginError as problem:
        client.shutdown()
        raise LoginRefused(f"{server.host} refused the log-in: {problem}") from None
    except (IMAPClientError, OSError) as problem:
        client.shutdown()
        raise ImportRefused(f"{server.host} broke off: {problem}") from None
    return client


def _log_out(client: IMAPClient) -> None:
    try:
        client.logout()
    except (IMAPClientError, OSError):  # it is over in any case
        with suppress(IMAPClientError, OSError):
            client.shutdown()


def _log_in_by_token(client: IMAPClient, server: Server) -> None:
    """Log in by OAUTHBEARER (RFC 7628) where it is offered, else by XOAUTH2, which Microsoft has alone.  Raises LoginError."""
    if client.has_capability("AUTH=OAUTHBEARER"):
        client.oauthbearer_login(server.user, server.token)
    else:
        client.oauth2_login(server.user, server.token)
