"""The SMTP client: sends octets untouched, by TLS as the route demands, several messages over one connection."""

import asyncio
import base64
import contextlib
import os
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address

from mailcore.clock import Clock
from mailcore.config import Config
from mailcore.domain import Dsn
from mailcore.mail.reading.octets import Octets, blocks
from mailcore.queue import dane
from mailcore.queue.lookup import Lookup, RouteUnknown
from mailcore.queue.route import Hop, TlsResult, list_addresses
from mailcore.queue.wire import Lost, Reply, Wire, parse_extensions, stuff_dots

CONNECT_SECONDS, COMMAND_SECONDS, DATA_SECONDS = 30, 300, 600  # RFC 5321 section 4.5.3.2
IMPLICIT_TLS = 465  # of a relay (RFC 8314)
NEEDS_8BIT = "5.6.3"  # conversion required but not supported (RFC 3463 section 3.7)
NO_DSN = Dsn()


class _Refused(Exception):
    """The host replied with a code that ends the attempt."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"{reply.code} {reply.text}")
        self.reply = reply


class _TlsFailed(Exception):
    """TLS as the route demands it failed; `kind` is a result type of RFC 8460 section 4.3."""

    def __init__(self, kind: str, words: str = "") -> None:
        super().__init__(words or kind)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Answer:
    """The peer's reply to one recipient; code 0 if there was none.

    `unreachable`: the host could not be reached at all.  `relayed`: it took the message and does not report (RFC 3461).
    """

    host: str
    code: int
    text: str
    unreachable: bool = False
    relayed: bool = False

    @property
    def ok(self) -> bool:
        return 200 <= self.code < 300

    @property
    def permanent(self) -> bool:
        return 500 <= self.code < 600


@lru_cache(maxsize=4)
def _make_context(checked: bool, _trust: str | None) -> ssl.SSLContext:
    """`trust` is the environment's file of authorities, which OpenSSL reads when the context is created."""
    context = ssl.create_default_context()
    if not checked:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def is_this_machine(address: str) -> bool:
    """Say if the address is on this machine, where nobody listens in."""
    return address == "localhost" if _is_name(address) else ip_address(address).is_loopback


