"""IMAP on the network: TLS from the start (993), or plain with STARTTLS."""

import ssl
from collections.abc import Awaitable

from mailcore.core import Core
from mailcore.imap.large_reads import LargeReads
from mailcore.imap.session import Session
from mailcore.net.socket_activation import NONE_HANDED, HandedSockets
from mailcore.net.transport import BY_ACCOUNT, Connection, Listener, listen
from mailcore.process.connection_counts import ConnectionCounts
from mailcore.services.credentials import scram


def bye(reason: str) -> bytes:
    """Write BYE (RFC 9051 section 7.1.5)."""
    return f"* BYE {reason}\r\n".encode("ascii")


async def start(
    core: Core, tls: ssl.SSLContext, counts: ConnectionCounts | None = None, handed: HandedSockets = NONE_HANDED
) -> list[Listener]:
    """Listen as `listen.imaps` and `listen.imap` say."""
    counts, reads = counts or ConnectionCounts(), LargeReads()

    async def serve(connection: Connection) -> None:
        await Session(core, connection, counts, reads).run()

    def door(address: str, setting: str, *, implicit: bool) -> Awaitable[list[Listener]]:
        return listen(
            address, serve, tls, implicit=implicit, balancers=listeners.balancers, limits=core.config.limits, bye=bye,
            counts=counts, kind=BY_ACCOUNT, handed=handed.find(setting),
        )  # fmt: skip

    listeners = core.config.listen
    await core.threads.run(scram.update_offer, core)
    return [*await door(listeners.imaps, "imaps", implicit=True), *await door(listeners.imap, "imap", implicit=False)]
