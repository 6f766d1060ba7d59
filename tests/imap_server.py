"""Our IMAP server on loopback in a thread, for clients that block."""

import asyncio
import dataclasses
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mailcore.core import Core
from mailcore.imap import server
from mailcore.services import certificates


@contextmanager
def imap_server(
    core: Core, run_loop: Callable[..., None] = asyncio.run, *, starttls: bool = False
) -> Iterator[tuple[int, str]]:
    """The port (TLS, for `localhost`, from the first octet or by STARTTLS), and the file of the CA to trust."""
    imap, imaps = ("127.0.0.1:0", "") if starttls else ("", "127.0.0.1:0")
    listen = dataclasses.replace(core.config.listen, imaps=imaps, imap=imap)
    core = dataclasses.replace(core, config=dataclasses.replace(core.config, listen=listen))
    certificates.ensure_certificate(core.config, core.clock)
    ready, stop = threading.Event(), threading.Event()
    ports: list[int] = []

    async def run() -> None:
        servers = await server.start(core, certificates.tls_context(core.config))
        ports.append(servers[0].sockets[0].getsockname()[1])
        ready.set()
        await asyncio.to_thread(stop.wait)
        for one in servers:
            one.close()

    thread = threading.Thread(target=lambda: run_loop(run()))
    thread.start()
    try:
        assert ready.wait(60)
        yield ports[0], str(core.config.data_path / "tls" / "ca.pem")
    finally:
        stop.set()
        thread.join()
