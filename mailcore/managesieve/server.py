"""ManageSieve on the network: plain with STARTTLS (RFC 5804 section 1.6)."""

import ssl

from mailcore.core import Core
from mailcore.managesieve.session import Session
from mailcore.net.socket_activation import NONE_HANDED, HandedSockets
from mailcore.net.transport import Connection, Listener, listen
from mailcore.process.connection_counts import ConnectionCounts


def bye(reason: str) -> bytes:
    """Write BYE (RFC 5804 section 1.3)."""
    return f'BYE "{reason}"\r\n'.encode("ascii")


async def start(
    core: Core, tls: ssl.SSLContext, counts: ConnectionCounts | None = None, handed: HandedSockets = NONE_HANDED
) -> list[Listener]:
    """Listen as `listen.managesieve` says."""

    async def serve(connection: Connection) -> None:
        await Session(core, connection).run()

    config = core.config
    return await listen(
        config.listen.managesieve,
        serve,
        tls,
        implicit=False,
        balancers=config.listen.balancers,
        limits=config.limits,
        bye=bye,
        counts=counts or ConnectionCounts(),
        kind="sieve",
        handed=handed.find("managesieve"),
    )
