"""One item of the queue on its way to the hosts of its domain: its octets, sealed or signed, to one host after another."""

import asyncio
import contextlib
from collections.abc import Callable

from mailcore.core import Core
from mailcore.domain import QueueItem
from mailcore.mail.reading.octets import Octets
from mailcore.queue.client import Answer, SmtpConnection
from mailcore.services.mailauth import dkim
from mailcore.spans import open_span
from mailcore.store.engine.db import Tx
from mailcore.store.queue.items import read_octets

ITEM_SECONDS = 450  # for one item
LARGE = 4 * 2**20  # octets
# made inside a transaction; with a null sender only a signature passes DMARC (aspf=s)
SIGNED_WHEN_SENT = ("vacation", "dsn")


class Sender:
    """Sends items; large ones are sealed one after another."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._sealing = asyncio.Semaphore(1)

    async def send(
        self, item: QueueItem, domain: str, hosts: list[SmtpConnection], has_lapsed: Callable[[], bool]
    ) -> Answer:
        """Send an item, and return the answer of the last host that was tried.

        Args:
            has_lapsed: says if this process may not send the item any more.
        """
        core = self._core
        parts: list[Octets] = [item.prefix, await self._load(item)]
        if item.origin == "forward" and core.config.forwarding.arc:
            parts.insert(0, await self._seal(item))
        elif item.origin in SIGNED_WHEN_SENT:
            parts.insert(0, await core.threads.run(dkim.sign, core.config, parts[-1]))
        answer = Answer(domain, 0, "no host to try")
        try:
            async with asyncio.timeout(ITEM_SECONDS):
                for connection in hosts:
                    with open_span("send", host=connection.hop.host):
                        answer = await connection.send(
                            item.sender,
                            item.recipient,
                            parts,
                            item.dsn,
                            require_tls=item.require_tls,
                            has_lapsed=has_lapsed,
                        )
                    if answer.ok or answer.permanent:
                        break
        except TimeoutError:
            answer = Answer(domain, 0, "it took too long")
            for connection in hosts:
                connection.close()
        return answer

    async def _load(self, item: QueueItem) -> Octets:
        """Return the message's octets, which may have to come from another server first."""
        core = self._core

        def load(tx: Tx) -> Octets:
            return core.blobs.mapped(tx, item.blob)

        return await core.db.aread(load) if core.blobs.objects.is_far else core.db.read(load)

    async def _seal(self, item: QueueItem) -> bytes:
        """Make the ARC set of an item; large messages one after another, as the library copies them."""
        core = self._core
        size = await core.db.aread(lambda tx: core.blobs.size(tx, item.blob))
        async with self._sealing if size > LARGE else contextlib.nullcontext():
            octets = await core.db.aread(lambda tx: read_octets(tx, core.blobs, item))
            return await core.threads.run(dkim.seal, core.config, octets)
