"""Destinations that are away, slow or many; leases of the dead; what senders asked to hear."""

import asyncio
import subprocess

import pytest

from mailcore.domain import Dsn
from mailcore.mail import dsn
from mailcore.queue import lease
from mailcore.queue.client import Answer
from mailcore.queue.destination import FIRST_LANES, Destination, rest_seconds
from mailcore.services import accounts, outgoing
from mailcore.services.tickets import listing as ticket_list
from tests.services.test_queue_worker import FRIEND, MESSAGE, at_work, enqueue, inbox, listing, until


@pytest.fixture
def ola(core):
    return accounts.add(core, "ola", display_name="Ola", quota=2**30, password="en lang hemmelighet")


def test_a_destination_that_is_away_rests_and_flush_wakes_it(core):
    async def play():
        async with at_work(core, port=1) as (here, worker, _):
            enqueue(here, *(f"friend{n}@outside.example" for n in range(30)))
            worker.wake()
            await until(lambda: [item.tries for item in listing(here)] == [1] * 30)
            [late] = enqueue(here, "late@outside.example")
            worker.wake()
            await until(lambda: outgoing.show(here, late)[0].next_at > here.clock.now())
            item, attempts = outgoing.show(here, late)
            assert (item.tries, len(attempts)) == (0, 0)  # nobody knocked for it
            assert item.last_reply
            outgoing.retry(here, None)
            worker.wake()
            await until(lambda: outgoing.show(here, late)[0].tries == 1)

    asyncio.run(play())


def test_rests_grow_to_half_an_hour():
    assert [rest_seconds(n) for n in (1, 2, 3, 5, 6, 50)] == [60, 120, 240, 960, 1800, 1800]


def test_connections_grow_with_what_goes_well_and_halve_with_what_does_not():
    destination = Destination(20)
    for _ in range(1000):
        destination.heard(Answer("h", 250, "OK"))
    destination.lanes = 20
    assert destination.may_stay()
    destination.heard(Answer("h", 421, "closing"))
    assert not destination.may_stay()
    destination.lanes = 10
    assert destination.may_stay()
    assert FIRST_LANES < 20


def test_many_for_one_domain_do_not_keep_others_out(core):
    async def play():
        async with at_work(core) as (here, worker, peer):
            peer.gate.clear()
            enqueue(here, *(f"n{n}@slow.example" for n in range(1500)))
            worker.wake()
            await until(lambda: worker._destinations.get("slow.example") and worker._destinations["slow.example"].is_full)
            enqueue(here, "who@quick.example")
            worker.wake()
            await until(lambda: "quick.example" in worker._destinations or peer.mail, 3)

    asyncio.run(play())


def test_what_a_killed_worker_held_is_free_at_once_and_what_a_living_one_holds_is_not(core):
    dead = subprocess.run(
        ["python3", "-c", "import sys; sys.path.insert(0, '.'); from mailcore.queue.lease import me; print(me())"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    assert lease.is_dead(dead)
    assert not lease.is_dead(lease.me())
    assert not lease.is_dead("another-machine/1/1")
    assert not lease.is_dead("")

    async def play():
        mine, theirs = enqueue(core, "a@outside.example", "b@outside.example")
        core.db.write(lambda tx: core.queue.claim(tx, core.clock.seconds(), 1, 900, by=dead))
        core.db.write(lambda tx: core.queue.claim(tx, core.clock.seconds(), 1, 900, by="another-machine/1/1"))
        async with at_work(core) as (here, _, peer):
            await until(lambda: [to for _, to, _ in peer.mail] == ["a@outside.example"])
            await until(lambda: [item.id for item in listing(here)] == [theirs])
            assert mine != theirs

    asyncio.run(play())


@pytest.mark.parametrize(("asked", "answer", "heard"), [
    (Dsn(), "550 5.1.1 no", "failed"),
    (Dsn("NEVER"), "550 5.1.1 no", ""),
    (Dsn("SUCCESS"), "550 5.1.1 no", ""),
    (Dsn("SUCCESS"), "250 OK", "relayed"),
    (Dsn("FAILURE", "FULL", "rfc822;orig@x.example", "id=7"), "550 5.1.1 no", "failed"),
    (Dsn(), "250 OK", ""),
])  # fmt: skip
def test_a_sender_hears_what_it_asked_for(core, ola, asked, answer, heard):
    async def play():
        async with at_work(core) as (here, _, peer):
            peer.answers[FRIEND] = answer
            before = len(inbox(here, ola))
            prepared = here.blobs.prepare(MESSAGE)
            here.db.write(lambda tx: here.queue.enqueue(
                tx, sender="ola@alumni.example", recipients=[FRIEND], prepared=prepared, prefix=b"", account=ola.id,
                origin="submission", now=here.clock.seconds(), dsn={FRIEND: asked},
            ))  # fmt: skip
            await until(lambda: not listing(here) and len(inbox(here, ola)) == before + bool(heard))
            return inbox(here, ola)[-1]

    notice = asyncio.run(play())
    if not heard:
        return
    assert b"Action: " + heard.encode() in notice
    assert "E-post" in dsn_subject(notice) or "Sendt videre" in dsn_subject(notice)  # in the account's language
    if asked.envid:
        assert b"Original-Envelope-Id: id=7\r\n" in notice
        assert b"Original-Recipient: rfc822;orig@x.example\r\n" in notice
        assert b"Content-Type: message/rfc822\r\n\r\n" + MESSAGE in notice
    else:
        assert b"Content-Type: text/rfc822-headers" in notice


def dsn_subject(notice: bytes) -> str:
    from mailcore.mail import header

    return header.values(header.split(notice)[0], "subject")[0]


def test_a_report_that_cannot_be_delivered_becomes_one_case_of_the_postmaster(core):
    async def play():
        async with at_work(core) as (here, _, peer):
            for number in range(3):
                peer.answers[f"gone{number}@outside.example"] = "550 5.1.1 no"
                enqueue(here, f"gone{number}@outside.example", sender="", origin="dsn")
            await until(lambda: not listing(here))
            return [ticket for ticket in ticket_list(here) if ticket.kind == "postmaster"]

    assert len(asyncio.run(play())) == 1


@pytest.mark.parametrize(("octets", "found"), [
    (b"Content-Type: multipart/report\r\n\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n"
     b"\r\nFinal-Recipient: rfc822; ola@home.example\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp;\r\n 550 no\r\n"
     b"\r\n--x--",
     dsn.Returned("failed", "5.1.1", "smtp; 550 no")),
    (b"Subject: away\r\n\r\nI am on holiday.\r\n", None),
    (b"Content-Type: message/delivery-status\r\n\r\n\xff\x00", None),
])  # fmt: skip
def test_reports_of_others_are_read(octets, found):
    assert dsn.read(octets) == found
