"""One SMTP connection (RFC 5321) on aiosmtpd's protocol class: its state, its clock, its lines, its way to TLS.

aiosmtpd gives the protocol; replaced are the parts that cost time or lack something: what is said on it
(`conversation.py`), replies (pipelined ones leave in one write, RFC 2920), STARTTLS (what was pipelined before it is
dropped, RFC 3207 section 4.2).
"""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from aiosmtpd.smtp import SMTP

from mailcore.domain import Account, Envelope, Identity
from mailcore.mail.reading.octets import Octets
from mailcore.net.transport import channel_of
from mailcore.smtp.door import Door
from mailcore.smtp.incoming import Edit, Incoming
from mailcore.smtp.parameters import Mail
from mailcore.smtp.state import Problem, Transaction
from mailcore.wire.sasl import Channel

IDLE_SECONDS = 300
ABORT_SECONDS = 10
READ_LIMIT = 32_768  # octets that are read before they are asked for; reading pauses at twice as many
STOPPING = "421 4.3.2 The server is stopping"


class Handler(Protocol):
    """`lmtp`: one reply for each recipient after the message (RFC 2033)."""

    submission: bool
    lmtp: bool

    async def mail(self, session: "Session", mail: Mail) -> None:
        """Raises MailError where the sender may not send."""

    async def rcpt(self, session: "Session", addresses: list[str]) -> list[Problem]:
        """Return for each recipient why it is refused."""

    def edit(self, session: "Session") -> Edit:
        """Return the function that edits the header before the message is saved."""

    async def data(self, session: "Session", incoming: Incoming, octets: Octets) -> list[str]:
        """Take the message over, and answer."""

    async def refused(self, transaction: Transaction, reply: str) -> None:
        """The message was refused while it was read, before `data` could see it."""


Serve = Callable[["Session"], Awaitable[None]]


