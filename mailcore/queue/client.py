"""Speak to the next server: the octets go out untouched, TLS when it offers (RFC 7435)."""

import contextlib
import ssl
from dataclasses import dataclass

import aiosmtplib
from aiosmtplib.errors import SMTPException, SMTPResponseException

from mailcore.config import Config
from mailcore.queue.route import Hop, address_of

CONNECT_SECONDS, COMMAND_SECONDS = 30, 300


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
    """One connection, kept for several messages."""

    def __init__(self, config: Config, hop: Hop) -> None:
        self._config, self.hop = config, hop
        self._client: aiosmtplib.SMTP | None = None

    async def _connected(self) -> aiosmtplib.SMTP:
        if self._client is not None and self._client.is_connected:
            return self._client
        config = self._config
        problem: Exception = OSError(f"no address for {self.hop.host}")
        for address in await address_of(config, self.hop.host):
            client = aiosmtplib.SMTP(
                hostname=address, port=self.hop.port, timeout=CONNECT_SECONDS, local_hostname=config.host,
                source_address=(config.outbound.bind, 0) if config.outbound.bind else None, start_tls=False,
            )  # fmt: skip
            try:
                await client.connect()
                await client.ehlo()
                if client.supports_extension("starttls"):
                    client.tls_context = _opportunistic()
                    await client.starttls(tls_context=client.tls_context)
                    await client.ehlo()
                if config.outbound.mode == "relay" and config.outbound.user:
                    await client.login(config.outbound.user, config.outbound.password)
                client.timeout = COMMAND_SECONDS
                self._client = client
                return client
            except (SMTPException, OSError) as failed:
                problem = failed
                client.close()
        raise problem

    async def send(self, sender: str, recipient: str, octets: bytes) -> Answer:
        """One message to one recipient; never raises for what the peer or the network does."""
        try:
            client = await self._connected()
            options = []
            if client.supports_extension("size"):
                options.append(f"SIZE={len(octets)}")
            if client.supports_extension("8bitmime"):
                options.append("BODY=8BITMIME")
            await client.mail(sender, options=options, encoding="utf-8")
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
