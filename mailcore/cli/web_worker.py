"""gunicorn's threaded worker, in which only finished requests cost a thread.

Heads and small bodies are awaited by one thread for all connections, so hundreds of slow clients hold nothing but their
sockets.  A large body is read by the thread of its request, which looks first who sends it (portal/bodies.py).  Whoever is too
slow is told so (408) and closed; where one address or all have too many connections, the one that has waited longest makes
room, so those who are quick come in.
"""

import contextlib
import fcntl
import logging
import socket
import struct
import termios
import time
from collections import Counter
from concurrent.futures import Future
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.http import errors as bad
from gunicorn.http.message import Request
from gunicorn.workers.gthread import ThreadWorker

from mailcore.cli.web_connection import CONTINUE, MAX_HEAD, NO_PACE, READ, Connection, State
from mailcore.cli.web_pace import Pace
from mailcore.config import SMALL_BODY, Web, within

log = logging.getLogger(__name__)
MAX_HELD = 64 * 2**20  # octets of all that is awaited, in one process
ACCEPTED = 64  # connections at once
SEND_SECONDS = 30  # that a client has to take a piece of an answer
SEND_BUFFER = 212_992  # a whole page fits, so no thread waits for who does not read it
UNREAD = 64 * 1024  # octets of answers that a client who asks on may not have taken yet
LINGER_SECONDS, LINGER_OCTETS = 5, 64 * 2**20  # RFC 9112 section 9.6
SWEEP_SECONDS = 0.5
WORDS = {
    400: "Bad Request",
    408: "Request Timeout",
    411: "Length Required",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """`app.web` and `app.trusted` are the portal's settings."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.web: Web = self.app.web
        self.trusted: tuple[str, ...] = self.app.trusted
        self.worker_connections = self.web.connections
        self._open: set[Connection] = set()
        self._places: Counter[str] = Counter()
        self._held = 0
        self._swept = 0.0

    # Connections come and go

    def accept(self, listener: socket.socket) -> None:
        for _ in range(ACCEPTED):
            try:
                sock, client = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            self._begin(sock, client, listener.getsockname())

    def _begin(self, sock: socket.socket, client: Any, server: Any) -> None:  # Any: of socket.accept
        sock.setblocking(False)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            # head and page are two writes; without this the second waits 40 ms for the first to be acknowledged
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(self.cfg, sock, client, server)
        if not self._has_room(connection.place):
            self._refuse(sock)
            return
        self.nr_conns += 1
        self._open.add(connection)
        self._places[connection.place] += 1
        connection.start(State.HEAD, time.monotonic() + self.web.request_seconds)
        self._await(connection)
        self._on_readable(connection, sock)  # most have sent their request by now

    def _has_room(self, place: str) -> bool:
        """Perhaps somebody who has waited long must go."""
        # behind a proxy all come from one address; it counts by itself
        counted = not self.web.proxies and not within(place.partition("/")[0], self.trusted)
        if counted and self._places[place] >= self.web.connections_per_address:
            return self._evict([one for one in self._open if one.place == place])
        if len(self._open) < self.worker_connections - 1:
            return True
        return self._evict(list(self._open))

    def _evict(self, among: list[Connection]) -> bool:
        """Close the one that has waited longest, of the place that has most.  False: all of them are being answered."""
        waiting = [one for one in among if one.state is not State.WORK]
        if not waiting:
            return False
        self._close(max(waiting, key=lambda one: (one.state is State.LINGER, self._places[one.place], -one.since)))
        return True

    def _refuse(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError):
            sock.send(_answer(503))
        sock.close()

    def _await(self, connection: Connection) -> None:
        connection.sock.setblocking(False)
        self.poller.register(connection.sock, EVENT_READ, partial(self._on_readable, connection))

    def _close(self, connection: Connection) -> None:
        """At once."""
        if connection not in self._open:
            return
        self._open.discard(connection)
        self._places[connection.place] -= 1
        if not self._places[connection.place]:
            del self._places[connection.place]
        self._held -= connection.source.held if connection.state in (State.HEAD, State.BODY) else 0
        self.nr_conns -= 1
        with contextlib.suppress(KeyError, ValueError, OSError):
            self.poller.unregister(connection.sock)
        connection.close()

    def _end(self, connection: Connection, code: int = 0) -> None:
        """Say why, and wait a little until the client has read it: closing at once would take the answer away from it."""
        if code:
            with contextlib.suppress(OSError):
                connection.sock.send(_answer(code))
        if connection.state in (State.HEAD, State.BODY):
            self._held -= connection.source.held
        connection.source.take_buffered()
        connection.start(State.LINGER, time.monotonic() + LINGER_SECONDS)
        connection.discarded = 0
        try:
            connection.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(connection)

    # What arrives

    def _on_readable(self, connection: Connection, sock: socket.socket) -> None:
        try:
            octets = sock.recv(READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            octets = b""
        if not octets:
            self._close(connection)
        elif connection.state is State.LINGER:
            connection.discarded += len(octets)
            if connection.discarded > LINGER_OCTETS:
                self._close(connection)
        else:
            self._take(connection, octets)

    def _take(self, connection: Connection, octets: bytes) -> None:
        if connection.state is State.IDLE:
            if _unsent(connection.sock) > UNREAD:  # asks on and on, and reads nothing
                self._close(connection)
                return
            connection.start(State.HEAD, time.monotonic() + self.web.request_seconds)
        self._held += len(octets)
        if connection.state is State.BODY:
            connection.source.add(octets)
            connection.pace.arrived(len(octets))
            if connection.pace.left <= 0:
                self._work(connection)
        elif connection.add_octets(octets):
            self._open_request(connection)
        elif connection.source.held > MAX_HEAD:
            self._end(connection, 431)
        if self._held > MAX_HELD:
            most = max(
                (one for one in self._open if one.state in (State.HEAD, State.BODY)), key=lambda one: one.source.held
            )
            self._end(most, 503)

    def _open_request(self, connection: Connection) -> None:
        before = connection.source.held
        try:
            length = connection.open_request()
        except StopIteration:
            self._close(connection)
            return
        except bad.NoMoreData:  # an end of a head that is none, such as bare line feeds
            self._end(connection, 400)
            return
        except Exception as problem:  # gunicorn has an error for each fault of a head, and answers them all
            self.handle_error(None, connection.sock, connection.client, problem)
            self._end(connection)
            return
        finally:
            self._held += connection.source.held - before
        if length is None:
            self._end(connection, 411)
            return
        missing = length - connection.source.held
        pace = Pace.of_body(missing, seconds=self.web.request_seconds, rate=self.web.request_rate, now=time.monotonic())
        if length > SMALL_BODY:
            connection.source.pace = pace
            self._work(connection)
        elif missing <= 0:
            self._work(connection)
        else:
            connection.pace = pace
            connection.start(State.BODY, float("inf"))
            if connection.source.promised:
                connection.source.promised = False
                with contextlib.suppress(OSError):
                    connection.sock.send(CONTINUE)

    def _work(self, connection: Connection) -> None:
        """The request is for a thread."""
        self._held -= connection.source.held
        connection.start(State.WORK, float("inf"))
        self.poller.unregister(connection.sock)
        self.enqueue_req(connection)

    # A thread answers

    def handle_request(self, request: Request, connection: Connection) -> Any:
        connection.sock.settimeout(SEND_SECONDS)
        try:
            return super().handle_request(request, connection)
        except TimeoutError:  # nobody reads the answer
            raise StopIteration from None

    def finish_request(self, connection: Connection, done: "Future[Any]") -> None:
        """By the server's own thread, when the pool's has done with it."""
        kept = not done.cancelled() and done.exception() is None and bool(done.result())
        if connection not in self._open:
            return
        try:
            self._await(connection)
        except (OSError, ValueError, KeyError):  # the thread has closed it
            self._close(connection)
            return
        connection.pace, connection.source.pace = NO_PACE, None
        if not kept:
            self._end(connection)
            return
        connection.start(State.IDLE, time.monotonic() + (self.cfg.keepalive if self.alive else 2))
        if connection.source.held:  # the next request came with the last one's body
            self._take(connection, connection.source.take_buffered())

    def run(self) -> None:
        super().run()
        for one in list(self._open):  # whose thread must not keep the process
            with contextlib.suppress(OSError):
                one.sock.shutdown(socket.SHUT_RDWR)

    # Time passes

    def murder_keepalived(self, force: bool = False) -> None:
        """gunicorn's word for the sweep: who has not sent in time goes."""
        now = time.monotonic()
        if not force and now < self._swept + SWEEP_SECONDS:
            return
        self._swept = now
        for one in list(self._open):
            if force and one.state is not State.WORK:
                self._close(one)
            elif one.state is State.BODY and one.pace.is_late(now):
                self._end(one, 408)
            elif now > one.until:
                if one.state is State.HEAD and one.source.held:
                    self._end(one, 408)
                else:
                    self._close(one)

    def murder_pending(self) -> None:
        """Nothing is pending in gunicorn's own sense."""

    def _cap_keepalive(self, deadline: float) -> None:
        """The server stops: a connection on which nobody asks anything ends soon."""
        for one in self._open:
            if one.state in (State.IDLE, State.HEAD, State.LINGER):
                one.until = min(one.until, deadline)


def _answer(code: int) -> bytes:
    """A short one, for who did not get as far as a page."""
    text = f"{code} {WORDS[code]}\n".encode()
    fields = f"Connection: close\r\nContent-Type: text/plain\r\nContent-Length: {len(text)}\r\n\r\n"
    return f"HTTP/1.1 {code} {WORDS[code]}\r\n{fields}".encode() + text


def _unsent(sock: socket.socket) -> int:
    """Octets of answers that the client has not acknowledged (tcp(7), SIOCOUTQ)."""
    try:
        return int(struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, b"\0\0\0\0"))[0])
    except OSError:
        return 0
