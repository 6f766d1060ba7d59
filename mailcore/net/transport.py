"""Connections for the servers that speak in lines and literals: framing, TLS, back-pressure, time limits.

One task per connection reads events and writes replies.  Nothing is read while the peer has sent more than
we have answered (READ_AHEAD), and `drain` waits while the peer reads too slowly.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from typing import cast

from mailcore.config import Limits
from mailcore.domain import Identity
from mailcore.errors import Busy
from mailcore.net import proxy_protocol
from mailcore.net.address import place
from mailcore.net.proxy_protocol import Server
from mailcore.process.connection_counts import ConnectionCounts
from mailcore.wire import sasl
from mailcore.wire.deflate import Deflated
from mailcore.wire.framing import Event, Framer, LineTooLong, Sink

log = logging.getLogger(__name__)

READ_AHEAD = 2**18  # octets
HIGH_WATER = 2**20  # octets
TURN_SECONDS = 0.002  # of one connection's commands that are here already, then others have their turn
MOST_HELD, MOST_JOINED = 2**16, 2**14  # octets written that wait for more, and that are copied together
STRANGER_SECONDS = 60  # of silence before a log-in
LOGIN_SECONDS = 180  # to log in, whatever else is said meanwhile
IDLE_SECONDS = 1860  # RFC 9051 section 5.4 asks for at least 30 minutes
SLOW_SECONDS = 900  # in which a peer has to take what waits for it, which is a few MiB at most
CHECK_SECONDS = 30
LINGER_SECONDS, LINGER_QUIET_SECONDS = 300, 5  # that a peer may go on sending after our last word, and may pause
STRANGER_LINGER = 2**22  # octets that a stranger may go on sending
KEEP_ALIVE_SECONDS = 150  # routers that translate addresses forget a silent connection after five minutes or more

BY_ACCOUNT = (
    "imap"  # a house behind one address has many readers: who logged in counts for the account (imap/context.py)
)

Serve = Callable[["Connection"], Awaitable[None]]
Bye = Callable[[str], bytes]  # a reason in the words of the protocol


def channel_of(transport: asyncio.BaseTransport | None) -> sasl.Channel:
    """Return the channel binding for a log-in over this connection."""
    tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object") if transport is not None else None
    if tls is None:
        return sasl.Channel()
    version = tls.version() or ""
    return sasl.Channel(version, tls.get_channel_binding("tls-unique") or b"" if version == "TLSv1.2" else b"")


class Turn:
    """A connection's time in the event loop while it has not to wait for its peer.

    A command that is here already, with its answer, needs no wait, so the thousands of a peer that sends them ahead, or the
    millions in a few packed octets, would all be answered before anybody else's next one.
    """

    def __init__(self) -> None:
        self._began = time.monotonic()

    def begin(self) -> None:
        """Note that the connection has waited."""
        self._began = time.monotonic()

    async def give_way(self) -> None:
        """Let others have their turn if this one has lasted long."""
        if time.monotonic() - self._began > TURN_SECONDS:
            await asyncio.sleep(0)
            self.begin()


class Connection(asyncio.Protocol):
    """One peer."""

    def __init__(
        self,
        serve: Serve,
        tls: ssl.SSLContext,
        *,
        secure: bool,
        limits: Limits,
        counts: ConnectionCounts,
        bye: Bye,
        open_ones: "set[Connection]",
        kind: str,
        peer: str = "",
    ) -> None:
        self._serve, self._tls, self._limits, self._counts = serve, tls, limits, counts
        self._bye, self._open_ones = bye, open_ones
        self.secure, self.peer = secure, peer
        self._kind, self._known = kind, False
        self._counted = ""  # the place that the connection counts for
        self.identity: Identity | None = None  # and who it is, for mailcore/cli/connection_guard.py
        self._framer = Framer()
        self._deflated: Deflated | None = None
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._out: list[bytes] = []  # what is written leaves together (`flush`)
        self._out_octets = 0
        self._paused = self._woken = self._ended = False
        self._discarded: int | None = None  # octets that came after our last word
        self._turn = Turn()
        self._loop = asyncio.get_running_loop()
        self._active_at = self._began_at = self._full_at = self._loop.time()

    @property
    def is_known(self) -> bool:
        """Set by the session after a login."""
        return self._known

    @is_known.setter
    def is_known(self, value: bool) -> None:
        self._known = value
        if value and self._kind == BY_ACCOUNT:
            self._uncount()

    @property
    def channel(self) -> sasl.Channel:
        return channel_of(self._transport)

    def _uncount(self) -> None:
        if self._counted:
            self._counts.leave(self._kind, self._counted)
            self._counted = ""

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's TLS transport is none by inheritance
        self._transport = transport
        transport.set_write_buffer_limits(high=HIGH_WATER)
        if self._task is not None:  # STARTTLS made a new transport
            return
        name = transport.get_extra_info("peername")
        self.peer = self.peer or (name[0] if isinstance(name, tuple) else "")
        self._counted = place(self.peer)
        count = self._counts.enter(self._kind, self._counted)
        if count > self._limits.connections_per_address and not self._limits.is_trusted(self.peer):
            self.write(self._bye("Too many connections from your address"))
            self.flush()
            transport.close()
            return
        self._timer = self._loop.call_later(CHECK_SECONDS, self._check_time)
        self._open_ones.add(self)
        self._task = self._loop.create_task(self._run())

    def data_received(self, data: bytes) -> None:
        self._active_at = self._loop.time()
        if self._discarded is not None:
            self._discard(len(data))
            return
        if self._deflated is not None:
            self._deflated.feed(data)
            self._unpack()
        else:
            self._framer.feed(data)
        if self._transport is not None and not self._paused and self._waiting_octets() > READ_AHEAD:
            self._paused = True
            self._transport.pause_reading()
        self._wake_waiter()

    def _waiting_octets(self) -> int:
        return self._framer.buffered + (self._deflated.waiting if self._deflated is not None else 0)

    def _unpack(self) -> bool:
        """Unpack as much as may wait; a bomb is unpacked only as fast as its commands are answered."""
        got = False
        while (
            self._deflated is not None and self._framer.buffered <= READ_AHEAD and (octets := self._deflated.unpack())
        ):
            self._framer.feed(octets)
            got = True
        return got

    def eof_received(self) -> bool | None:
        self._ended = True
        self._wake_waiter()
        return None

    def connection_lost(self, _problem: Exception | None) -> None:
        self._ended = True
        self._framer.discard()
        self._open_ones.discard(self)
        self._uncount()
        if self._timer is not None:
            self._timer.cancel()
        self.resume_writing()
        self._wake_waiter()

    def pause_writing(self) -> None:
        if self._writable is None:
            self._writable = self._loop.create_future()
            self._full_at = self._loop.time()

    def resume_writing(self) -> None:
        self._active_at = self._loop.time()
        if self._writable is not None and not self._writable.done():
            self._writable.set_result(None)
        self._writable = None

    # What a session calls

    def write(self, octets: bytes) -> None:
        """Write; it leaves when there is much of it, or when the session waits: for the peer (`event`, `drain`) or by `flush`."""
        if not octets:
            return
        self._out.append(octets if self._deflated is None else self._deflated.pack(octets))
        self._out_octets += len(octets)
        if self._out_octets > MOST_HELD:
            self.flush()

    def flush(self) -> None:
        """Send what was written: one call of the kernel, one record of TLS and one wake-up of the peer, where it is not much."""
        if not self._out:
            return
        out, octets = self._out, self._out_octets
        self._out, self._out_octets = [], 0
        if self._transport is None or self._transport.is_closing():
            return
        if len(out) == 1:
            self._transport.write(out[0])
        elif octets <= MOST_JOINED:
            self._transport.write(b"".join(out))
        else:
            self._transport.writelines(out)

    async def drain(self) -> None:
        self.flush()
        if self._writable is not None:
            await asyncio.shield(self._writable)
        if self._ended and (self._transport is None or self._transport.is_closing()):
            raise ConnectionResetError

    async def event(self, *, or_wake: bool = False) -> Event | None:
        """The next thing the peer sent; None when woken, if that was asked for."""
        while True:
            event = self._framer.next_event()
            if event is not None:
                await self._turn.give_way()
                return event
            if self._deflated is not None and self._unpack():
                continue
            self.flush()
            if self._ended:
                raise ConnectionResetError
            sink = self._framer.sink
            if sink is not None and sink.must_flush:
                await self._flush(sink)
                continue
            if self._paused and self._transport is not None:
                self._paused = False
                self._transport.resume_reading()
            if or_wake and self._woken:
                self._woken = False
                return None
            self._waiter = self._loop.create_future()
            await self._waiter
            self._turn.begin()

    async def _flush(self, sink: Sink) -> None:
        """Flush in a thread: a slow disk lets this peer wait, and nobody else."""
        try:
            await self._loop.run_in_executor(None, sink.flush)
        except Busy:
            self.write(self._bye("The message cannot be kept now"))
            raise ConnectionResetError from None

    def wake(self) -> None:
        self._woken = True
        self._wake_waiter()

    def accept(self, sink: Sink | None = None) -> None:
        self._framer.accept(sink)

    def refuse(self) -> None:
        self._framer.refuse()

    def head(self) -> bytes:
        return self._framer.head

    def held(self) -> int:
        return self._framer.held

    def start_deflate(self) -> None:
        """Speak DEFLATE in both directions from here on (RFC 4978); octets sent before the answer are forgotten."""
        self._framer.clear()
        self._deflated = Deflated()

    async def start_tls(self) -> None:
        """Octets sent before the handshake are forgotten, so nobody can slip commands in."""
        if self._transport is None:
            raise ConnectionResetError
        self.flush()
        self._framer.clear()
        try:
            new = await self._loop.start_tls(
                self._transport, self, self._tls, server_side=True, ssl_handshake_timeout=30
            )
        except OSError:
            raise ConnectionResetError from None
        if new is None:
            raise ConnectionResetError
        self._transport, self.secure = new, True
        new.set_write_buffer_limits(high=HIGH_WATER)

    # Within

    def _wake_waiter(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _check_time(self) -> None:
        now = self._loop.time()
        quiet = now - self._active_at
        if self._writable is not None and now - self._full_at > SLOW_SECONDS and self._transport is not None:
            self._transport.abort()
            return
        lingers = not self.is_known and now - self._began_at > LOGIN_SECONDS
        if lingers or quiet > (IDLE_SECONDS if self.is_known else STRANGER_SECONDS):
            self.write(self._bye("Too quiet") if self.is_known else b"")
            self.flush()
            if self._transport is not None:
                self._transport.abort() if self._writable is not None else self._transport.close()
            return
        self._timer = self._loop.call_later(CHECK_SECONDS, self._check_time)

    async def _linger(self) -> None:
        """Read on and forget it, until the peer has heard our last word and closes.

        What nobody reads makes the kernel reset the connection, and the peer may never see what we said before it.
        """
        self.flush()
        transport = self._transport
        if transport is None or self._ended or transport.is_closing():
            return
        self._framer.discard()
        self._framer.clear()
        self._discarded = before = 0
        if self._paused:
            self._paused = False
            transport.resume_reading()
        until = self._loop.time() + LINGER_SECONDS
        self._waiter = self._loop.create_future()  # done when the connection ends
        while not self._waiter.done() and self._loop.time() < until:
            await asyncio.wait([self._waiter], timeout=LINGER_QUIET_SECONDS)
            if self._discarded == before:
                break
            before = self._discarded

    def _discard(self, octets: int) -> None:
        self._discarded = (self._discarded or 0) + octets
        if not self._known and self._discarded > STRANGER_LINGER:
            self._wake_waiter()

    async def _run(self) -> None:
        try:
            await self._serve(self)
            if self._framer.is_amid_a_literal:
                await self._linger()
        except LineTooLong:
            self.write(self._bye("The line is too long"))
            await self._linger()
        except (ConnectionError, ssl.SSLError):
            pass
        except Exception:  # a fault of ours ends this connection, and no task is left with an error that nobody reads
            log.exception("connection failed")
        finally:
            self.flush()
            if self._transport is not None:
                self._transport.close()

    def end(self, why: str = "The server is stopping") -> None:
        """Close, and say why.  What the peer has sent and not been answered is not done."""
        self.write(self._bye(why))
        self.flush()
        if self._task is not None:
            self._task.cancel()
        if self._transport is not None:
            self._transport.close()


def _keep_alive(listener: socket.socket) -> None:
    """Turn on TCP keep-alive: a client in IDLE is silent for long; routers must not forget it, nor we miss its end.

    Connections have it from the socket that listens (tcp(7)).
    """
    with contextlib.suppress(OSError, AttributeError):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEP_ALIVE_SECONDS)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 60)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 5)


class Listener:
    """The listening sockets of an address and the conversations that came of them."""

    def __init__(self, server: Server, open_ones: set[Connection]) -> None:
        self._server, self._open_ones = server, open_ones

    @property
    def connections(self) -> tuple[Connection, ...]:
        return tuple(self._open_ones)

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        return tuple(self._server.sockets)

    def close(self) -> None:
        """No new connections; the open ones hear why they end."""
        self._server.close()
        for connection in list(self._open_ones):
            connection.end()


async def listen(
    address: str,
    serve: Serve,
    tls: ssl.SSLContext,
    *,
    implicit: bool,
    balancers: tuple[str, ...],
    limits: Limits,
    bye: Bye,
    counts: ConnectionCounts,
    kind: str,
    handed: tuple[socket.socket, ...] = (),
) -> list[Listener]:
    """Listen on `HOST:PORT`, empty = off.

    Args:
        implicit: TLS from the first octet.
        balancers: networks whose connections begin with a PROXY header.
        kind: what connections are counted as; those of BY_ACCOUNT only until the log-in.
        handed: sockets that listen there already (net/socket_activation.py).
    """
    if not address:
        return []
    open_ones: set[Connection] = set()

    def connect(peer: str) -> Connection:
        return Connection(
            serve,
            tls,
            secure=implicit,
            limits=limits,
            counts=counts,
            bye=bye,
            open_ones=open_ones,
            kind=kind,
            peer=peer,
        )

    server = await proxy_protocol.listen(address, connect, balancers, tls if implicit else None, limits, handed)
    listener = Listener(server, open_ones)
    for sock in listener.sockets:
        _keep_alive(sock)
    return [listener]
