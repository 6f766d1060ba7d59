"""IMAP on the network: TLS from the start (993), or plain with STARTTLS."""

import asyncio
import ssl

from mailcore.core import Core
from mailcore.imap.session import Session
from mailcore.transport import Connection, listen


async def start(core: Core, tls: ssl.SSLContext) -> list[asyncio.Server]:
    """Listen as `listen.imaps` and `listen.imap` say."""

    async def serve(connection: Connection) -> None:
        await Session(core, connection).run()

    return [
        *await listen(core.config.listen.imaps, serve, tls, implicit=True, limits=core.config.limits),
        *await listen(core.config.listen.imap, serve, tls, implicit=False, limits=core.config.limits),
    ]
