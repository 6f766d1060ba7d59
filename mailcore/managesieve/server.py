"""ManageSieve on the network: plain with STARTTLS (RFC 5804 section 1.6)."""

import asyncio
import ssl

from mailcore.core import Core
from mailcore.managesieve.session import Session
from mailcore.transport import Connection, listen


async def start(core: Core, tls: ssl.SSLContext) -> list[asyncio.Server]:
    """Listen as `listen.managesieve` says."""

    async def serve(connection: Connection) -> None:
        await Session(core, connection).run()

    config = core.config
    return await listen(config.listen.managesieve, serve, tls, implicit=False, limits=config.limits)
