"""The queue worker: lease the items that are due, send them, and record the replies.

Must stay true: an item leaves the queue only in the transaction that records its outcome, and a lease that expires (or
whose process is dead) frees it again, so a killed process loses nothing.  No destination delays another, and no item,
however malformed, ends the worker.
"""

import asyncio
import contextlib
import math
from collections.abc import Callable
from datetime import datetime

from mailcore.core import Core
from mailcore.domain import Attempt, Envelope, Outcome, QueueItem, Recipient
from mailcore.errors import Busy, MailError
from mailcore.log import about_mail, log_for, log_message
from mailcore.queue import giving_up, lease, outcome, route
from mailcore.queue.client import Answer, SmtpConnection
from mailcore.queue.destination import Destination
from mailcore.queue.lookup import Lookup
from mailcore.queue.outcome import Sequel
from mailcore.queue.route import TlsResult
from mailcore.queue.schedule import GIVE_UP_AFTER
from mailcore.queue.sending import Sender
from mailcore.queue.sts import PORT, StsPolicies
from mailcore.services.delivery import arrival as arrivals
from mailcore.services.delivery import queue_admin
from mailcore.services.delivery.delivery import Deliver, plan_and_write
from mailcore.services.delivery.recipients import check_recipient
from mailcore.spans import open_span
from mailcore.store.engine.db import Tx
from mailcore.store.queue import destinations
from mailcore.store.queue.destinations import Rest
from mailcore.store.queue.items import (
    QUEUE,
    capture_item,
    claim_items,
    delete_item,
    domain_of,
    end_far_leases,
    holds_lease,
    is_lease_far_off,
    is_mail_due,
    list_given_up,
    list_lessees,
    put_off_items,
    read_octets,
    release_items,
    release_items_of,
)

log = log_for(__name__)

LEASE_SECONDS = 900
START_WITHIN_SECONDS = 300  # of its claim, or the item is left to the next lease
SAVE_WITHIN_SECONDS = (
    140  # on saving an answer; with the line above and ITEM_SECONDS (sending.py) it ends before its lease
)
POLL_SECONDS = 0.25  # where nobody tells what comes in
SELDOM_SECONDS = 1.0  # where they do
GATHER_SECONDS = 0.03  # in which what comes in is claimed together, in one write
BATCH = 200
GIVE_UP_AGAIN_SECONDS = 60.0
BUSY_SECONDS = 15  # an item that the database or the bucket kept us from sending; the second time it is a failed try
IN_FLIGHT = 2000
ROUTE_SECONDS = 300  # then DNS is asked again where a busy domain takes its mail
KEEP_OPEN_SECONDS = 1.0  # a connection is kept so long for what comes next

OpenRoute = list[SmtpConnection] | Answer  # connections to the hosts, best first, or the answer for all that goes there


class _NotSaved(Exception):
    """The other side's answer could not be saved: the item may have gone out."""


