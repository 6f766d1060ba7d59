"""The load of each case, the same for every server: plain sockets and threads, nothing of the project."""

import re
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass(frozen=True)
class Target:
    """A server under test.  `password` opens user1 .. userN."""

    name: str
    smtp: int
    imap: int
    password: str
    submission: int = 0
    sink: int = 0  # where everything that goes out arrives


def message(octets: int, number: int) -> bytes:
    head = (
        f"From: Sender {number} <sender{number}@outside.example>\r\nTo: <user1@alumni.example>\r\nSubject: Message {number}\r\n"
        f"Date: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{number}.{time.monotonic_ns()}@outside.example>\r\n"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    ).encode()
    line = b"The quick brown fox jumps over the lazy dog, again and again.\r\n"
    # where a line ends is not cut in two
    return (head + line * (octets // len(line) + 1))[: octets - 2].rstrip(b"\r") + b"\r\n"


class Smtp:
    def __init__(self, port: int) -> None:
        self._socket: socket.socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")
        self._answer()
        self.ask(b"EHLO bench.example")

    def _answer(self) -> int:
        while True:
            line = self._file.readline()
            if line[3:4] != b"-":
                code = int(line[:3] or 0)
                if not 200 <= code < 400:
                    raise RuntimeError(line.decode("ascii", "replace"))
                return code

    def ask(self, *lines: bytes) -> None:
        """Send commands at once, and wait for all answers."""
        self._socket.sendall(b"".join(line + b"\r\n" for line in lines))
        for _ in lines:
            self._answer()

    def send(self, recipients: list[str], octets: bytes, *, sender: str = "sender@outside.example") -> None:
        self.ask(b"MAIL FROM:<%s>" % sender.encode(), *(b"RCPT TO:<%s>" % r.encode() for r in recipients), b"DATA")
        self.ask(octets + b".")

    def close(self) -> None:
        self.ask(b"QUIT")
        self._file.close()
        self._socket.close()


class Imap:
    """A client that reads answers in large pieces, so that it is not what is measured."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._tag = 0
        self._until(b"\r\n")

    def _until(self, end: bytes) -> bytes:
        """Everything up to a line that begins with `end` (or the first line, for an end of CR LF)."""
        pieces: list[bytes] = []
        tail = b""
        while True:
            piece = self._socket.recv(2**20)
            if not piece:
                raise RuntimeError("connection closed")
            pieces.append(piece)
            tail = (tail + piece)[-600:]
            if tail.endswith(b"\r\n") and (end == b"\r\n" or tail.startswith(end) or b"\n" + end in tail):
                return b"".join(pieces)

    def command(self, text: str) -> bytes:
        """The untagged answers and the tagged OK."""
        return self.send(text.encode() + b"\r\n")

    def send(self, octets: bytes, *, expect: bytes = b"OK") -> bytes:
        self._tag += 1
        tag = b"a%d " % self._tag
        self._socket.sendall(tag + octets)
        answer = self._until(tag)
        if tag + expect not in answer[-600:]:
            raise RuntimeError(answer[-300:].decode("ascii", "replace"))
        return answer

    def append(self, mailbox: str, octets: bytes) -> None:
        self.send(b"APPEND %s {%d+}\r\n%s\r\n" % (mailbox.encode(), len(octets), octets))

    def count(self, mailbox: str = "INBOX") -> int:
        count = re.search(rb"MESSAGES (\d+)", self.command(f"STATUS {mailbox} (MESSAGES)"))
        return int(count[1]) if count else 0

    def close(self) -> None:
        self._socket.close()


def logged_in(target: Target, user: str) -> Imap:
    client = Imap(target.imap)
    client.command(f'LOGIN {user} "{target.password}"')
    return client


def end_in_order() -> None:
    """Let a signal end the program as an error would: whatever it has started is stopped."""

    def leave(number: int, _frame: object) -> None:
        for one in ENDING:
            signal.signal(one, signal.SIG_IGN)  # what is being stopped is waited for
        raise SystemExit(128 + number)

    for one in ENDING:
        signal.signal(one, leave)


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def wait_for(true: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise RuntimeError("the messages did not arrive")
        time.sleep(0.01)


def in_threads(count: int, work: Callable[[int], None]) -> None:
    """Run `work(0)` to `work(count - 1)` at once; what one of them raises is raised."""
    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(work, number) for number in range(count)]:
            done.result()