def _is_name(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return True
    return False


def _classify_failure(problem: Exception) -> str:
    if isinstance(problem, ssl.SSLCertVerificationError):
        if problem.verify_code == 10:
            return "certificate-expired"
        return "certificate-host-mismatch" if problem.verify_code in (62, 64) else "certificate-not-trusted"
    return "validation-failure"


class SmtpConnection:
    """One connection to one host, reused for several messages.  A host that could not be reached is not asked again."""

    def __init__(self, config: Config, hop: Hop, lookup: Lookup | None = None, clock: Clock | None = None) -> None:
        self._config, self.hop = config, hop
        self._lookup, self._clock = lookup, clock or Clock()
        self._wire: Wire | None = None
        self._offers: dict[str, str] = {}
        self._verified = False
        self._has_replied = False  # of the message that is being sent
        self._unreachable_answer: Answer | None = None
        self.results: list[TlsResult] = []

    @property
    def is_open(self) -> bool:
        return self._wire is not None and not self._wire.closed

    # A message

    async def send(
        self,
        sender: str,
        recipient: str,
        parts: Sequence[Octets],
        dsn: Dsn = NO_DSN,
        *,
        require_tls: bool = False,
        has_lapsed: Callable[[], bool] = lambda: False,
    ) -> Answer:
        """Send one message to one recipient; never raises for what the peer or the network does.

        Args:
            parts: the message in parts that begin lines.
            has_lapsed: asked before the message itself; then somebody else sends it.
        """
        if self._unreachable_answer is not None:
            return self._unreachable_answer
        host = self.hop.host
        reused = self.is_open
        try:
            wire = await self._connect(require_tls=require_tls)
            if refused := self._refuse_unsupported(sender, recipient, parts):
                return refused
            commands = self._make_commands(sender, recipient, sum(map(len, parts)), dsn, require_tls)
            try:
                reply = await self._send_transaction(wire, commands, parts, has_lapsed)
            except Lost:
                if not reused or self._has_replied:
                    raise
                reply = Reply(421, ("it had closed while we were idle",))
            if reply.code == 421 and reused:  # enough for one connection; nothing of this message was taken
                self.close()
                wire = await self._connect(require_tls=require_tls)
                if refused := self._refuse_unsupported(sender, recipient, parts):
                    return refused
                reply = await self._send_transaction(wire, commands, parts, has_lapsed)
        except _TlsFailed as problem:
            self.close()
            if require_tls and self.hop.tls == "may":  # RFC 8689 section 4.2.1: by no other way
                return Answer(host, 550, f"5.7.30 REQUIRETLS: {problem}")
            return self._mark_unreachable(f"TLS: {problem}")
        except _Refused as problem:
            return self._mark_unreachable(str(problem))
        except (Lost, OSError, RouteUnknown, ssl.SSLError) as problem:
            self.close()
            if self._has_replied:
                return Answer(host, 0, str(problem)[:300])
            return self._mark_unreachable(f"{type(problem).__name__}: {problem}")
        if reply.code == 421:
            self.close()
        wants_dsn = dsn.notify and "DSN" not in self._offers
        return Answer(host, reply.code, reply.text[:500], relayed=bool(wants_dsn))

    def _refuse_unsupported(self, sender: str, recipient: str, parts: Sequence[Octets]) -> Answer | None:
        """Refuse mail that the host does not offer to take (RFC 6531 section 3.6, RFC 6152 section 3); None if it does.

        What is 8-bit was written by others: converting it would break their signatures, and a host that takes such mail
        without saying so is none to trust with it.
        """
        if not (sender.isascii() and recipient.isascii()) and "SMTPUTF8" not in self._offers:
            return Answer(self.hop.host, 553, "5.6.7 the host does not take addresses with such letters")
        if "8BITMIME" not in self._offers and not all(block.isascii() for part in parts for block in blocks(part)):
            return Answer(
                self.hop.host, 554, f"{NEEDS_8BIT} the host does not take 8-bit mail, and this message is 8-bit"
            )
        return None

    def _mark_unreachable(self, words: str) -> Answer:
        """Remember that the host cannot be reached, so that the next item does not wait for it again."""
        self.close()
        self._unreachable_answer = Answer(self.hop.host, 0, words[:300], unreachable=True)
        return self._unreachable_answer

    def _make_commands(self, sender: str, recipient: str, size: int, dsn: Dsn, require_tls: bool) -> list[bytes]:
        mail, rcpt = [f"MAIL FROM:<{sender}>"], [f"RCPT TO:<{recipient}>"]
        if "SIZE" in self._offers:
            mail.append(f"SIZE={size}")
        if "8BITMIME" in self._offers:
            mail.append("BODY=8BITMIME")
        if not (sender.isascii() and recipient.isascii()):
            mail.append("SMTPUTF8")
        if require_tls:
            mail.append("REQUIRETLS")
        if "DSN" in self._offers:
            mail += [f"RET={dsn.ret}"] if dsn.ret else []
            mail += [f"ENVID={_encode_xtext(dsn.envid)}"] if dsn.envid else []
            rcpt += [f"NOTIFY={dsn.notify}"] if dsn.notify else []
            kind, _, address = dsn.orcpt.partition(";")
            rcpt += [f"ORCPT={kind};{_encode_xtext(address)}"] if address else []
        return [" ".join(mail).encode() + b"\r\n", " ".join(rcpt).encode() + b"\r\n", b"DATA\r\n"]

    async def _send_transaction(
        self, wire: Wire, commands: list[bytes], parts: Sequence[Octets], has_lapsed: Callable[[], bool]
    ) -> Reply:
        """Send the commands and the message, and return the decisive reply.  Raises Lost."""
        self._has_replied = False
        pipelines = "PIPELINING" in self._offers
        if pipelines:
            wire.write(b"".join(commands))
        refused: Reply | None = None
        for number, command in enumerate(commands):
            if not pipelines:
                wire.write(command)
            reply = await wire.reply(COMMAND_SECONDS)
            self._has_replied = True
            if refused is not None and number == 2 and reply.code == 354:
                wire.write(b".\r\n")  # it takes DATA for nobody (RFC 2920 section 3.1)
                await wire.reply(DATA_SECONDS)
            elif refused is None and reply.code // 100 != (3 if number == 2 else 2):
                refused = reply if reply.code >= 400 else Reply(451, ("4.5.0 an answer out of order",))
                if not pipelines:
                    break
        if refused is not None:
            await self._reset(wire)
            return refused
        if has_lapsed():
            raise Lost("another node sends it")  # before the first octet: nobody takes half a message
        await wire.write_long(stuff_dots(parts), COMMAND_SECONDS)
        reply = await wire.reply(DATA_SECONDS)
        return reply if reply.code // 100 in (2, 4, 5) else Reply(451, ("4.5.0 an answer out of order",))

    async def _reset(self, wire: Wire) -> None:
        try:
            wire.write(b"RSET\r\n")
            reply = await wire.reply(COMMAND_SECONDS)
            if reply.code != 250:
                self.close()
        except Lost:
            self.close()

    # The connection

    async def _connect(self, *, require_tls: bool) -> Wire:
        """Return the open connection, or open one.  Raises Lost, OSError, RouteUnknown, _Refused, _TlsFailed."""
        self._has_replied = False
        if self._wire is not None and not self._wire.closed:
            if not require_tls or (self._verified and "REQUIRETLS" in self._offers):
                return self._wire
            await self.quit()
        problem: Exception = OSError(f"no address for {self.hop.host}")
        for address in await self._list_addresses():
            try:
                self._wire = await self._open(address, require_tls=require_tls)
            except (Lost, OSError, _Refused, _TlsFailed, ssl.SSLError) as failed:
                problem = failed
            else:
                return self._wire
        raise problem

    async def _list_addresses(self) -> list[str]:
        """Look up the host's addresses; only those of the family that we are bound to, if we are."""
        lookup = self._lookup or Lookup(self._config)
        known = await list_addresses(lookup, self.hop.host)
        if not known and not self._config.dns.servers:
            known = [self.hop.host]  # the system may know it
        bind = self._config.outbound.bind
        return [address for address in known if not bind or (":" in bind) == (":" in address)]

    async def _open(self, address: str, *, require_tls: bool, plain: bool = False) -> Wire:
        config, hop = self._config, self.hop
        by_relay = config.outbound.mode == "relay"
        logs_in, implicit = by_relay and bool(config.outbound.user), by_relay and hop.port == IMPLICIT_TLS
        # A password goes by TLS, and to nobody but whose name stands in the settings.
        guarded = logs_in and not is_this_machine(address)
        demanded = "verify" if hop.tls == "may" and (require_tls or (guarded and _is_name(hop.host))) else hop.tls
        local = (config.outbound.bind, 0) if config.outbound.bind else None
        async with asyncio.timeout(CONNECT_SECONDS):
            _, wire = await asyncio.get_running_loop().create_connection(Wire, address, hop.port, local_addr=local)
        self._verified, secured = False, implicit
        try:
            if implicit:
                await self._shake_hands(wire, demanded)
            greeting = await wire.reply(COMMAND_SECONDS)
            if greeting.code != 220:
                raise _Refused(greeting)
            self._offers = await self._send_ehlo(wire)
            if "STARTTLS" in self._offers and not plain and not implicit:
                try:
                    await self._start_tls(wire, demanded)
                except (Lost, OSError, ssl.SSLError, _TlsFailed) as problem:
                    self._record_tls(problem.kind if isinstance(problem, _TlsFailed) else _classify_failure(problem))
                    if demanded != "may" or logs_in:  # a password never goes out in the clear because TLS failed
                        raise _TlsFailed(_classify_failure(problem), str(problem)) from None
                    wire.close()
                    return await self._open(address, require_tls=False, plain=True)
                self._offers, secured = await self._send_ehlo(wire), True
            elif (demanded != "may" or guarded) and not secured:
                self._record_tls("starttls-not-supported")
                raise _TlsFailed("starttls-not-supported", "the host does not offer STARTTLS")
            elif not plain and not secured:
                self._record_tls("starttls-not-supported" if hop.policy != "no-policy-found" else "")
            if require_tls and "REQUIRETLS" not in self._offers:
                raise _TlsFailed("validation-failure", "the host does not offer it")
            if logs_in:
                await self._log_in(wire)
        except BaseException:
            wire.close()
            raise
        return wire

    def _record_tls(self, kind: str) -> None:
        self.results.append(TlsResult(self.hop.policy, self.hop.host, kind))

    async def _send_ehlo(self, wire: Wire) -> dict[str, str]:
        name = self._config.host.encode()
        wire.write(b"EHLO " + name + b"\r\n")
        reply = await wire.reply(COMMAND_SECONDS)
        if reply.code == 250:
            return parse_extensions(reply)
        if reply.code != 421:
            wire.write(b"HELO " + name + b"\r\n")
            reply = await wire.reply(COMMAND_SECONDS)
            if reply.code == 250:
                return {}
        raise _Refused(reply)

    async def _start_tls(self, wire: Wire, demanded: str) -> None:
        """Raises Lost, OSError, ssl.SSLError, _TlsFailed."""
        wire.write(b"STARTTLS\r\n")
        reply = await wire.reply(COMMAND_SECONDS)
        if reply.code != 220:
            raise _TlsFailed("starttls-not-supported", f"{reply.code} {reply.text}")
        await self._shake_hands(wire, demanded)

    async def _shake_hands(self, wire: Wire, demanded: str) -> None:
        """Raises Lost, OSError, ssl.SSLError, _TlsFailed."""
        context = _make_context(demanded == "verify", os.environ.get("SSL_CERT_FILE"))
        tls = await wire.start_tls(context, self.hop.host, CONNECT_SECONDS)
        usable = [record for record in self.hop.tlsa if record.usable]
        if demanded == "dane" and usable:
            chain = tls._sslobj.get_unverified_chain() or []  # type: ignore[attr-defined]  # public from Python 3.13 on
            ders = [ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in chain]
            if not dane.is_vouched_for(usable, ders, [self.hop.host], self._clock.now()):
                raise _TlsFailed("validation-failure", "no TLSA record vouches for the certificate")
        self._verified = demanded == "verify" or (demanded == "dane" and bool(usable))
        self._record_tls("")

    async def _log_in(self, wire: Wire) -> None:
        outbound = self._config.outbound
        token = base64.b64encode(f"\0{outbound.user}\0{outbound.password}".encode())
        if "LOGIN" in self._offers.get("AUTH", "").split() and "PLAIN" not in self._offers["AUTH"].split():
            steps = [
                b"AUTH LOGIN",
                base64.b64encode(outbound.user.encode()),
                base64.b64encode(outbound.password.encode()),
            ]
        else:
            steps = [b"AUTH PLAIN " + token]
        for number, step in enumerate(steps, 1):
            wire.write(step + b"\r\n")
            reply = await wire.reply(COMMAND_SECONDS)
            if reply.code != (235 if number == len(steps) else 334):
                raise _Refused(reply)

    async def quit(self) -> None:
        wire = self._wire
        if wire is not None and not wire.closed:
            with contextlib.suppress(Lost):
                wire.write(b"QUIT\r\n")
                await wire.reply(5)
        self.close()

    def close(self) -> None:
        if self._wire is not None:
            self._wire.close()
            self._wire = None


def _encode_xtext(text: str) -> str:
    """RFC 3461 section 4."""
    return "".join(c if "!" <= c <= "~" and c not in "+=" else f"+{ord(c):02X}" for c in text)
