"""Speak to the next server: the octets go out untouched, TLS when it offers (RFC 7435)."""

import contextlib
import ssl
from dataclasses import dataclass

import aiosmtplib
from aiosmtplib.errors import SMTPException, SMTPResponseException, SMTPServerDisconnected

from mailcore.config import Config
from mailcore.queue.route import Hop, RouteUnknown, address_of

CONNECT_SECONDS, COMMAND_SECONDS = 30, 300


class _NoSmtpUtf8(Exception):
    """An address needs SMTPUTF8 (RFC 6531), and the host has it not."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The peer's word on one recipient; code 0 when there was none."""

    host: str
    code: int
    text: str

    @property
    def ok(self) -> bool:
        return 200 <= self.code < 300

    @property
    def permanent(self) -> bool:
        return 500 <= self.code < 600


def _opportunistic() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Connection:
    """One connection, kept for several messages.  A host that could not be reached is not asked again."""

    def __init__(self, config: Config, hop: Hop) -> None:
        self._config, self.hop = config, hop
        self._client: aiosmtplib.SMTP | None = None
        self._unreachable: Answer | None = None

    async def _connected(self) -> aiosmtplib.SMTP:
        """Raises SMTPException, OSError or RouteUnknown; whatever was said so far is no word on a recipient."""
        if self._client is not None and self._client.is_connected:
            return self._client
        problem: Exception = OSError(f"no address for {self.hop.host}")
        for address in await address_of(self._config, self.hop.host):
            try:
                self._client = await self._open(address)
            except (SMTPException, OSError) as failed:
                problem = failed
            else:
                return self._client
        raise problem

    async def _open(self, address: str, *, tls: bool = True) -> aiosmtplib.SMTP:
        config = self._config
        logs_in = config.outbound.mode == "relay" and bool(config.outbound.user)
        client = aiosmtplib.SMTP(
            hostname=address, port=self.hop.port, timeout=CONNECT_SECONDS, local_hostname=config.host,
            source_address=(config.outbound.bind, 0) if config.outbound.bind else None, start_tls=False,
        )  # fmt: skip
        try:
            await client.connect()
            await client.ehlo()
            if tls and client.supports_extension("starttls"):
                try:
                    await client.starttls(tls_context=_opportunistic())
                    await client.ehlo()
                except (SMTPException, OSError):
                    if logs_in:
                        raise  # a password never goes out in the clear because TLS failed
                    client.close()
                    return await self._open(address, tls=False)
            if logs_in:
                await client.login(config.outbound.user, config.outbound.password)
        except BaseException:
            client.close()
            raise
        client.timeout = COMMAND_SECONDS
        return client

    async def send(self, sender: str, recipient: str, octets: bytes) -> Answer:
        """One message to one recipient; never raises for what the peer or the network does."""
        if self._unreachable is not None:
            return self._unreachable
        reused = self._client is not None and self._client.is_connected
        try:
            client = await self._connected()
            try:
                await self._mail(client, sender, recipient, len(octets))
            except SMTPServerDisconnected:
                if not reused:
                    raise
                self.close()  # it had closed while we were idle; nothing was sent yet
                client = await self._connected()
                await self._mail(client, sender, recipient, len(octets))
        except _NoSmtpUtf8:
            return Answer(self.hop.host, 553, "5.6.7 the host does not take addresses with such letters")
        except SMTPResponseException as problem:
            if self._client is None:
                return self._fail(f"{problem.code} {problem.message}")
            answer = Answer(self.hop.host, problem.code, problem.message)
            await self._reset()
            return answer
        except (SMTPException, OSError, RouteUnknown) as problem:
            return self._fail(f"{type(problem).__name__}: {problem}")
        return await self._rest(client, recipient, octets)

    def _fail(self, words: str) -> Answer:
        """No connection: the next item need not wait for the same."""
        self.close()
        self._unreachable = Answer(self.hop.host, 0, words[:300])
        return self._unreachable

    async def _mail(self, client: aiosmtplib.SMTP, sender: str, recipient: str, size: int) -> None:
        options = []
        if client.supports_extension("size"):
            options.append(f"SIZE={size}")
        if client.supports_extension("8bitmime"):
            options.append("BODY=8BITMIME")
        if not (sender.isascii() and recipient.isascii()):
            if not client.supports_extension("smtputf8"):
                raise _NoSmtpUtf8
            options.append("SMTPUTF8")
        await client.mail(sender, options=options, encoding="utf-8")

    async def _rest(self, client: aiosmtplib.SMTP, recipient: str, octets: bytes) -> Answer:
        try:
            await client.rcpt(recipient, encoding="utf-8")
            response = await client.data(octets)
            return Answer(self.hop.host, response.code, response.message)
        except SMTPResponseException as problem:
            answer = Answer(self.hop.host, problem.code, problem.message)
            await self._reset()
            return answer
        except (SMTPException, OSError) as problem:
            self.close()
            return Answer(self.hop.host, 0, f"{type(problem).__name__}: {problem}"[:300])

    async def _reset(self) -> None:
        if self._client is not None:
            try:
                await self._client.rset()
            except (SMTPException, OSError):
                self.close()

    async def quit(self) -> None:
        if self._client is not None:
            with contextlib.suppress(SMTPException, OSError):
                await self._client.quit()
        self.close()

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