class Session(SMTP):
    """State: `peer`, `helo`, `secure` (under TLS), `account` (after AUTH), `transaction` (after MAIL)."""

    # aiosmtpd and StreamReader keep these to themselves or leave them optional; here they are always there.
    transport: Any
    _reader: Any
    _writer: Any
    data_size_limit: int
    _handler_coroutine: asyncio.Task[None]

    def __init__(
        self, door: Door, handler: Handler, serve: Serve, loop: asyncio.AbstractEventLoop, peer: str = ""
    ) -> None:
        self.door, self.handler, self._serve = door, handler, serve
        self.secure = door.implicit
        self.helo = ""
        self.peer = peer  # as a balancer named it, or the other end of the connection
        self.forwarded = False  # XFORWARD told whose connection it is
        self.account: Account | None = None
        self.are_block_lists_asked = False
        self.block_list: str | None = None  # the one that names the peer
        self.identity: Identity | None = None
        self.own: tuple[str, ...] = ()  # the account's addresses
        self.transaction: Transaction | None = None
        self.refusal = ""  # the reply to the last MAIL or RCPT that was refused, until one is taken
        self.unknown = 0  # recipients that were asked for in vain
        self.idle = 0  # commands since the last recipient or message
        self.is_busy = True  # with a command or a message, and not waiting for the next
        self.is_answering = False  # the whole message is here; its sender waits for our word
        self._out = bytearray()
        self._deadline = 0.0
        self._counted = ""
        # aiosmtpd's own start looks up its methods by inspection, which costs half as much as taking a small message
        self._reader = asyncio.StreamReader(READ_LIMIT, loop)
        asyncio.StreamReaderProtocol.__init__(self, self._reader, loop=loop)
        self.loop, self.hostname, self.tls_context = loop, door.hostname, door.tls
        self.data_size_limit = door.bounds.message
        self.transport = None

    # Connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        asyncio.StreamReaderProtocol.connection_made(self, transport)
        self.transport = transport
        self._writer = asyncio.StreamWriter(self.transport, self, self._reader, self.loop)
        peer = transport.get_extra_info("peername")
        self.peer = self.peer or (peer[0] if isinstance(peer, tuple) else "")
        self.set_deadline(IDLE_SECONDS)
        self._timer = self.loop.call_later(1, self._look_at_clock)
        self._handler_coroutine = self.loop.create_task(self._run())

    def connection_lost(self, error: Exception | None) -> None:
        asyncio.StreamReaderProtocol.connection_lost(self, error)
        self._timer.cancel()
        self._handler_coroutine.cancel()
        if self._counted:
            self.door.leave(self._counted)
            self._counted = ""
        self.transport = None

    def eof_received(self) -> bool:
        """A peer that has said all and only listens still gets its replies; TLS knows no such half."""
        asyncio.StreamReaderProtocol.eof_received(self)
        return not self.secure

    def set_deadline(self, seconds: float) -> None:
        """The conversation ends when nothing came of it until then."""
        self._deadline = self.loop.time() + seconds

    def be_patient(self, octets: int) -> None:
        """Extend the deadline by `octets` of a message; its clock runs on between chunks, whatever is said there."""
        patience = self.transaction.patience if self.transaction is not None else None
        if patience is None:
            self.set_deadline(IDLE_SECONDS)
            return
        patience.octets += octets
        self._deadline = min(patience.until(), self.loop.time() + IDLE_SECONDS)

    def _look_at_clock(self) -> None:
        if self.transport is None:
            return
        left = self._deadline - self.loop.time()
        if left <= 0:
            self.transport.write(b"421 4.4.2 Timeout, closing\r\n")
            self.transport.close()
            # who does not read either is not waited for
            self._timer = self.loop.call_later(ABORT_SECONDS, self._abort)
            return
        self._timer = self.loop.call_later(max(1, min(30, left)), self._look_at_clock)

    def _abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    @property
    def conversation(self) -> "asyncio.Task[None]":
        return self._handler_coroutine

    @property
    def is_over(self) -> bool:
        return self.transport is None or self.transport.is_closing()

    @property
    def is_pipelined(self) -> bool:
        """Is the next command here already?"""
        return b"\n" in self._reader._buffer

    @property
    def in_message(self) -> bool:
        return self.transaction is not None and self.transaction.incoming is not None

    def stop(self) -> None:
        """The server ends: who is between two messages hears it now, who sends one is answered first."""
        if not self.is_busy and not self.in_message:
            self.cut()

    def cut(self) -> None:
        """Say that the server stops, whatever the peer is doing (RFC 5321 section 3.8)."""
        if self.transport is not None:
            self.transport.write(STOPPING.encode() + b"\r\n")
            self.transport.close()

    # Words

    def write_reply(self, text: str) -> None:
        """Put a reply in line; it leaves when no pipelined command waits."""
        self._out += text.encode("ascii", "replace") + b"\r\n"

    async def flush(self) -> None:
        if self._out and self.transport is not None:
            self._writer.write(bytes(self._out))
            self._out.clear()
            await self._writer.drain()

    async def _run(self) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                if await self._may_enter():
                    await self._serve(self)
            with contextlib.suppress(ConnectionError):
                await self.flush()
        finally:  # also when the peer is gone in the middle: what it began leaves no file
            self.forget_transaction()
            if self.transport is not None:
                self.transport.close()

    async def _may_enter(self) -> bool:
        """May this address have one more connection?"""
        refusal = self.door.enter(self.peer)
        if refusal:
            self.write_reply(refusal)
            return False
        self._counted = self.peer
        refusal = await self.door.admit(self.peer)
        if refusal:
            self.write_reply(refusal)
        return not refusal

    async def line(self) -> bytes | None:
        """The next line with its end; None after one that is too long to stay in step with."""
        try:
            line: bytes = await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            self.write_reply("500 5.5.2 Line too long")
            return None
        return line

    async def start_tls(self) -> bool:
        """Start TLS; return False if the peer has closed the connection."""
        self.write_reply("220 2.0.0 Go ahead")
        await self.flush()
        self._reader._buffer.clear()  # RFC 3207 section 4.2: nothing said before counts
        context = self.tls_context
        if context is None or self.transport is None:
            return False
        try:
            new = await self.loop.start_tls(self.transport, self, context, server_side=True, ssl_handshake_timeout=30)
        except (OSError, ssl.SSLError, TimeoutError):  # the peer's doing: there is nobody left to answer
            return False
        # What is in the buffer by now came through TLS: a quick client's EHLO may arrive with the end of its handshake.
        self.transport = new
        self._reader._transport = new
        self._writer._transport = new
        self._transport = new
        self.secure, self.helo, self.account, self.identity = True, "", None, None
        self.forget_transaction()
        return True

    # What the verbs ask

    @property
    def channel(self) -> Channel:
        return channel_of(self.transport)

    def may_log_in(self) -> bool:
        return self.handler.submission and (self.secure or self.door.plaintext_allowed(self.peer))

    def envelope_of(self, transaction: Transaction) -> Envelope:
        return Envelope(
            transaction.mail.sender,
            tuple(dict.fromkeys(transaction.recipients)),
            self.peer,
            self.helo,
            self.account.id if self.account else None,
            transaction.dsn,
            transaction.mail.require_tls,
        )

    def forget_transaction(self) -> None:
        if self.transaction is not None and self.transaction.incoming is not None:
            self.transaction.incoming.spool.discard()
        self.transaction, self.refusal = None, ""
