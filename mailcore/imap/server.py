"""IMAP on the network: TLS from the start (993), or plain with STARTTLS."""

import ssl
from collections.abc import Awaitable

from mailcore.core import Core
from mailcore.imap.session import Session
from mailcore.inside import Inside
from mailcore.services.credentials import scram
from mailcore.transport import BY_ACCOUNT, Connection, Listener, listen


def bye(reason: str) -> bytes:
    """RFC 9051 section 7.1.5."""
    return f"* BYE {reason}\r\n".encode("ascii")


async def start(core: Core, tls: ssl.SSLContext, inside: Inside | None = None) -> list[Listener]:
    """Listen as `listen.imaps` and `listen.imap` say."""
    inside = inside or Inside()

    async def serve(connection: Connection) -> None:
        await Session(core, connection, inside).run()

    def door(address: str, *, implicit: bool) -> Awaitable[list[Listener]]:
        limits = core.config.limits
        return listen(address, serve, tls, implicit=implicit, limits=limits, bye=bye, inside=inside, kind=BY_ACCOUNT)

    await core.threads.run(scram.look, core)
    return [*await door(core.config.listen.imaps, implicit=True), *await door(core.config.listen.imap, implicit=False)]
