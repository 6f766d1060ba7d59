"""The queue at work: lease what is due, send it, write down what the peer said.

Must stay true: an item leaves the queue only in the transaction that knows what became of it, and a lease that runs
out makes it free again, so a killed process loses nothing.  No destination holds up another, and no item, however
strange, ends the worker.
"""

import asyncio
from collections import defaultdict, deque
from datetime import datetime

from mailcore.core import Core
from mailcore.domain import Attempt, Envelope, Outcome, QueueItem
from mailcore.errors import MailError
from mailcore.log import log_for
from mailcore.queue import bounce, route, schedule
from mailcore.queue.client import Answer, Connection
from mailcore.services import delivery, dkim, forwarding
from mailcore.store import onward
from mailcore.store.db import Tx

log = log_for(__name__)

LEASE_SECONDS = 900
START_WITHIN_SECONDS = 300  # of its claim, or the item is left to the next lease
ITEM_SECONDS = 550  # for one item; with the line above it ends before its lease
POLL_SECONDS = 0.5
BATCH = 200
IN_FLIGHT = 2000
PER_DESTINATION = 4


class _Destination:
    """What is leased for one domain, and how many lanes (connections) work on it."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[float, QueueItem]] = deque()  # with the loop's time of the claim
        self.lanes = 0


class Worker:
    """Runs until `stop`; several workers may run, on several machines."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._stopping = False
        self._news = asyncio.Event()
        self._destinations: dict[str, _Destination] = defaultdict(_Destination)
        self._lanes: set[asyncio.Task[None]] = set()
        self._held = 0

    def wake(self) -> None:
        self._news.set()

    def stop(self) -> None:
        """Finish what is being sent and give the other leases back."""
        self._stopping = True
        self._news.set()

    async def run(self) -> None:
        try:
            while not self._stopping:
                if not await self._take():
                    self._news.clear()
                    try:
                        await asyncio.wait_for(self._news.wait(), POLL_SECONDS)
                    except TimeoutError:
                        continue
            await asyncio.gather(*self._lanes)
        finally:
            for lane in self._lanes:
                lane.cancel()
            await asyncio.gather(*self._lanes, return_exceptions=True)
            await self._give_back()

    async def _take(self) -> bool:
        """Lease what is due and hand it to its destinations; False when there is nothing to do now."""
        room = min(BATCH, IN_FLIGHT - self._held)
        if room <= 0:
            return False
        core = self._core
        try:
            items = await core.db.awrite(lambda tx: core.queue.claim(tx, core.clock.seconds(), room, LEASE_SECONDS))
        except MailError as problem:
            log.warning("the queue waits: %s", problem)
            return False
        now = asyncio.get_running_loop().time()
        for item in items:
            domain = item.recipient.rpartition("@")[2].lower()
            destination = self._destinations[domain]
            destination.waiting.append((now, item))
            self._held += 1
            if destination.lanes < PER_DESTINATION:
                destination.lanes += 1
                lane = asyncio.ensure_future(self._lane(domain, destination))
                self._lanes.add(lane)
                lane.add_done_callback(self._lanes.discard)
        return bool(items)

    async def _give_back(self) -> None:
        ids = [item.id for destination in self._destinations.values() for _, item in destination.waiting]
        if ids:
            await self._core.db.awrite(lambda tx: self._core.queue.release(tx, ids))

    # One destination

    async def _lane(self, domain: str, destination: _Destination) -> None:
        """Items of one domain, one after another, over as few connections as serve."""
        connections: list[Connection] | Answer | None = None
        clock = asyncio.get_running_loop().time
        try:
            while destination.waiting and not self._stopping:
                claimed_at, item = destination.waiting.popleft()
                self._held -= 1
                if clock() - claimed_at > START_WITHIN_SECONDS:
                    continue
                try:
                    if connections is None:
                        connections = await self._connections(domain)
                    await self._one(item, domain, connections)
                except asyncio.CancelledError:
                    destination.waiting.appendleft((claimed_at, item))  # to be given back
                    raise
                except Exception as problem:  # one strange item must not hold up the others
                    await self._fault(item, problem)
        finally:
            destination.lanes -= 1
            if not destination.lanes and not destination.waiting:
                self._destinations.pop(domain, None)
            for connection in connections if isinstance(connections, list) else []:
                await connection.quit()
            self._news.set()

    async def _fault(self, item: QueueItem, problem: Exception) -> None:
        """Ours, not the peer's: try later.  When not even that can be written, the lease runs out."""
        if isinstance(problem, MailError):
            log.warning("queue item %d waits: %s", item.id, problem)
            return
        log.error("queue item %d failed", item.id, exc_info=problem)
        try:
            await self._settle(item, Answer(self._core.config.host, 0, "a fault of ours"))
        except Exception as second:
            log.error("queue item %d waits for its lease to end", item.id, exc_info=second)

    async def _connections(self, domain: str) -> list[Connection] | Answer:
        """Where to send, best first, or the answer for all that goes there."""
        config = self._core.config
        if config.outbound.mode == "capture" or self._is_ours(domain):
            return []
        try:
            return [Connection(config, hop) for hop in await route.hops(config, domain)]
        except route.NoMailHere as problem:
            return Answer(domain, 556, f"5.1.10 {problem}")
        except route.RouteUnknown as problem:
            return Answer(domain, 0, str(problem))

    def _is_ours(self, domain: str) -> bool:
        return domain in (self._core.config.domain, self._core.config.srs_domain)

    async def _one(self, item: QueueItem, domain: str, connections: list[Connection] | Answer) -> None:
        core = self._core
        if self._is_ours(domain):
            await self._deliver_here(item)
        elif isinstance(connections, Answer):
            await self._settle(item, connections)
        elif core.config.outbound.mode == "capture":
            attempt = Attempt(core.clock.now(), "capture", 250, "captured, not sent")
            await core.db.awrite(lambda tx: core.queue.captured(tx, item.id, attempt))
        else:
            octets = await core.db.aread(lambda tx: core.queue.octets(tx, item))
            if item.origin == "forward" and core.config.forwarding.arc:
                octets = await core.threads.run(dkim.seal, core.config, octets) + octets
            answer = Answer(domain, 0, "no host to try")
            try:
                async with asyncio.timeout(ITEM_SECONDS):
                    for connection in connections:
                        answer = await connection.send(item.sender, item.recipient, octets)
                        if answer.ok or answer.permanent:
                            break
            except TimeoutError:
                answer = Answer(domain, 0, "it took too long")
                for connection in connections:
                    connection.close()
            await self._settle(item, answer)

    async def _deliver_here(self, item: QueueItem) -> None:
        """Our own notices, bounces and forwards to our own people need no SMTP."""
        core = self._core
        host = core.config.host
        octets = await core.db.aread(lambda tx: core.queue.octets(tx, item))
        prepared = await core.threads.run(core.blobs.prepare, octets)

        def deliver(tx: Tx) -> str:
            """The reason of a rejection, or nothing."""
            recipient = delivery.check_recipient(core, tx, item.recipient, len(octets), authenticated=True)
            envelope = Envelope(item.sender, (item.recipient,))
            [done] = delivery.deliver(core, tx, envelope, [recipient], prepared, b"")
            if done.outcome is Outcome.REJECTED:
                return done.reason or "refused by the recipient"
            self._write_down(tx, item, Answer(host, 250, "delivered here"), core.clock.now())
            return ""

        try:
            reason = await core.db.awrite(deliver)
        except MailError as problem:
            await self._settle(item, Answer(host, 451 if problem.temporary else 550, str(problem)))
            return
        if reason:
            await self._settle(item, Answer(host, 550, f"5.7.1 {reason}"))

    # What became of it

    def _onward_state(self, item: QueueItem, answer: Answer, again: datetime | None) -> str:
        """For the owner's trace: only what another server took counts as delivered outside."""
        if answer.ok:
            return "here" if self._is_ours(item.recipient.rpartition("@")[2].lower()) else "delivered"
        return "refused" if again is None else "waiting"

    async def _settle(self, item: QueueItem, answer: Answer) -> None:
        now = self._core.clock.now()
        await self._core.db.awrite(lambda tx: self._write_down(tx, item, answer, now))

    def _write_down(self, tx: Tx, item: QueueItem, answer: Answer, now: datetime) -> None:
        """Keep the answer, in one transaction with all that follows from it."""
        core = self._core
        words = f"{answer.code} {answer.text}"[:500] if answer.code else answer.text[:500]
        if item.origin == "forward" and item.account is not None:
            forwarding.result(core, item.account, ok=answer.ok, permanent=answer.permanent, reply=words)
        attempt = Attempt(now, answer.host, answer.code, words)
        again = None if answer.ok or answer.permanent else schedule.next_attempt(item.tries + 1, item.created_at, now)
        if item.origin == "forward":
            onward.answer(
                tx, item.id, self._onward_state(item, answer, again), host=answer.host, code=answer.code, reply=words,
                now=int(now.timestamp()),
            )  # fmt: skip
        if answer.ok:
            core.queue.done(tx, item.id, attempt)
            return
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
