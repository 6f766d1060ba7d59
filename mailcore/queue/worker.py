"""The queue at work: lease what is due, send it, write down what the peer said.

Must stay true: an item leaves the queue only in the transaction that knows what became of it, and a lease that runs
out makes it free again, so a killed process loses nothing.
"""

import asyncio
from collections import defaultdict
from datetime import datetime

from mailcore.core import Core
from mailcore.domain import Attempt, Envelope, QueueItem
from mailcore.errors import MailError
from mailcore.log import log_for
from mailcore.queue import bounce, route, schedule
from mailcore.queue.client import Answer, Connection
from mailcore.services import delivery, forwarding
from mailcore.store.db import Tx

log = log_for(__name__)

LEASE_SECONDS = 900
POLL_SECONDS = 0.5
BATCH = 200
PER_DESTINATION = 4


class Worker:
    """Runs until `stop`; several workers may run, on several machines."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._stopping = False
        self._news = asyncio.Event()

    def wake(self) -> None:
        self._news.set()

    def stop(self) -> None:
        """Finish what is being sent and give the other leases back."""
        self._stopping = True
        self._news.set()

    async def run(self) -> None:
        core = self._core
        while not self._stopping:
            try:
                items = await core.db.awrite(self._claim)
                if items:
                    await self._send_all(items)
                    continue
            except MailError as problem:
                log.warning("the queue waits: %s", problem)
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), POLL_SECONDS)
            except TimeoutError:
                continue

    def _claim(self, tx: Tx) -> list[QueueItem]:
        return self._core.queue.claim(tx, self._core.clock.seconds(), BATCH, LEASE_SECONDS)

    async def _send_all(self, items: list[QueueItem]) -> None:
        by_domain: dict[str, list[QueueItem]] = defaultdict(list)
        for item in items:
            by_domain[item.recipient.rpartition("@")[2].lower()].append(item)
        jobs = []
        for domain, mine in by_domain.items():
            for start in range(min(PER_DESTINATION, len(mine))):
                jobs.append(self._destination(domain, mine[start::PER_DESTINATION]))
        await asyncio.gather(*jobs)

    async def _destination(self, domain: str, items: list[QueueItem]) -> None:
        """All that is due for one domain, over as few connections as serve."""
        core = self._core
        left = list(items)
        connections: list[Connection] = []
        try:
            if core.config.outbound.mode == "direct" and domain != core.config.domain:
                try:
                    connections = [Connection(core.config, hop) for hop in await route.hops(core.config, domain)]
                except route.NoMailHere as problem:
                    await self._same_answer(left, Answer(domain, 556, f"5.1.10 {problem}"))
                    left = []
                except route.RouteUnknown as problem:
                    await self._same_answer(left, Answer(domain, 0, str(problem)))
                    left = []
            elif core.config.outbound.mode == "relay":
                connections = [Connection(core.config, hop) for hop in await route.hops(core.config, domain)]
            while left and not self._stopping:
                item = left[0]
                await self._one(item, domain, connections)
                left.pop(0)
        except MailError as problem:
            log.warning("items of one destination wait: %s", problem)
        finally:
            for connection in connections:
                await connection.quit()
            if left:
                ids = [item.id for item in left]
                await core.db.awrite(lambda tx: core.queue.release(tx, ids))

    async def _one(self, item: QueueItem, domain: str, connections: list[Connection]) -> None:
        core = self._core
        if domain == core.config.domain:
            await self._deliver_here(item)
            return
        if core.config.outbound.mode == "capture":
            attempt = Attempt(core.clock.now(), "capture", 250, "captured, not sent")
            await core.db.awrite(lambda tx: core.queue.captured(tx, item.id, attempt))
            return
        octets = await core.db.aread(lambda tx: core.queue.octets(tx, item))
        answer = Answer(domain, 0, "no host to try")
        for connection in connections:
            answer = await connection.send(item.sender, item.recipient, octets)
            if answer.ok or answer.permanent:
                break
        await self._settle(item, answer)

    async def _deliver_here(self, item: QueueItem) -> None:
        """Our own notices and bounces to our own people need no SMTP."""
        core = self._core

        def deliver(tx: Tx) -> None:
            envelope = Envelope(item.sender, (item.recipient,))
            octets = core.queue.octets(tx, item)
            attempt = Attempt(core.clock.now(), core.config.host, 250, "delivered here")
            try:
                recipient = delivery.check_recipient(core, tx, item.recipient, None, authenticated=True)
                delivery.deliver(core, tx, envelope, [recipient], core.blobs.prepare(octets), b"")
            except MailError as problem:
                log.info("queue item %d stays undelivered: %s", item.id, problem)
                bounce.notify(core, tx, item, Answer(core.config.host, 550, str(problem)), kind="failed", now=core.clock.now())
            core.queue.done(tx, item.id, attempt)

        await core.db.awrite(deliver)

    async def _same_answer(self, items: list[QueueItem], answer: Answer) -> None:
        for item in items:
            await self._settle(item, answer)

    async def _settle(self, item: QueueItem, answer: Answer) -> None:
        """Write down the answer, in one transaction with all that follows from it."""
        core = self._core
        now = core.clock.now()
        await core.db.awrite(lambda tx: self._write_down(tx, item, answer, now))
        if item.origin == "forward" and item.account is not None:
            account = item.account
            words = f"{answer.code} {answer.text}".strip()
            await core.threads.run(
                lambda: forwarding.result(core, account, ok=answer.ok, permanent=answer.permanent, reply=words)
            )

    def _write_down(self, tx: Tx, item: QueueItem, answer: Answer, now: datetime) -> None:
        core = self._core
        words = f"{answer.code} {answer.text}"[:500] if answer.code else answer.text[:500]
        attempt = Attempt(now, answer.host, answer.code, words)
        if answer.ok:
            core.queue.done(tx, item.id, attempt)
            return
        again = None if answer.permanent else schedule.next_attempt(item.tries + 1, item.created_at, now)
        if again is not None:
            if not item.delay_told and schedule.delay_is_due(item.created_at, now) and item.origin != "dsn":
                bounce.notify(core, tx, item, answer, kind="delayed", now=now)
                core.queue.tell_delay(tx, item.id)
            core.queue.defer(tx, item.id, int(again.timestamp()), attempt)
            return
        log.info("queue item %d failed for good with %d", item.id, answer.code)
        if item.origin == "forward":
            bounce.keep_for_owner(core, tx, item, now)
        elif item.origin in ("submission", "notice"):
            bounce.notify(core, tx, item, answer, kind="failed", now=now)
        core.queue.done(tx, item.id, attempt)
