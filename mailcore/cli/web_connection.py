"""One connection of a browser, as the server waits for it: what has come of the request, and until when more must come."""

import enum
import socket
import time
from typing import Any

from gunicorn.config import Config as Settings
from gunicorn.http.body import Body, ChunkedReader, EOFReader, LengthReader
from gunicorn.http.message import Request
from gunicorn.http.parser import RequestParser
from gunicorn.http.unreader import Unreader
from gunicorn.workers.gthread import TConn

from mailcore.cli.web_pace import Pace
from mailcore.config import SMALL_BODY
from mailcore.net.address import place

MAX_HEAD = 64 * 1024  # octets of a request's first line and fields
READ = 64 * 1024  # octets at once
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


NO_PACE = Pace(0, 0, 0, 0)


class State(enum.Enum):
    """States of a connection, by what it waits for."""

    IDLE = enum.auto()  # the next request on a kept connection
    HEAD = enum.auto()  # the rest of a request's head
    BODY = enum.auto()  # the rest of a small body
    WORK = enum.auto()  # the answer: a thread has it
    LINGER = enum.auto()  # that the client has read the last answer and closes


class TooSlow(TimeoutError):
    """A body that a thread reads comes too slowly."""


class Source(Unreader):  # type: ignore[misc]  # gunicorn has no types
    """Input of gunicorn's parser: octets that have already arrived.

    A large body is read from the socket by the thread that works on it, at the pace that is asked for.
    """

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self._sock = sock
        self.pace: Pace | None = None  # set: a thread may read from the socket
        self.promised = False  # the client waits for 100 Continue (RFC 9110 section 10.1.1)

    @property
    def held(self) -> int:
        """Octets in memory."""
        return int(self.buf.getbuffer().nbytes)

    def add(self, octets: bytes) -> None:
        self.buf.seek(0, 2)
        self.buf.write(octets)

    def chunk(self, size_hint: int | None = None) -> bytes:
        if self.pace is None:
            return b""
        if self.promised:
            self.promised = False
            self._sock.sendall(CONTINUE)
        before = self._sock.gettimeout()
        try:
            while True:
                self._sock.settimeout(max(0.05, self.pace.due() - time.monotonic()))
                try:
                    octets = self._sock.recv(min(max(READ, size_hint or 0), 2**20))
                except TimeoutError:
                    octets = None
                self.pace.arrived(len(octets or b""))
                if octets != b"" and self.pace.is_late(time.monotonic()):
                    raise TooSlow("the body comes too slowly")
                if octets is not None:
                    return octets
        finally:
            self._sock.settimeout(before)


class Parser(RequestParser):  # type: ignore[misc]
    """gunicorn's, which gives the request that the server has looked at once more to the thread that answers it."""

    def __init__(self, settings: Settings, source: Source, client: Any) -> None:  # Any: of socket.accept
        super().__init__(settings, (), client)
        self.unreader = source
        self._ready: Request | None = None

    def peek_request(self) -> Request:
        """The next request, whose head has come."""
        self._ready = super().__next__()
        return self._ready

    def __next__(self) -> Request:
        ready, self._ready = self._ready, None
        return ready or super().__next__()


class Connection(TConn):  # type: ignore[misc]
    """Used by the server's own thread, but for `WORK`, when it is one of the pool's."""

    # Any: of socket.accept
    def __init__(self, settings: Settings, sock: socket.socket, client: Any, server: Any) -> None:
        super().__init__(settings, sock, client, server)
        self.place = place(client[0]) if isinstance(client, tuple) else ""
        self.source = Source(sock)
        self.parser = Parser(settings, self.source, client)
        self.initialized = self.data_ready = True  # the parser is there, and so is the request when a thread gets it
        self.pace = NO_PACE  # of a body that is awaited
        self.discarded = 0  # octets, after the last answer
        self._end = b""  # the last octets of an unfinished head
        self.start(State.HEAD, float("inf"))

    def start(self, state: State, until: float) -> None:
        """Begin to wait for it, until then at most."""
        self.state, self.since, self.until = state, time.monotonic(), until

    def add_octets(self, octets: bytes) -> bool:
        """Keep what has come of a head; is the head there?"""
        self.source.add(octets)
        seen = self._end + octets
        if b"\r\n\r\n" in seen:
            self._end = b""
            return True
        self._end = seen[-3:]
        return False

    def open_request(self) -> int | None:
        """Read the head; the octets of its body, None for a body that does not tell them.

        Raises:
            StopIteration: nothing was sent.
            Exception: what gunicorn says of requests that are none.
        """
        request = self.parser.peek_request()
        reader = request.body.reader
        if isinstance(reader, ChunkedReader):
            return None
        if isinstance(reader, EOFReader):  # RFC 9112 section 6.3: a request without a length has no body
            request.body = Body(LengthReader(self.source, 0))
            return 0
        self.source.promised, request._expected_100_continue = request._expected_100_continue, False
        if reader.length > SMALL_BODY:
            request.force_close()  # where the next request begins is known only to who reads this one to its end
        return int(reader.length)
