"""The SMTP listeners: 25 for the world, 587 and 465 for our own people, LMTP for a server before us."""

import asyncio
import ssl
from collections.abc import Sequence
from functools import partial
from socket import socket
from weakref import WeakSet

from mailcore.core import Core
from mailcore.net import proxy_protocol
from mailcore.net.proxy_protocol import Server
from mailcore.net.socket_activation import NONE_HANDED, HandedSockets
from mailcore.process.connection_counts import ConnectionCounts
from mailcore.services.delivery.tables import load_tables
from mailcore.smtp.conversation import converse
from mailcore.smtp.door import Door
from mailcore.smtp.inbound import Inbound
from mailcore.smtp.lmtp import Lmtp
from mailcore.smtp.session import Handler, Session
from mailcore.smtp.submission import Submission

ANSWER_SECONDS = 30  # for what the checks of a message may still take when the server stops


class SmtpListener:
    """The listening sockets of an address, their door, and who came in."""

    def __init__(self, server: Server, door: Door, sessions: "WeakSet[Session]") -> None:
        self._server, self._door, self._sessions = server, door, sessions

    @property
    def sockets(self) -> tuple[socket, ...]:
        return tuple(self._server.sockets)

    def close(self) -> None:
        """No new connections; who is between two messages hears that we stop."""
        self._server.close()
        self._door.is_stopping = True
        for session in list(self._sessions):
            session.stop()

    @property
    def sessions(self) -> list[Session]:
        """Return the sessions that are not over."""
        return [session for session in self._sessions if not session.is_over]

    async def wait_closed(self) -> None:
        await self._server.wait_closed()


async def finish(listeners: Sequence[SmtpListener], seconds: float) -> None:
    """After `close`: messages that are on their way in get so many seconds; those that are here are answered.

    What was never answered is sent again: to cut a message while it is stored would make two of it.
    """
    await _over([session for listener in listeners for session in listener.sessions], seconds)
    left = [session for listener in listeners for session in listener.sessions]
    for session in left:
        if not session.is_answering:
            session.cut()
    await _over([session for session in left if session.is_answering], ANSWER_SECONDS)


async def _over(sessions: list[Session], seconds: float) -> None:
    if sessions:
        await asyncio.wait([session.conversation for session in sessions], timeout=seconds)


async def start(
    core: Core, tls: ssl.SSLContext, counts: ConnectionCounts | None = None, handed: HandedSockets = NONE_HANDED
) -> list[SmtpListener]:
    """Open the listeners that the settings name, or take those that were handed over."""
    await core.threads.run(load_tables)
    counts = counts or ConnectionCounts()
    listen, limits = core.config.listen, core.config.limits
    inbound, submission = Inbound(core), Submission(core)
    listeners = []
    for address, handler, implicit, sockets in (
        (listen.smtp, inbound, False, handed.find("smtp")),
        (listen.submission, submission, False, handed.find("submission")),
        (listen.submissions, submission, True, handed.find("submissions")),
        (listen.lmtp, Lmtp(core), False, handed.find("lmtp")),
    ):
        if address:
            door, sessions = Door(core, counts, tls, implicit=implicit, lmtp=handler.lmtp), WeakSet[Session]()
            server = await proxy_protocol.listen(
                address,
                partial(_connect, door, handler, sessions),
                listen.balancers,
                tls if implicit else None,
                limits,
                sockets,
            )
            listeners.append(SmtpListener(server, door, sessions))
    return listeners


def _connect(door: Door, handler: Handler, sessions: "WeakSet[Session]", peer: str) -> Session:
    session = Session(door, handler, converse, asyncio.get_running_loop(), peer)
    sessions.add(session)
    return session
