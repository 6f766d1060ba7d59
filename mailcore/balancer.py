"""A listening socket behind load balancers: each connection of theirs says first whose it is (wire/proxy.py).

The header is read octet by octet where its length is not known, so that nothing of what follows, perhaps a TLS
handshake, is taken with it.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable

from mailcore.config import within
from mailcore.log import log_for
from mailcore.wire import proxy

log = log_for(__name__)
HEADER_SECONDS = 10
AT_ONCE = 1000  # connections whose header has not come; more wait to be accepted

Factory = Callable[[str], asyncio.BaseProtocol]  # with the peer's address


async def read_header(sock: socket.socket) -> str:
    """The address that a balancer names, or "" where it speaks for itself.  Raises ProxyProblem, OSError."""
    loop = asyncio.get_running_loop()
    held = b""
    while (found := proxy.read(held)) is None:
        block = await loop.sock_recv(sock, proxy.wanted(held))
        if not block:
            raise proxy.ProxyProblem
        held += block
    return found.address


class BalancedServer:
    """What `loop.create_server` gives, for connections that may come from balancers."""

    def __init__(
        self, sock: socket.socket, factory: Factory, networks: tuple[str, ...], tls: ssl.SSLContext | None
    ) -> None:
        self.sockets = (sock,)
        self._factory, self._networks, self._tls = factory, networks, tls
        self._greeting: set[asyncio.Task[None]] = set()
        self._free = asyncio.Semaphore(AT_ONCE)
        self._accepting = asyncio.get_running_loop().create_task(self._accept(sock))

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._free.acquire()
            try:
                sock, address = await loop.sock_accept(listening)
            except OSError as problem:  # out of descriptors, or the peer is gone already
                log.warning("accept: %s", problem)
                self._free.release()
                await asyncio.sleep(0.1)
                continue
            task = loop.create_task(self._greet(sock, str(address[0])))
            self._greeting.add(task)
            task.add_done_callback(self._greeted)

    def _greeted(self, task: asyncio.Task[None]) -> None:
        self._greeting.discard(task)
        self._free.release()

    async def _greet(self, sock: socket.socket, peer: str) -> None:
        sock.setblocking(False)
        try:
            if within(peer, self._networks):
                async with asyncio.timeout(HEADER_SECONDS):
                    peer = await read_header(sock) or peer
            loop = asyncio.get_running_loop()
            with contextlib.suppress(OSError):  # a broken handshake is the peer's doing
                await loop.connect_accepted_socket(
                    lambda: self._factory(peer), sock, ssl=self._tls, ssl_handshake_timeout=30 if self._tls else None
                )
        except (proxy.ProxyProblem, OSError, TimeoutError):
            sock.close()

    def close(self) -> None:
        self._accepting.cancel()
        for task in self._greeting:
            task.cancel()
        self.sockets[0].close()

    async def wait_closed(self) -> None:
        await asyncio.wait([self._accepting])


def listen(
    host: str, port: int, factory: Factory, networks: tuple[str, ...], tls: ssl.SSLContext | None
) -> BalancedServer:
    """Raises OSError."""
    sock = socket.create_server(
        (host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=512, reuse_port=True
    )
    sock.setblocking(False)
    return BalancedServer(sock, factory, networks, tls)
