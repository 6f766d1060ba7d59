"""A listening socket whose connections have to say something before they are anybody's.

That is the header of a load balancer, which tells whose connection it is (wire/proxy.py), or the handshake of TLS.

Until then an address may have so many of them, and where there are too many in all the oldest goes: who says nothing takes
no room from others.  The header is read octet by octet where its length is not known, so that nothing of what follows,
perhaps a TLS handshake, is taken with it.
"""

import asyncio
import contextlib
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from functools import partial

from mailcore.config import Limits, host_and_port, within
from mailcore.log import log_for
from mailcore.net.address import place
from mailcore.wire import proxy

log = log_for(__name__)
HEADER_SECONDS = 10
HANDSHAKE_SECONDS = 30
AT_ONCE = 1000  # connections that have not said who they are
BACKLOG = 1024  # connections that the kernel holds until they are accepted

Factory = Callable[[str], asyncio.BaseProtocol]  # with the peer's address


async def read_header(sock: socket.socket) -> str:
    """Read the address that a balancer names, or "" where it speaks for itself.  Raises ProxyProblem, OSError."""
    loop = asyncio.get_running_loop()
    held = b""
    while (found := proxy.read(held)) is None:
        block = await loop.sock_recv(sock, proxy.wanted(held))
        if not block:
            raise proxy.ProxyProblem
        held += block
    return found.address


class BalancedServer:
    """Listening sockets whose connections wait until they have said who they are, with the interface of `asyncio.Server`."""

    def __init__(
        self,
        sockets: tuple[socket.socket, ...],
        factory: Factory,
        networks: tuple[str, ...],
        tls: ssl.SSLContext | None,
        limits: Limits,
    ) -> None:
        self.sockets = sockets
        self._factory, self._networks, self._tls, self._limits = factory, networks, tls, limits
        self._waiting: dict[asyncio.Task[None], socket.socket] = {}  # before the door, the oldest first
        self._of = Counter[str]()  # how many of them each address has
        loop = asyncio.get_running_loop()
        self._accepting = [loop.create_task(self._accept(sock)) for sock in sockets]

    async def _accept(self, listening: socket.socket) -> None:
        """Accept for ever; a connection that may wait has a task of its own from here on."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                sock, address = await loop.sock_accept(listening)
            except OSError as problem:  # out of descriptors, or the peer is gone already
                log.warning("accept: %s", problem)
                await asyncio.sleep(0.1)
                continue
            with contextlib.suppress(OSError):
                # asyncio does so only for sockets that name their protocol: an answer in two writes would wait 40 ms
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = _plain(str(address[0]))
            if not self._may_wait(peer):
                sock.close()
                continue
            if len(self._waiting) >= AT_ONCE:
                _cut(self._waiting.pop(next(iter(self._waiting))))
            self._of[place(peer)] += 1
            task = loop.create_task(self._let_in(sock, peer))
            self._waiting[task] = sock
            task.add_done_callback(partial(self._is_in, place(peer)))

    def _may_wait(self, peer: str) -> bool:
        """Say if an address may have one more connection before the door."""
        if self._of[place(peer)] < self._limits.connections_per_address:
            return True
        return self._limits.is_trusted(peer) or within(peer, self._networks)

    def _is_in(self, where: str, task: "asyncio.Task[None]") -> None:
        self._waiting.pop(task, None)
        self._of[where] -= 1
        if not self._of[where]:
            del self._of[where]

    async def _let_in(self, sock: socket.socket, peer: str) -> None:
        """Read the header where a balancer sends one, then hand the connection to its protocol, by TLS if so."""
        try:
            sock.setblocking(False)
            if within(peer, self._networks):
                async with asyncio.timeout(HEADER_SECONDS):
                    peer = await read_header(sock) or peer
        except (proxy.ProxyProblem, OSError, TimeoutError):
            sock.close()
            return
        with contextlib.suppress(OSError):  # a broken handshake is the peer's doing
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: self._factory(peer),
                sock,
                ssl=self._tls,
                ssl_handshake_timeout=HANDSHAKE_SECONDS if self._tls else None,
            )

    def close(self) -> None:
        """Listen no more; who has not said yet who they are is cut off, and the others go on."""
        for accepting in self._accepting:
            accepting.cancel()
        for sock in self._waiting.values():
            _cut(sock)
        for listening in self.sockets:
            listening.close()

    async def wait_closed(self) -> None:
        """Wait until nothing is accepted any more."""
        await asyncio.wait(self._accepting)


Server = asyncio.Server | BalancedServer


def _cut(sock: socket.socket) -> None:
    """End a connection while others work on it: they see its end and clean up."""
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _plain(address: str) -> str:
    """Return an IPv4 address as such, also where the socket speaks both."""
    mapped = address.removeprefix("::ffff:")
    return mapped if "." in mapped else address


async def listen(
    address: str,
    factory: Factory,
    networks: tuple[str, ...],
    tls: ssl.SSLContext | None,
    limits: Limits,
    handed: tuple[socket.socket, ...] = (),
) -> Server:
    """Listen on `HOST:PORT`, without a host on all addresses of the machine, or on sockets that were handed over for it.

    Args:
        factory: makes the protocol of a connection from the peer's address, "" where the connection itself knows it.
        networks: where balancers are, whose connections begin with a PROXY header.
        tls: for TLS from the first octet.

    Raises:
        OSError: the address cannot be had.
    """
    if not (networks or tls or handed):  # a connection is somebody's at once: asyncio's own server does
        host, port = host_and_port(address)
        loop = asyncio.get_running_loop()
        return await loop.create_server(partial(factory, ""), host or None, port, reuse_port=True, backlog=BACKLOG)
    sockets = handed or (_open(address),)
    for sock in sockets:
        sock.setblocking(False)
    return BalancedServer(sockets, factory, networks, tls, limits)


def _open(address: str) -> socket.socket:
    host, port = host_and_port(address)
    both = not host and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if both or ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG, reuse_port=True, dualstack_ipv6=both)