class Worker:
    """Send what the queue holds until `stop` is called; several workers may run, on several machines."""

    def __init__(
        self, core: Core, *, sts_port: int = PORT, has_lapsed: Callable[[float], bool] = lambda since: False
    ) -> None:
        self._core, self._has_lapsed = core, has_lapsed
        self._stopping = False
        self._news = asyncio.Event()
        self._destinations: dict[str, Destination] = {}
        self._connection_tasks: set[asyncio.Task[None]] = set()
        self._in_memory = 0
        # leased by us and when, from the claim until what became of it is saved, or the lease has ended
        self._held: dict[int, float] = {}
        self._is_claim_in_doubt = False
        self._give_up_again: dict[int, float] = {}  # items whose giving up failed, and when it is tried again
        self._sender = Sender(core)
        self._lessee = lease.name_this_process(core.config.node_name)
        self._lookup = Lookup(core.config)
        self._policies = StsPolicies(core, self._lookup, sts_port)

    def wake(self) -> None:
        self._news.set()

    def stop(self) -> None:
        """Finish what is being sent and give the other leases back."""
        self._stopping = True
        self._news.set()
        for destination in self._destinations.values():
            destination.news.set()

    async def run(self) -> None:
        try:
            await self._mend_times()
            await self._release_dead_leases()
            is_told = self._core.feed.watch_count(QUEUE, self.wake)
            while not self._stopping:
                self._news.clear()
                leased = await self._lease_due()
                if 0 < leased < BATCH:
                    await asyncio.sleep(GATHER_SECONDS)
                elif not leased:
                    with contextlib.suppress(TimeoutError):
                        is_told_of_all = is_told and not self._is_held_up()
                        await asyncio.wait_for(self._news.wait(), SELDOM_SECONDS if is_told_of_all else POLL_SECONDS)
            await asyncio.gather(*self._connection_tasks)
        finally:
            for connection_task in self._connection_tasks:
                connection_task.cancel()
            await asyncio.gather(*self._connection_tasks, return_exceptions=True)
            await self._release_waiting()

    def _is_held_up(self) -> bool:
        """Say if mail may be due that there is no room for; nobody tells when there is."""
        return self._in_memory >= IN_FLIGHT or any(destination.is_full for destination in self._destinations.values())

    async def _release_dead_leases(self) -> None:
        """Free leases that end too late, and those of this machine's processes that were killed: they are sent at once."""
        core = self._core

        def find(tx: Tx) -> tuple[list[str], bool]:
            now = core.clock.seconds()
            lessees = list_lessees(tx, now)
            return [one for one in lessees if lease.is_dead(one, core.config.node_name)], is_lease_far_off(tx, now)

        def free(tx: Tx) -> int:
            freed = sum(release_items_of(tx, lessee) for lessee in dead)
            return freed + (end_far_leases(tx, core.clock.seconds()) if is_far_off else 0)

        try:
            dead, is_far_off = await core.db.aread(find)
            freed = await core.db.awrite(free) if dead or is_far_off else 0
        except MailError as problem:
            log.warning("old leases end by themselves: %s", problem)
            return
        if freed:
            log.info("%d items that a worker which was killed had are free again", freed)

    async def _mend_times(self) -> None:
        """Make due what a clock that was ahead has put off."""
        try:
            await self._core.threads.run(queue_admin.mend_times, self._core)
        except MailError as problem:
            log.warning("times of a wrong clock are mended later: %s", problem)

    def _look(self, tx: Tx, full: list[str]) -> tuple[list[int], bool]:
        """Return what staff gave up in the portal, and if an item may be claimed."""
        given_up = list_given_up(tx, BATCH + len(self._give_up_again))
        return given_up, is_mail_due(tx, self._core.clock.seconds(), full)

    async def _give_up_asked(self, numbers: list[int]) -> None:
        """Send the reports for what staff gave up, each by itself: one that fails keeps nothing else waiting."""
        now = asyncio.get_running_loop().time()
        self._give_up_again = {number: at for number, at in self._give_up_again.items() if at > now}
        for number in numbers:
            if self._stopping:
                return
            if number in self._give_up_again:
                continue
            try:
                await self._core.threads.run(giving_up.give_up_items, self._core, [number])
            except Exception as problem:  # one whose report fails keeps no other waiting
                self._give_up_again[number] = now + GIVE_UP_AGAIN_SECONDS
                known = isinstance(problem, MailError)
                log.error(
                    "item %d, which staff gave up, waits: %s", number, problem, exc_info=None if known else problem
                )

    async def _lease_due(self) -> int:
        """Give up what staff asked for, lease what is due and hand it to its destinations; return how many items that are."""
        core = self._core
        try:
            await self._release_unknown()
            full = [name for name, destination in self._destinations.items() if destination.is_full]
            given_up, is_due = await core.db.aread(lambda tx: self._look(tx, full))
            if given_up:
                await self._give_up_asked(given_up)
            room = min(BATCH, IN_FLIGHT - self._in_memory)
            if not is_due or room <= 0 or self._has_lapsed(math.inf):
                return 0
            self._is_claim_in_doubt = True
            items, rests = await core.db.awrite(lambda tx: self._claim(tx, room, full), of=())
            self._is_claim_in_doubt = False
        except MailError as problem:
            log.warning("the queue waits: %s", problem)
            return 0
        now = asyncio.get_running_loop().time()
        for item in items:
            domain = domain_of(item.recipient)
            destination = self._destinations.get(domain)
            if destination is None:
                destination = Destination(core.config.outbound.connections_per_destination)
                self._destinations[domain] = destination
            destination.failures = rests[domain].failures if domain in rests else 0
            destination.add(now, item)
            self._held[item.id] = now
            self._in_memory += 1
            self._start_connections(domain, destination)
        return len(items)

    async def _release_unknown(self) -> None:
        """Free what a claim leased whose answer did not come, as the database went away while it was saved."""
        if self._is_claim_in_doubt:
            ended = asyncio.get_running_loop().time() - LEASE_SECONDS
            self._held = {item: claimed_at for item, claimed_at in self._held.items() if claimed_at > ended}
            held = sorted(self._held)
            freed = await self._core.db.awrite(lambda tx: release_items_of(tx, self._lessee, but=held), of=())
            self._is_claim_in_doubt = False
            if freed:
                log.info("%d items that were leased without our hearing of it are free again", freed)

    def _start_connections(self, domain: str, destination: Destination) -> None:
        """Start as many connections as there is work for and the destination bears."""
        while destination.wants_connection() and not self._stopping:
            destination.connections += 1
            destination.idle += 1
            connection_task = asyncio.ensure_future(self._run_connection(domain, destination))
            self._connection_tasks.add(connection_task)
            connection_task.add_done_callback(self._connection_tasks.discard)

    def _claim(self, tx: Tx, room: int, full: list[str]) -> tuple[list[QueueItem], dict[str, Rest]]:
        """Lease the items to send now; put off, untried, those to a destination that rests."""
        now = self._core.clock.seconds()
        items = claim_items(tx, now, room, LEASE_SECONDS, by=self._lessee, full=full)
        rests = destinations.find_rests(tx, sorted({domain_of(item.recipient) for item in items}))
        awake: list[QueueItem] = []
        for item in items:
            rest = rests.get(domain_of(item.recipient))
            if rest is not None and rest.until > now:
                put_off_items(tx, [item.id], rest.until, rest.reply)
            else:
                awake.append(item)
        return awake, rests

    async def _release_waiting(self) -> None:
        ids = [item.id for destination in self._destinations.values() for _, item in destination.waiting]
        if ids:
            await self._core.db.awrite(lambda tx: release_items(tx, ids, self._lessee))

    # One destination

    async def _run_connection(self, domain: str, destination: Destination) -> None:
        """Send items of one domain one after another, over as few connections as are needed; a connection task."""
        open_route: OpenRoute | None = None
        found_at = 0.0
        clock = asyncio.get_running_loop().time
        try:
            while not self._stopping and destination.may_keep_connections() and await self._wait_for_item(destination):
                claimed_at, item = destination.waiting.popleft()
                self._in_memory -= 1
                if clock() - claimed_at > START_WITHIN_SECONDS or self._has_lapsed(claimed_at):
                    self._held.pop(item.id, None)
                    continue
                destination.idle -= 1
                try:
                    is_old = clock() - found_at > ROUTE_SECONDS or self._has_lapsed(found_at)
                    if isinstance(open_route, list) and is_old:
                        for connection in open_route:
                            await connection.quit()
                        open_route = None
                    if open_route is None:
                        open_route, found_at = await self._open_route(domain), clock()
                    tries = item.tries + 1
                    with (
                        about_mail(item.mail_id),
                        open_span("attempt", item=item.id, origin=item.origin, tries=tries),
                    ):
                        await self._handle_item(item, claimed_at, domain, destination, open_route)
                    self._held.pop(item.id, None)
                except asyncio.CancelledError:
                    destination.waiting.appendleft((claimed_at, item))  # to be given back
                    raise
                except Exception as problem:  # one strange item must not hold up the others
                    with about_mail(item.mail_id):
                        await self._record_fault(item, problem)
                finally:
                    destination.idle += 1
        finally:
            destination.connections -= 1
            destination.idle -= 1
            if not destination.connections and not destination.waiting:
                self._destinations.pop(domain, None)
            for connection in open_route if isinstance(open_route, list) else []:
                await connection.quit()
            self._news.set()

    async def _wait_for_item(self, destination: Destination) -> bool:
        """Wait for another item as long as the connection may stay open; False if none came."""
        if destination.waiting:
            return True
        destination.news.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(destination.news.wait(), KEEP_OPEN_SECONDS)
        return bool(destination.waiting)

    async def _record_fault(self, item: QueueItem, problem: Exception) -> None:
        """Defer an item that failed by a fault of ours: by little where something was away.

        If not even that can be saved, its lease expires.
        """
        if isinstance(problem, (MailError, _NotSaved)):
            log.warning("queue item %d waits: %s", item.id, problem)
            words = str(problem)
        else:
            log.error("queue item %d failed", item.id, exc_info=problem)
            words = "a fault of ours"
        try:
            is_first = item.last_reply != words and self._core.clock.now() - item.created_at < GIVE_UP_AFTER
            if isinstance(problem, Busy) and is_first:
                await self._write_until_saved(lambda tx: self._put_off(tx, item, words))
            else:
                await self._record_outcome(item, Answer(self._core.config.host, 0, words))
            self._held.pop(item.id, None)
        except Exception as second:  # the item is tried again when its lease ends
            log.error("queue item %d waits for its lease to end", item.id, exc_info=second)

    def _put_off(self, tx: Tx, item: QueueItem, words: str) -> None:
        """Put an item off for a moment: what was away when it was to be sent is back by then, and no try was made."""
        if holds_lease(tx, item.id, self._lessee):
            put_off_items(tx, [item.id], self._core.clock.seconds() + BUSY_SECONDS, words)

    async def _write_until_saved(self, write: Callable[[Tx], None]) -> None:
        """Save a peer's reply even if the disk is full for a while: else the message would be sent again.

        Raises:
            Busy: it could not be saved for SAVE_WITHIN_SECONDS; the lease expires by itself.
        """
        clock = asyncio.get_running_loop().time
        end, pause = clock() + SAVE_WITHIN_SECONDS, 0.25
        while True:
            try:
                await self._core.db.awrite(write)
                return
            except Busy:
                if clock() + pause > end or (self._stopping and pause > 4):
                    raise
                await asyncio.sleep(pause)
                pause = min(pause * 2, 8)

    async def _open_route(self, domain: str) -> OpenRoute:
        core = self._core
        if core.config.outbound.mode == "capture" or outcome.is_ours(core, domain):
            return []
        try:
            found_route = await route.find_route(core.config, self._lookup, domain, self._policies)
        except route.NoMailHere as problem:
            return Answer(domain, 556, f"{problem.status} {problem}")
        except route.RouteUnknown as problem:
            return Answer(domain, 0, str(problem))
        if found_route.troubles and core.config.reports.tls:
            results = found_route.troubles
            await core.db.awrite(lambda tx: outcome.count_tls(tx, domain, results, core.clock.now()))
        return [SmtpConnection(core.config, hop, self._lookup, core.clock) for hop in found_route.hops]

    async def _handle_item(
        self, item: QueueItem, claimed_at: float, domain: str, destination: Destination, hosts: OpenRoute
    ) -> None:
        core = self._core
        if outcome.is_ours(core, domain):
            await self._deliver_locally(item)
        elif isinstance(hosts, Answer):
            await self._record_outcome(item, hosts)
        elif core.config.outbound.mode == "capture":
            attempt = Attempt(core.clock.now(), "capture", 250, "captured, not sent")
            await core.db.awrite(lambda tx: capture_item(tx, item.id, attempt), of=())
            log_message("captured", item=item.id, origin=item.origin)
        else:
            answer = await self._sender.send(item, domain, hosts, lambda: self._has_lapsed(claimed_at))
            if answer.unreachable and self._has_lapsed(claimed_at):
                # the node slept on this connection: who took the item over knows better how the domain does
                return
            destination.record_reply(answer)
            self._start_connections(domain, destination)
            results = [result for connection in hosts for result in connection.results]
            for connection in hosts:
                connection.results.clear()
            try:
                await self._record_reply(item, domain, destination, answer, results if core.config.reports.tls else [])
            except Busy as problem:
                raise _NotSaved(str(problem)) from problem

    async def _record_reply(
        self, item: QueueItem, domain: str, destination: Destination, answer: Answer, results: list[TlsResult]
    ) -> None:
        """Save the reply; if no host could be reached, it is the reply to everything that waits for this domain."""
        core, now = self._core, self._core.clock.now()
        if not answer.unreachable:
            wakes = destination.failures > 0
            destination.failures = 0
            sequel = await self._write_sequel(item, answer, now)

            def save(tx: Tx) -> None:
                if wakes:
                    destinations.end_rests(tx, [domain])
                outcome.count_tls(tx, domain, results, now)
                self._record(tx, item, answer, now, sequel)

            await self._write_until_saved(save)
            outcome.log_outcome(item, answer, now)
            return
        items = [item, *(one for _, one in destination.waiting)]
        self._in_memory -= len(destination.waiting)
        destination.waiting.clear()
        destination.failures += 1
        failures = destination.failures
        sequels: list[tuple[QueueItem, Sequel]] = []
        for one in items:
            try:
                sequels.append((one, await self._write_sequel(one, answer, now)))
            except Exception as problem:  # one whose report cannot be written must not hold up the others
                with about_mail(one.mail_id):
                    await self._record_fault(one, problem)

        def save_unreachable(tx: Tx) -> None:
            outcome.count_tls(tx, domain, results, now)
            still = [pair for pair in sequels if holds_lease(tx, pair[0].id, self._lessee)]
            if not still:
                return  # it slept, and who took these over knows better how the domain does
            outcome.record_unreachable(core, tx, domain, still, answer, failures, now)

        await self._write_until_saved(save_unreachable)
        for one, _ in sequels:
            self._held.pop(one.id, None)
            with about_mail(one.mail_id):
                outcome.log_outcome(one, answer, now)

    async def _deliver_locally(self, item: QueueItem) -> None:
        """Deliver mail to our own accounts (notices, bounces, forwarded mail) without SMTP."""
        core = self._core
        host = core.config.host
        octets = await core.db.aread(lambda tx: read_octets(tx, core.blobs, item))
        prepared = await core.store(core.blobs.prepare, octets)
        envelope = Envelope(item.sender, (item.recipient,))
        arrival = await arrivals.read(core, envelope, prepared, envelope.recipients)

        def find(tx: Tx) -> list[Recipient]:
            return [check_recipient(core, tx, item.recipient, len(octets), sender=item.sender)]

        def write(tx: Tx, deliver: Deliver) -> str:
            """Deliver, and return the reason of a rejection, or nothing."""
            if not holds_lease(tx, item.id, self._lessee):
                return ""  # who has taken it over delivers it
            [done] = deliver(tx)
            if done.outcome is Outcome.REJECTED:
                return done.reason or "refused by the recipient"
            here = Answer(host, 250, "delivered here")  # not relayed: no report says so
            outcome.record_outcome(core, tx, item, here, core.clock.now(), outcome.NO_SEQUEL)
            return ""

        try:
            reason = await plan_and_write(core, arrival, find, write)
        except Busy:
            raise  # nothing was saved, so nothing was tried
        except MailError as problem:
            await self._record_outcome(item, Answer(host, 451 if problem.temporary else 550, str(problem)))
            return
        if reason:
            await self._record_outcome(item, Answer(host, 550, f"5.7.1 {reason}"))
        else:
            outcome.log_outcome(item, Answer(host, 250, "delivered here"), core.clock.now())

    async def _record_outcome(self, item: QueueItem, answer: Answer) -> None:
        now: datetime = self._core.clock.now()
        sequel = await self._write_sequel(item, answer, now)
        await self._write_until_saved(lambda tx: self._record(tx, item, answer, now, sequel))
        outcome.log_outcome(item, answer, now)

    def _record(self, tx: Tx, item: QueueItem, answer: Answer, now: datetime, sequel: Sequel) -> None:
        """Record an outcome; of an item that another process has taken over, only that it has gone out."""
        if holds_lease(tx, item.id, self._lessee):
            outcome.record_outcome(self._core, tx, item, answer, now, sequel)
        elif answer.ok:
            delete_item(tx, item.id)

    async def _write_sequel(self, item: QueueItem, answer: Answer, now: datetime) -> Sequel:
        """Write the reports that the outcome causes, outside of the write that saves it."""
        if not outcome.has_sequel(item, answer, now):
            return outcome.NO_SEQUEL
        core = self._core
        return await core.db.aread(lambda tx: outcome.write_sequel(core, tx, item, answer, now))
