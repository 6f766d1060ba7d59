"""A connection of an attacker: octets out as they stand, lines in, and no patience beyond a few seconds."""

import socket
import ssl
import time
from types import TracebackType

PATIENCE = 30.0
TRUSTING = ssl.create_default_context()
TRUSTING.check_hostname = False
TRUSTING.verify_mode = ssl.CERT_NONE


class Wire:
    """One TCP connection to loopback; `b""` is what a connection that was closed answers."""

    def __init__(self, port: int, *, tls: bool = False, source: str = "127.0.0.1") -> None:
        self._sock: socket.socket = socket.create_connection(("127.0.0.1", port), PATIENCE, (source, 0))
        self._heard = bytearray()
        if tls:
            self._sock = TRUSTING.wrap_socket(self._sock)

    def __enter__(self) -> "Wire":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sock.close()

    def send(self, octets: bytes) -> None:
        """Send octets; a server that has closed takes none of them, and its last words tell."""
        try:
            self._sock.sendall(octets)
        except (ConnectionError, ssl.SSLError):
            return

    def finish(self) -> None:
        """Half-close: nothing more is sent, all is still read."""
        self._sock.shutdown(socket.SHUT_WR)

    def start_tls(self) -> None:
        self._sock = TRUSTING.wrap_socket(self._sock)

    def _read(self) -> bool:
        try:
            octets = self._sock.recv(65536)
        except (ConnectionError, ssl.SSLError):
            return False
        self._heard += octets
        return bool(octets)

    def line(self) -> bytes:
        """The next line with its end; what is left without one at the end of the connection."""
        while (at := self._heard.find(b"\n")) < 0:
            if not self._read():
                at = len(self._heard) - 1
                break
        return self.take(at + 1)

    def take(self, count: int) -> bytes:
        while len(self._heard) < count and self._read():
            continue
        octets = bytes(self._heard[:count])
        del self._heard[:count]
        return octets

    def rest(self, most: int = 8 * 2**20) -> bytes:
        """All until the server closes."""
        end = time.monotonic() + PATIENCE
        while len(self._heard) < most and self._read():
            assert time.monotonic() < end, "it goes on and on"
        return self.take(len(self._heard))

    # Replies of the protocols

    def reply(self) -> bytes:
        """SMTP: the last line of the next reply (RFC 5321 section 4.2.1)."""
        line = self.line()
        while line[3:4] == b"-":
            line = self.line()
        return line.rstrip(b"\r\n")

    def tagged(self, tag: bytes = b"t") -> tuple[bytes, bytes]:
        """IMAP: the next tagged answer, or BYE, or a continuation, and all that came before it."""
        before = bytearray()
        while line := self.line():
            if line.startswith((tag + b" ", b"+ ", b"+\r", b"* BYE")):
                return line.rstrip(b"\r\n"), bytes(before)
            before += line
        return b"", bytes(before)

    def status(self) -> tuple[bytes, bytes]:
        """ManageSieve: the next OK, NO or BYE and what came before it."""
        before = bytearray()
        while line := self.line():
            if line.startswith((b"OK", b"NO", b"BYE")):
                while (size := _literal(line)) is not None:
                    line += self.take(size) + self.line()
                return line.rstrip(b"\r\n"), bytes(before)
            before += line
            if (size := _literal(line)) is not None:
                before += self.take(size)
        return b"", bytes(before)


def _literal(line: bytes) -> int | None:
    """The size of the literal that the line ends with."""
    line = line.rstrip(b"\r\n")
    at = line.rfind(b"{")
    digits = line[at + 1 : -1]
    return int(digits) if at >= 0 and line.endswith(b"}") and digits.isdigit() else None
