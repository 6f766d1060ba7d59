"""One SMTP conversation (RFC 5321) on aiosmtpd's protocol class, with a lean loop of our own.

aiosmtpd gives the protocol, its state and the parsing of parameters; replaced are the parts that cost time or lack
something: the command loop (pipelined replies leave in one write, RFC 2920), DATA (read in blocks), STARTTLS (what
was pipelined before it is dropped, RFC 3207 section 4.2), AUTH (asynchronous).
"""

import asyncio
import contextlib
import re
import ssl
from typing import Any, Protocol

from aiosmtpd.smtp import SMTP

from mailcore.domain import Account
from mailcore.errors import MailError, TooLarge
from mailcore.smtp.data import BareLineEnd, DataReader
from mailcore.smtp.reply import reply_to
from mailcore.wire import sasl
from mailcore.wire.reader import SyntaxProblem

IDLE_SECONDS = 300
DATA_SECONDS = 600  # for a whole message, so that one octet a minute holds no connection
MAX_LINE = 2048
MAX_BOGUS = 20
_PATH = re.compile(r"<(?:@[^:<>]*:)?([^<>\s]*|\"[^\"<>]*\"@[^<>\s]*)>(?:\s+(.*))?\Z")
_ADDRESS = re.compile(r"[^@\s<>\x00-\x1f\x7f]{1,64}@[^@\s<>\x00-\x1f\x7f]{1,255}\Z")


class Handler(Protocol):
    """What a listener does with mail: inbound or submission."""

    submission: bool

    async def login(self, session: "Session", username: str, password: str) -> Account: ...
    async def mail(self, session: "Session", sender: str, size: int | None) -> None: ...
    async def rcpt(self, session: "Session", addresses: list[str]) -> list[MailError | None]: ...
    async def data(self, session: "Session", octets: bytes) -> str: ...


class Refused(Exception):
    """A command that is answered with this reply."""


