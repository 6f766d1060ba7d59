"""IMAP on the network: TLS from the start (993), or plain with STARTTLS."""

import ssl
from collections import Counter

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.imap.session import Session
from mailcore.services import scram
from mailcore.transport import Connection, Listener, listen


def bye(reason: str) -> bytes:
    """RFC 9051 section 7.1.5."""
    return f"* BYE {reason}\r\n".encode("ascii")


async def start(core: Core, tls: ssl.SSLContext) -> list[Listener]:
    """Listen as `listen.imaps` and `listen.imap` say."""

    open_sessions: Counter[AccountId] = Counter()

    async def serve(connection: Connection) -> None:
        await Session(core, connection, open_sessions).run()

    await core.threads.run(scram.look, core)
    return [
        *await listen(core.config.listen.imaps, serve, tls, implicit=True, limits=core.config.limits, bye=bye),
        *await listen(core.config.listen.imap, serve, tls, implicit=False, limits=core.config.limits, bye=bye),
    ]
