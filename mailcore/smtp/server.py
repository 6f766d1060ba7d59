"""The SMTP listeners: 25 for the world, 587 and 465 for our own people."""

import asyncio
import logging
import ssl
from collections import Counter

from mailcore.config import octets
from mailcore.core import Core
from mailcore.smtp.inbound import Inbound
from mailcore.smtp.session import Handler, Session
from mailcore.smtp.submission import Submission

logging.getLogger("mail.log").setLevel(logging.WARNING)  # it tells each command, with addresses


class _Counted(Session):
    """A session that counts against its address's connections (`limits.connections_per_address`)."""

    open: "Counter[str]"
    limit: int
    core: Core

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = transport.get_extra_info("peername")
        self.peer = peer[0] if isinstance(peer, tuple) else ""
        self.open[self.peer] += 1
        self._plaintext_allowed = self.core.config.plaintext_allowed(self.peer)
        super().connection_made(transport)
        if self.open[self.peer] > self.limit and not self.core.config.limits.is_trusted(self.peer):
            self._handler_coroutine.cancel()
            self._writer.write(b"421 4.7.0 Too many connections from your address\r\n")
            self._writer.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.open[self.peer] -= 1
        if not self.open[self.peer]:
            del self.open[self.peer]
        super().connection_lost(error)


async def start(core: Core, tls: ssl.SSLContext) -> list[asyncio.Server]:
    """Open the listeners that the settings name."""
    loop = asyncio.get_running_loop()
    config = core.config
    kind = type("Counted", (_Counted,), {
        "open": Counter(), "limit": config.limits.connections_per_address, "core": core,
    })  # fmt: skip
    max_size = octets(config.limits.message_size)

    def session(handler: Handler, *, implicit: bool) -> Session:
        made: Session = kind(
            handler, hostname=config.host, tls_context=tls, tls=implicit, max_size=max_size,
            max_recipients=config.limits.recipients, loop=loop,
        )  # fmt: skip
        return made

    inbound, submission = Inbound(core), Submission(core)
    servers = []
    for address, handler, implicit in (
        (config.listen.smtp, inbound, False),
        (config.listen.submission, submission, False),
        (config.listen.submissions, submission, True),
    ):
        if address:
            host, _, port = address.rpartition(":")

            def make(handler: Handler = handler, implicit: bool = implicit) -> Session:
                return session(handler, implicit=implicit)

            servers.append(
                await loop.create_server(make, host, int(port), ssl=tls if implicit else None, reuse_port=True, backlog=512)
            )
    return servers