class Session(SMTP):
    """State: `helo`, `account` (after AUTH), `sender` (None before MAIL), `recipients`, `tls`."""

    # aiosmtpd and StreamReader keep these to themselves or leave them optional; here they are always there.
    transport: Any
    _reader: Any
    _writer: Any
    data_size_limit: int
    _handler_coroutine: asyncio.Task[None]

    def __init__(
        self, handler: Handler, *, hostname: str, tls_context: ssl.SSLContext | None, tls: bool, max_size: int,
        max_recipients: int, plaintext_allowed: bool = False, loop: asyncio.AbstractEventLoop,
    ) -> None:  # fmt: skip
        self._ours = handler
        self.tls = tls
        self._plaintext_allowed = plaintext_allowed
        self._max_recipients = max_recipients
        self.helo = ""
        self.account: Account | None = None
        self.sender: str | None = None
        self.size: int | None = None
        self.recipients: list[str] = []
        self.found: list[object] = []
        self._out = bytearray()
        self.peer = ""
        super().__init__(
            object(), hostname=hostname, tls_context=tls_context, data_size_limit=max_size, enable_SMTPUTF8=True, loop=loop
        )
        self._deadline = 0.0

    # Connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        asyncio.StreamReaderProtocol.connection_made(self, transport)
        self.transport = transport
        peer = transport.get_extra_info("peername")
        self.peer = peer[0] if isinstance(peer, tuple) else ""
        self._deadline = self.loop.time() + IDLE_SECONDS
        self._timer = self.loop.call_later(30, self._look_at_clock)
        self._handler_coroutine = self.loop.create_task(self._converse())

    def connection_lost(self, error: Exception | None) -> None:
        asyncio.StreamReaderProtocol.connection_lost(self, error)
        self._timer.cancel()
        self._handler_coroutine.cancel()
        self.transport = None

    def eof_received(self) -> bool:
        """A peer that has said all and only listens still gets its replies; TLS knows no such half."""
        asyncio.StreamReaderProtocol.eof_received(self)
        return not self.tls

    def _look_at_clock(self) -> None:
        if self.transport is None:
            return
        if self.loop.time() > self._deadline:
            self.transport.write(b"421 4.4.2 Timeout, closing\r\n")
            self.transport.close()
            return
        self._timer = self.loop.call_later(30, self._look_at_clock)

    # The loop

    def say(self, text: str) -> None:
        """Put a reply in line; it leaves when no pipelined command waits."""
        self._out += text.encode("ascii", "replace") + b"\r\n"

    async def flush(self) -> None:
        if self._out and self.transport is not None:
            self._writer.write(bytes(self._out))
            self._out.clear()
            await self._writer.drain()

    async def _converse(self) -> None:
        bogus = 0
        self.say(f"220 {self.hostname} ESMTP Alumnimail")
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while self.transport is not None and not self.transport.is_closing():
                if b"\n" not in self._reader._buffer:
                    await self.flush()
                line = await self._line()
                if line is None:
                    break
                self._deadline = self.loop.time() + IDLE_SECONDS
                try:
                    go_on = await self._command(line)
                except Refused as refusal:
                    self.say(str(refusal))
                    bogus += str(refusal).startswith("50")
                    go_on = True
                except (asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
                    raise
                except Exception as problem:  # the one place: see reply.reply_to
                    self.say(reply_to(problem))
                    go_on = True
                if not go_on:
                    break
                if bogus > MAX_BOGUS:
                    self.say("421 4.7.0 Too many errors")
                    break
        with contextlib.suppress(ConnectionError):
            await self.flush()
        if self.transport is not None:
            self.transport.close()

    async def _line(self) -> bytes | None:
        """The next line with its end; None after one that is too long to stay in step with."""
        try:
            line: bytes = await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            self.say("500 5.5.2 Line too long")
            return None
        return line

    async def _command(self, line: bytes) -> bool:
        """Answer one command; False ends the conversation."""
        if len(line) > MAX_LINE or not line.endswith(b"\r\n"):
            raise Refused("500 5.5.2 Line too long or not ended by CRLF")
        try:
            text = line[:-2].decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("500 5.5.2 Not UTF-8") from None
        if "\0" in text or "\r" in text:
            raise Refused("500 5.5.2 Syntax error")
        verb, _, argument = text.partition(" ")
        verb, argument = verb.upper(), argument.strip()
        match verb:
            case "EHLO" | "HELO":
                self._hello(verb, argument)
            case "MAIL":
                await self._mail(argument)
            case "RCPT":
                await self._rcpt(argument)
            case "DATA":
                await self._data(argument)
            case "RSET":
                self._reset()
                self.say("250 2.0.0 OK")
            case "NOOP":
                self.say("250 2.0.0 OK")
            case "QUIT":
                self.say("221 2.0.0 Bye")
                return False
            case "VRFY":
                self.say("252 2.5.0 Send mail, and see")
            case "HELP":
                self.say("214 2.0.0 RFC 5321")
            case "STARTTLS" if not self.tls and self.tls_context is not None:
                return await self._starttls(argument)
            case "AUTH":
                await self._auth(argument)
            case _:
                raise Refused("502 5.5.1 Command not known")
        return True

    def _reset(self) -> None:
        self.sender, self.size = None, None
        self.recipients, self.found = [], []

    def _hello(self, verb: str, name: str) -> None:
        if not name:
            raise Refused("501 5.5.4 Say who you are")
        self._reset()
        self.helo = name[:255]
        if verb == "HELO":
            self.say(f"250 {self.hostname}")
            return
        lines = [self.hostname, f"SIZE {self.data_size_limit}", "PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
        if not self.tls and self.tls_context is not None:
            lines.append("STARTTLS")
        if self._may_log_in():
            lines.append("AUTH PLAIN LOGIN")
        for number, text in enumerate(lines):
            self.say(f"250{' ' if number == len(lines) - 1 else '-'}{text}")

    def _may_log_in(self) -> bool:
        return self._ours.submission and (self.tls or self._plaintext_allowed)

    # A transaction

    def _path(self, argument: str, keyword: str) -> tuple[str, dict[str, str]]:
        """`FROM:<path> [params]`; raises Refused."""
        if argument[: len(keyword)].upper() != keyword:
            raise Refused(f"501 5.5.4 Syntax: {keyword}<address>")
        found = _PATH.match(argument[len(keyword) :].strip())
        if found is None:
            raise Refused("501 5.1.7 Syntax: <address>")
        params: dict[str, str] = {}
        for word in (found[2] or "").split():
            name, _, value = word.partition("=")
            params[name.upper()] = value
        return found[1], params

    async def _mail(self, argument: str) -> None:
        if self._ours.submission and self.account is None:
            raise Refused("530 5.7.0 Must issue a STARTTLS command first" if not self._may_log_in() else "530 5.7.0 Log in first")
        if not self.helo:
            raise Refused("503 5.5.1 Say EHLO first")
        if self.sender is not None:
            raise Refused("503 5.5.1 There is a sender already")
        sender, params = self._path(argument, "FROM:")
        if sender and not _ADDRESS.match(sender):
            raise Refused("501 5.1.7 Not an address")
        size = params.pop("SIZE", None)
        if size is not None and not size.isdigit():
            raise Refused("501 5.5.4 SIZE is a number")
        if params.pop("BODY", "7BIT").upper() not in ("7BIT", "8BITMIME"):
            raise Refused("501 5.5.4 BODY is 7BIT or 8BITMIME")
        params.pop("SMTPUTF8", None)
        params.pop("AUTH", None)
        if params:
            raise Refused("555 5.5.4 Parameter not known")
        number = int(size) if size else None
        if number and number > self.data_size_limit:
            raise TooLarge("announced")
        await self._ours.mail(self, sender, number)
        self.sender, self.size = sender, number
        self.say("250 2.1.0 OK")

    async def _rcpt(self, argument: str) -> None:
        """One RCPT, and all that are pipelined behind it: they share one look into the database."""
        if self.sender is None:
            raise Refused("503 5.5.1 Say MAIL first")
        room = self._max_recipients - len(self.recipients)
        asked: list[str | Refused] = []
        line: str | None = argument
        while line is not None:
            one = self._one_rcpt(line)
            if isinstance(one, str):
                room -= 1
                one = one if room >= 0 else Refused("452 4.5.3 Too many recipients")
            asked.append(one)
            line = self._next_rcpt() if len(asked) < 500 else None
        addresses = [address for address in asked if isinstance(address, str)]
        answers = iter(await self._ours.rcpt(self, addresses))
        for item in asked:
            problem = item if isinstance(item, Refused) else next(answers)
            if problem is None and isinstance(item, str):
                self.recipients.append(item)
                self.say("250 2.1.5 OK")
            else:
                self.say(str(problem) if isinstance(problem, Refused) else reply_to(problem or Refused()))

    def _next_rcpt(self) -> str | None:
        """Take a further whole RCPT line from what has been read already."""
        buffer = self._reader._buffer
        if bytes(buffer[:5]).upper() != b"RCPT ":
            return None
        end = buffer.find(b"\n", 0, MAX_LINE)
        line = bytes(buffer[: end + 1])
        if not line.endswith(b"\r\n") or b"\0" in line or b"\r" in line[:-2]:
            return None  # the loop says what is wrong with it
        try:
            text = line[5:-2].decode("utf-8")
        except UnicodeDecodeError:
            return None
        del buffer[: end + 1]
        return text.strip()

    def _one_rcpt(self, argument: str) -> str | Refused:
        try:
            address, params = self._path(argument, "TO:")
        except Refused as refusal:
            return refusal
        if params:
            return Refused("555 5.5.4 Parameter not known")
        if address.lower() == "postmaster":
            address = f"postmaster@{self.hostname.partition('.')[2]}"
        return address if _ADDRESS.match(address) else Refused("501 5.1.3 Not an address")

    async def _data(self, argument: str) -> None:
        if argument:
            raise Refused("501 5.5.4 DATA takes nothing")
        if not self.recipients:
            raise Refused("503 5.5.1 No valid recipients" if self.sender is not None else "503 5.5.1 Say MAIL first")
        self.say("354 End with a line that holds a dot alone")
        await self.flush()
        self._deadline = self.loop.time() + DATA_SECONDS
        try:
            octets = await self._read_data()
            self.say(await self._ours.data(self, octets))
        except BareLineEnd:
            raise Refused("550 5.6.11 Bare CR or LF is not allowed; lines end with CRLF") from None
        finally:
            self._deadline = self.loop.time() + IDLE_SECONDS
            self._reset()

    async def _read_data(self) -> bytes:
        """The message; the whole of it is taken even when it is refused, so that we stay in step."""
        stream = self._reader
        reader = DataReader(self.data_size_limit)
        while True:
            block = await stream.read(262_144)
            if not block:
                raise asyncio.IncompleteReadError(b"", None)
            rest = reader.feed(block)
            if rest is not None:
                stream._buffer[:0] = rest
                return reader.octets()

    # Security

    async def _starttls(self, argument: str) -> bool:
        if argument:
            raise Refused("501 5.5.4 STARTTLS takes nothing")
        self.say("220 2.0.0 Go ahead")
        await self.flush()
        self._reader._buffer.clear()  # RFC 3207 section 4.2: nothing said before counts
        context = self.tls_context
        if context is None:
            raise Refused("454 4.7.0 TLS is not available")
        try:
            new = await self.loop.start_tls(self.transport, self, context, server_side=True, ssl_handshake_timeout=30)
        except (OSError, TimeoutError):  # the peer's doing: there is nobody left to answer
            return False
        self._reader._buffer.clear()
        self.transport = new
        self._reader._transport = new
        self._writer._transport = new
        self._transport = new
        self.tls, self.helo, self.account = True, "", None
        self._reset()
        return True

    async def _auth(self, argument: str) -> None:
        if not self._ours.submission:
            raise Refused("502 5.5.1 Command not known")
        if not self._may_log_in():
            raise Refused("530 5.7.0 Must issue a STARTTLS command first")
        if self.account is not None or self.sender is not None:
            raise Refused("503 5.5.1 Not now")
        mechanism, _, first = argument.partition(" ")
        try:
            login = await self._credentials(mechanism.upper(), first.strip().encode())
        except SyntaxProblem as problem:
            raise Refused(f"501 5.5.2 {problem}") from None
        self.account = await self._ours.login(self, login.username, login.password)
        self.say("235 2.7.0 Welcome")

    async def _credentials(self, mechanism: str, first: bytes) -> sasl.Login:
        match mechanism:
            case "PLAIN":
                return sasl.plain(sasl.decode(first or await self._ask(b"")))
            case "LOGIN":
                username = sasl.text(sasl.decode(first or await self._ask(sasl.ASK_USER)))
                return sasl.Login(username, sasl.text(sasl.decode(await self._ask(sasl.ASK_PASSWORD))))
        raise Refused("504 5.5.4 Use PLAIN or LOGIN")

    async def _ask(self, challenge: bytes) -> bytes:
        self.say(f"334 {challenge.decode()}")
        await self.flush()
        line = await self._line()
        if line is None:
            raise asyncio.IncompleteReadError(b"", None)  # out of step: the conversation ends
        return line.strip()
