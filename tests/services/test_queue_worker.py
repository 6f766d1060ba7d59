"""The queue worker against a peer on loopback: what it sends, and what becomes of what it cannot send."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import dkim
import pytest
from aiosmtpd.smtp import SMTP

from mailcore import core as cores
from mailcore.config import Outbound
from mailcore.core import Core
from mailcore.domain import ForwardingState, QueueState
from mailcore.mail.reading import header
from mailcore.queue import outcome
from mailcore.queue import worker as workers
from mailcore.queue.worker import Worker
from mailcore.services.accounts import accounts
from mailcore.services.forwarding import forwarding
from mailcore.services.mailauth import dkim_keys
from mailcore.services.sieve_scripts import filters
from mailcore.services.tickets import first_notice, tickets
from mailcore.store.forwarding.settings import get_forwarding, save_forwarding
from mailcore.store.queue.destinations import find_rests
from mailcore.store.queue.items import claim_items, holds_lease, list_items, save_state
from tests import queueing
from tests.readers import text_of

MESSAGE = "From: ola@alumni.example\r\nSubject: hei på deg\r\n\r\n.dot\r\n8-bit: æøå\r\n".encode()
FRIEND = "friend@outside.example"


class Peer:
    """Another site's server; `answers` by recipient, 250 otherwise."""

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}
        self.mail: list[tuple[str, str, bytes]] = []
        self.connections = 0
        self.lacks: tuple[str, ...] = ()  # names of extensions that it does not offer
        self.gate = asyncio.Event()
        self.gate.set()

    def session(self) -> SMTP:
        self.connections += 1
        return SMTP(self, hostname="outside.example", enable_SMTPUTF8=True, loop=asyncio.get_running_loop())

    async def handle_EHLO(self, server, session, envelope, hostname, responses) -> list[str]:  # noqa: N802
        session.host_name = hostname
        return [line for line in responses if line[4:].partition(" ")[0] not in self.lacks]

    async def handle_RCPT(self, server, session, envelope, address, options) -> str:  # noqa: N802 - aiosmtpd's name
        answer = self.answers.get(address, "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 - aiosmtpd's name
        await self.gate.wait()
        self.mail += [((envelope.mail_from or "").strip("<>"), to, envelope.content) for to in envelope.rcpt_tos]
        return "250 OK"


@asynccontextmanager
async def at_work(core: Core, **outbound) -> AsyncIterator[tuple[Core, Worker, Peer]]:
    """A worker whose relay is a peer of ours; at the end it must have stopped by itself."""
    peer = Peer()
    server = await asyncio.get_running_loop().create_server(peer.session, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = Outbound(**{"mode": "relay", "host": "127.0.0.1", "port": port} | outbound)
    core = dataclasses.replace(core, config=dataclasses.replace(core.config, outbound=settings))
    worker = Worker(core)
    running = asyncio.ensure_future(worker.run())
    try:
        yield core, worker, peer
        peer.gate.set()
        worker.stop()
        await asyncio.wait_for(running, 60)
    finally:
        running.cancel()
        server.close()
        await server.wait_closed()


enqueue = partial(queueing.enqueue, octets=MESSAGE)


def listing(core):
    return core.db.read(lambda tx: list_items(tx))


def inbox(core, account) -> list[bytes]:
    def read(tx):
        box = core.mail.mailbox(tx, account.id, "INBOX")
        return [core.mail.octets(tx, box.id, uid) for uid in core.mail.uids(tx, box.id)]

    return core.db.read(read)


async def until(check, seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not check():  # noqa: ASYNC110 - what is waited for stands in a database
            await asyncio.sleep(0.01)


@pytest.fixture
def ola(core):
    return accounts.add_account(core, "ola", display_name="Ola", quota=2**30, password="en lang hemmelighet")


def test_octets_go_out_untouched_over_few_connections(core):
    async def play():
        async with at_work(core) as (here, worker, peer):
            enqueue(here, *(f"friend{n}@outside.example" for n in range(20)))
            worker.wake()
            await until(lambda: len(peer.mail) == 20 and not listing(here))
            assert {octets for _, _, octets in peer.mail} == {MESSAGE}
            assert peer.connections <= here.config.outbound.connections_per_destination

    asyncio.run(play())


def test_a_refusal_goes_back_to_the_sender(core, ola):
    async def play():
        async with at_work(core) as (here, _, peer):
            peer.answers[FRIEND] = "550 5.1.1 nobody of that name"
            before = len(inbox(here, ola))
            enqueue(here, FRIEND, account=ola.id)
            await until(lambda: len(inbox(here, ola)) == before + 1)
            notice = inbox(here, ola)[-1]
            assert b"Action: failed" in notice
            assert b"Status: 5.1.1" in notice
            assert b"nobody of that name" in notice
            await until(lambda: not listing(here))

    asyncio.run(play())


def test_8_bit_goes_only_to_a_host_that_takes_it_and_its_author_hears(core, ola):
    """RFC 6152 section 3; `cases/no-8bitmime-downgrade`."""

    async def play():
        async with at_work(core) as (here, _, peer):
            peer.lacks = ("8BITMIME", "SMTPUTF8")
            before = len(inbox(here, ola))
            enqueue(here, FRIEND, account=ola.id)
            await until(lambda: len(inbox(here, ola)) == before + 1)
            assert b"Status: 5.6.3" in inbox(here, ola)[-1]
            assert "8-bit" in text_of(inbox(here, ola)[-1])
            enqueue(here, FRIEND, octets=b"Subject: x\r\n\r\nseven\r\n")
            await until(lambda: not listing(here))
            assert [octets for _, _, octets in peer.mail] == [b"Subject: x\r\n\r\nseven\r\n"]

    asyncio.run(play())


def test_a_large_8_bit_message_is_seen_to_be_one(core, ola):
    async def play():
        async with at_work(core) as (here, _, peer):
            peer.lacks = ("8BITMIME", "SMTPUTF8")
            enqueue(here, FRIEND, octets=b"Subject: x\r\n\r\n" + b"seven\r\n" * 300_000 + b"\xe6\r\n")
            enqueue(here, FRIEND, octets=b"Subject: x\r\n\r\n" + b"seven\r\n" * 300_000)
            await until(lambda: not [item for item in listing(here) if item.origin == "submission"])
            assert [octets.isascii() for _, _, octets in peer.mail] == [True]

    asyncio.run(play())


def test_a_forwarding_of_an_8_bit_message_to_such_a_host_comes_back_and_pauses_nothing(core, ola):
    def forwards(tx):
        wish = dataclasses.replace(get_forwarding(tx, ola.id), target=FRIEND, state=ForwardingState.HEALTHY, copy=False)
        save_forwarding(tx, ola.id, wish)

    async def play():
        core.db.write(forwards)
        async with at_work(core) as (here, _, peer):
            peer.lacks = ("8BITMIME", "SMTPUTF8")
            before = len(inbox(here, ola))
            enqueue(here, FRIEND, sender="kari@else.example", origin="forward", account=ola.id)
            await until(lambda: len(inbox(here, ola)) == before + 1)
            assert inbox(here, ola)[-1].endswith(MESSAGE)
            assert forwarding.read_forwarding(here, ola.id).state is ForwardingState.HEALTHY
            await until(lambda: not listing(here))
            assert peer.mail == []

    asyncio.run(play())


def test_what_we_write_goes_to_every_host(core, ola):
    """A ticket's answer with other letters, as `cases/no-8bitmime-downgrade` has it."""

    async def play():
        async with at_work(core) as (here, _, peer):
            peer.lacks = ("8BITMIME", "SMTPUTF8")
            case = here.db.write(
                lambda tx: tickets.open_ticket(
                    here, tx, kind="other", subject="Hei æøå", text="æ", reply_to=FRIEND, language="nb"
                )
            )
            first_notice.send_notice(here, case.id)
            tickets.send_reply(here, case.id, "Hei, æøå på deg.", agent=None)
            await until(lambda: len(peer.mail) == 2 and not listing(here))
            assert all(octets.isascii() for _, _, octets in peer.mail)
            assert "Hei, æøå på deg." in text_of(peer.mail[-1][2])

    asyncio.run(play())


def test_a_null_sender_hears_nothing(core):
    async def play():
        async with at_work(core) as (here, _, peer):
            peer.answers[FRIEND] = "550 5.1.1 no"
            enqueue(here, FRIEND, sender="")
            await until(lambda: not listing(here))
            assert not peer.mail

    asyncio.run(play())


@pytest.mark.parametrize("answer", ["451 4.7.1 later", "421 4.3.2 closing"])
def test_a_temporary_answer_waits_and_tells_the_delay_once(core, clock, ola, answer):
    async def play():
        async with at_work(core) as (here, _, peer):
            peer.answers[FRIEND] = answer
            enqueue(here, FRIEND, account=ola.id)
            before = len(inbox(here, ola))
            await until(lambda: [i.tries for i in listing(here)] == [1])
            assert listing(here)[0].last_reply.startswith(answer[:3])
            for tries in (2, 3):
                clock.forward(hours=5)
                await until(lambda tries=tries: [i.tries for i in listing(here) if i.recipient == FRIEND] == [tries])
                # the clock must not run past the lease of the report
                await until(lambda: len(inbox(here, ola)) == before + 1 and len(listing(here)) == 1)
            assert b"Action: delayed" in inbox(here, ola)[-1]
            clock.forward(days=5)
            await until(lambda: len(inbox(here, ola)) == before + 2)
            assert b"Action: failed" in inbox(here, ola)[-1]

    asyncio.run(play())


def test_a_refused_forward_comes_back_to_its_owner_and_the_sender_never_hears_the_target(core, ola):
    def forwards(tx):
        wish = dataclasses.replace(get_forwarding(tx, ola.id), target=FRIEND, state=ForwardingState.HEALTHY, copy=False)
        save_forwarding(tx, ola.id, wish)

    async def play():
        core.db.write(forwards)
        async with at_work(core) as (here, _, peer):
            peer.answers[FRIEND] = f"550 5.1.1 {FRIEND} is no more"
            before = len(inbox(here, ola))
            enqueue(here, FRIEND, sender="kari@else.example", origin="forward", account=ola.id)
            await until(lambda: len(inbox(here, ola)) == before + 1)
            assert header.split(inbox(here, ola)[-1])[0].endswith(header.split(MESSAGE)[0])
            assert forwarding.read_forwarding(here, ola.id).failures == 1
            assert forwarding.read_forwarding(here, ola.id).state is ForwardingState.FAILING
            await until(lambda: not listing(here))
            assert all(FRIEND.encode() not in octets for _, _, octets in peer.mail)

    asyncio.run(play())


def test_n1_an_owner_hears_that_the_question_to_the_target_could_not_be_delivered(core, ola):
    """A slip in the address: without this the forwarding waits for an answer for ever."""
    typo = "ola@outside.example"
    forwarding.set_forwarding(core, ola.id, typo, copy=True)

    async def play():
        async with at_work(core) as (here, _, peer):
            peer.answers[typo] = "550 5.1.1 no such user"
            before = len(inbox(here, ola))
            await until(lambda: len(inbox(here, ola)) == before + 1)
            await until(lambda: not listing(here))
            assert typo in text_of(inbox(here, ola)[-1])
            assert "550 5.1.1 no such user" in text_of(inbox(here, ola)[-1])
            found = forwarding.read_forwarding(here, ola.id)
            assert (found.state, found.last_reply) == (ForwardingState.UNCONFIRMED, "550 5.1.1 no such user")
            assert tickets.list_tickets(here) == []

    asyncio.run(play())


def test_n2_a_forward_that_waits_for_hours_tells_its_sender_nothing(core, clock, ola):
    """A report of the delay would name the owner's target."""

    async def play():
        async with at_work(core) as (here, _, peer):
            peer.answers[FRIEND] = f"451 4.7.1 {FRIEND} is asleep"
            enqueue(here, FRIEND, sender="kari@else.example", origin="forward", account=ola.id)
            for tries in (1, 2, 3):
                await until(lambda tries=tries: [i.tries for i in listing(here)] == [tries])
                clock.forward(hours=5)
            assert [item.recipient for item in listing(here)] == [FRIEND]
            assert peer.mail == []

    asyncio.run(play())


@pytest.mark.parametrize("why", ["script", "full", "unknown"])
def test_what_our_own_address_refuses_goes_back_to_the_sender(core, ola, why):
    """A script's refusal was dropped without a word."""
    kari = accounts.add_account(
        core, "kari", display_name="Kari", quota=1 if why == "full" else 0, password="en lang hemmelighet"
    )
    if why == "script":
        filters.put_script(core, kari.id, "no", 'require "reject"; reject "not today";')
        filters.set_active_script(core, kari.id, "no")

    async def play():
        async with at_work(core) as (here, _, _):
            before = len(inbox(here, ola)), len(inbox(here, kari))
            enqueue(here, "nobody@alumni.example" if why == "unknown" else "kari@alumni.example", account=ola.id)
            await until(lambda: not listing(here) and len(inbox(here, ola)) == before[0] + 1)
            assert len(inbox(here, kari)) == before[1]
            assert (b"not today" in inbox(here, ola)[-1]) == (why == "script")

    asyncio.run(play())


def test_a_strange_item_does_not_stop_the_others(core, monkeypatch):
    real = workers.Worker._handle_item

    async def one(self, item, claimed_at, domain, destination, way):
        if item.recipient.startswith("strange"):
            raise ZeroDivisionError
        await real(self, item, claimed_at, domain, destination, way)

    async def play():
        monkeypatch.setattr(workers.Worker, "_handle_item", one)
        async with at_work(core) as (here, _, peer):
            enqueue(here, "strange@outside.example", FRIEND)
            await until(lambda: len(peer.mail) == 1 and len(listing(here)) == 1)
            assert listing(here)[0].last_reply == "a fault of ours"

    asyncio.run(play())


def test_an_item_that_cannot_be_given_up_keeps_no_other_waiting(core, monkeypatch):
    real = outcome.write_sequel

    def write(here, tx, item, *rest):
        if item.sender.startswith("strange"):
            raise ZeroDivisionError
        return real(here, tx, item, *rest)

    async def play():
        monkeypatch.setattr(outcome, "write_sequel", write)
        strange, plain = (enqueue(core, FRIEND, sender=f"{name}@else.example")[0] for name in ("strange", "plain"))
        core.db.write(lambda tx: [save_state(tx, item, QueueState.GIVEN_UP) for item in (strange, plain)])
        async with at_work(core) as (here, _, peer):
            await until(lambda: plain not in [item.id for item in listing(here)])
            enqueue(here, FRIEND)
            await until(lambda: "ola@alumni.example" in [sender for sender, _, _ in peer.mail])
            assert strange in [item.id for item in listing(here)]

    asyncio.run(play())


def test_what_another_node_has_taken_over_is_not_freed_by_one_that_stops(core):
    async def play():
        async with at_work(core, connections_per_destination=1) as (here, worker, peer):
            peer.gate.clear()
            items = [enqueue(here, FRIEND)[0] for _ in range(3)]
            await until(lambda: peer.connections == 1)
            await until(lambda: not here.db.read(lambda tx: tx.rows("SELECT 1 FROM queue WHERE leased_until=0")))
            here.db.write(lambda tx: tx.run("UPDATE queue SET leased_by='b/1/1' WHERE id<>?", items[0]))
        assert len(peer.mail) == 1
        assert core.db.read(lambda tx: [item for item in items[1:] if holds_lease(tx, item, "b/1/1")]) == items[1:]

    asyncio.run(play())


@pytest.mark.parametrize("is_taken_over", [True, False])
def test_a_node_whose_mail_others_took_over_says_nothing_of_its_destination(core, is_taken_over):
    """As it slept in the middle, its connections were closed; for others the destination is well."""
    transports: list[asyncio.Transport] = []

    class Silent(asyncio.Protocol):
        def connection_made(self, transport):
            transports.append(transport)

    async def play():
        server = await asyncio.get_running_loop().create_server(Silent, "127.0.0.1", 0)
        async with server, at_work(core, port=server.sockets[0].getsockname()[1]) as (here, worker, _):
            item = enqueue(here, FRIEND)[0]
            await until(lambda: transports)
            if is_taken_over:
                here.db.write(lambda tx: tx.run("UPDATE queue SET leased_by='b/1/1' WHERE id=?", item))
            transports[0].abort()
            await until(lambda: not worker._connection_tasks)
        assert bool(core.db.read(lambda tx: find_rests(tx, ["outside.example"]))) is not is_taken_over
        assert [item.tries for item in listing(core)] == [0 if is_taken_over else 1]

    asyncio.run(play())


def test_a_slow_destination_does_not_hold_up_another(core):
    async def play():
        async with at_work(core, mode="direct") as (here, worker, peer):
            peer.gate.clear()
            enqueue(here, "slow@[127.0.0.1]")
            await until(lambda: peer.connections == 1)
            quick = enqueue(here, "who@[not-an-address]", sender="")
            worker.wake()
            await until(lambda: quick[0] not in [item.id for item in listing(here)])
            assert not peer.mail

    asyncio.run(play())


def test_capture_keeps_and_shows_but_sends_nothing(core):
    async def play():
        async with at_work(core, mode="capture") as (here, _, peer):
            enqueue(here, FRIEND)
            await until(lambda: [item.state for item in listing(here)] == ["captured"])
            assert not peer.connections

    asyncio.run(play())


def test_a_peer_that_is_away_means_waiting_and_no_lease_is_left(core):
    async def play():
        async with at_work(core, port=1) as (here, _, _):
            enqueue(here, FRIEND)
            await until(lambda: [item.tries for item in listing(here)] == [1])
        core.clock.forward(hours=1)
        again = core.db.write(lambda tx: claim_items(tx, core.clock.seconds(), 10, 60))
        assert [item.recipient for item in again] == [FRIEND]

    asyncio.run(play())


@pytest.mark.parametrize("origin", ["vacation", "dsn"])
def test_what_we_write_ourselves_goes_out_signed(core, origin):
    """Automatic replies had no signature, and with a null sender nothing else of them passes our own DMARC policy."""
    dkim_keys.ensure_keys(core.config)
    records = {name: text.encode() for name, text in dkim_keys.dns_records(core.config).items()}

    async def play():
        async with at_work(core) as (here, _, peer):
            enqueue(here, FRIEND, sender="", origin=origin)
            await until(lambda: len(peer.mail) == 1)
            return peer.mail[0][2]

    octets = asyncio.run(play())
    assert octets.endswith(MESSAGE)
    assert dkim.verify(octets, dnsfunc=lambda name, timeout=5: records.get(name.decode().rstrip(".")))


def test_a_clock_that_was_ahead_keeps_no_mail_waiting(core, clock, ola):
    """Mail that came in while the clock was a day ahead would be sent a day later."""

    async def play():
        clock.forward(days=1)
        enqueue(core, FRIEND, account=ola.id)
        clock.forward(days=-1)
        async with at_work(core) as (here, _, _peer):
            await until(lambda: listing(here) == [])

    asyncio.run(play())


def test_what_another_process_puts_into_the_queue_wakes_the_worker(core, monkeypatch):
    monkeypatch.setattr(workers, "SELDOM_SECONDS", 3600)
    monkeypatch.setattr(workers, "POLL_SECONDS", 3600)
    other = cores.build(core.config, core.clock)  # its pipes and counts are those of another process

    async def play():
        core.start_feed()
        async with at_work(core) as (here, _, peer):
            await until(lambda: here.feed._on_count)
            enqueue(other, "friend@outside.example")
            await until(lambda: peer.mail and not listing(here))
        core.feed.stop()

    try:
        asyncio.run(play())
    finally:
        cores.close(other)
