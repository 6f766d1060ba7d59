"""Destinations that are away, slow or many; leases of the dead; what senders asked to hear."""

import asyncio
import base64
import email
import subprocess
import sys

import pytest

from mailcore import core as cores
from mailcore.config import Config, Dns
from mailcore.domain import Dsn
from mailcore.mail.reading import returned
from mailcore.queue import bounce, lease
from mailcore.queue import worker as workers
from mailcore.queue.client import Answer, SmtpConnection
from mailcore.queue.destination import FIRST_CONNECTIONS, Destination, rest_seconds
from mailcore.queue.route import Hop
from mailcore.services.accounts import accounts
from mailcore.services.delivery import queue_admin
from mailcore.services.tickets import tickets
from mailcore.services.tickets.tickets import list_tickets as ticket_list
from mailcore.store.queue import destinations
from mailcore.store.queue.destinations import Rest
from mailcore.store.queue.items import claim_items
from tests import queueing
from tests.outside import dns_server
from tests.readers import text_of
from tests.services.test_queue_worker import FRIEND, MESSAGE, Peer, at_work, enqueue, inbox, listing, until


@pytest.fixture
def ola(core):
    return accounts.add_account(core, "ola", display_name="Ola", quota=2**30, password="en lang hemmelighet")


def test_a_destination_that_is_away_rests_and_flush_wakes_it(core):
    async def play():
        async with at_work(core, port=1) as (here, worker, _):
            enqueue(here, *(f"friend{n}@outside.example" for n in range(30)))
            worker.wake()
            await until(lambda: [item.tries for item in listing(here)] == [1] * 30)
            [late] = enqueue(here, "late@outside.example")
            worker.wake()
            await until(lambda: queue_admin.show(here, late)[0].next_at > here.clock.now())
            item, attempts = queue_admin.show(here, late)
            assert (item.tries, len(attempts)) == (0, 0)  # nobody knocked for it
            assert item.last_reply
            queue_admin.retry(here, None, actor="cli")
            worker.wake()
            await until(lambda: queue_admin.show(here, late)[0].tries == 1)

    asyncio.run(play())


def test_a_rest_grows_with_each_failure_over_restarts_and_ends_when_the_destination_is_back(core, clock):
    def rest():
        return core.db.read(lambda tx: destinations.find_rests(tx, ["outside.example"])).get("outside.example")

    async def knock(tries: int, minutes: int) -> None:
        async with at_work(core, port=1) as (here, _, _):  # each time a worker that remembers nothing
            await until(lambda: [item.tries for item in listing(here)] == [tries])
            assert rest().failures == tries
            assert rest().until == clock.seconds() + minutes * 60

    async def play():
        enqueue(core, FRIEND)
        await knock(1, 1)
        clock.forward(minutes=10)
        await knock(2, 2)
        clock.forward(minutes=20)
        await knock(3, 4)
        clock.forward(minutes=30)
        async with at_work(core) as (here, _, peer):
            await until(lambda: not listing(here))
            assert len(peer.mail) == 1
        assert rest() is None

    asyncio.run(play())


@pytest.mark.parametrize(("route_seconds", "connections"), [(300, 1), (-1, 3)])
def test_a_connection_is_kept_for_what_comes_next_until_dns_must_be_asked_again(
    core, monkeypatch, route_seconds, connections
):
    monkeypatch.setattr(workers, "KEEP_OPEN_SECONDS", 3600)  # whatever the load of this machine
    monkeypatch.setattr(workers, "ROUTE_SECONDS", route_seconds)

    async def play():
        async with at_work(core) as (here, worker, peer):
            for number in range(1, 4):
                enqueue(here, f"friend{number}@outside.example")
                worker.wake()
                await until(lambda number=number: len(peer.mail) == number and not listing(here))
                lanes = worker._destinations["outside.example"]
                await until(lambda lanes=lanes: lanes.idle == lanes.connections == 1)
            assert peer.connections == connections

    asyncio.run(play())


def test_rests_grow_to_half_an_hour():
    assert [rest_seconds(n) for n in (1, 2, 3, 5, 6, 50)] == [60, 120, 240, 960, 1800, 1800]


def test_connections_grow_with_what_goes_well_and_halve_with_what_does_not():
    destination = Destination(20)
    for _ in range(1000):
        destination.record_reply(Answer("h", 250, "OK"))
    destination.connections = 20
    assert destination.may_keep_connections()
    destination.record_reply(Answer("h", 421, "closing"))
    assert not destination.may_keep_connections()
    destination.connections = 10
    assert destination.may_keep_connections()
    assert FIRST_CONNECTIONS < 20


def test_many_for_one_domain_do_not_keep_others_out(core):
    async def play():
        async with at_work(core) as (here, worker, peer):
            peer.gate.clear()
            enqueue(here, *(f"n{n}@slow.example" for n in range(1500)))
            worker.wake()
            await until(
                lambda: worker._destinations.get("slow.example") and worker._destinations["slow.example"].is_full
            )
            enqueue(here, "who@quick.example")
            worker.wake()
            await until(lambda: "quick.example" in worker._destinations or peer.mail)

    asyncio.run(play())


def test_what_a_killed_worker_held_is_free_at_once_and_what_a_living_one_holds_is_not(core):
    dead = subprocess.run(
        [sys.executable, "-c", "from mailcore.queue.lease import name_this_process; print(name_this_process())"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert lease.is_dead(dead)
    assert not lease.is_dead(lease.name_this_process())
    assert not lease.is_dead("another-machine/1/1")
    assert not lease.is_dead("")

    async def play():
        mine, theirs = enqueue(core, "a@outside.example", "b@outside.example")
        core.db.write(lambda tx: claim_items(tx, core.clock.seconds(), 1, 900, by=dead))
        core.db.write(lambda tx: claim_items(tx, core.clock.seconds(), 1, 900, by="another-machine/1/1"))
        async with at_work(core) as (here, _, peer):
            await until(lambda: [to for _, to, _ in peer.mail] == ["a@outside.example"])
            await until(lambda: [item.id for item in listing(here)] == [theirs])
            assert mine != theirs

    asyncio.run(play())


@pytest.mark.parametrize(
    ("asked", "answer", "heard"),
    [
        (Dsn(), "550 5.1.1 no", "failed"),
        (Dsn("NEVER"), "550 5.1.1 no", ""),
        (Dsn("SUCCESS"), "550 5.1.1 no", ""),
        (Dsn("SUCCESS"), "250 OK", "relayed"),
        (Dsn("FAILURE", "FULL", "rfc822;orig@x.example", "id=7"), "550 5.1.1 no", "failed"),
        (Dsn(), "250 OK", ""),
    ],
)
def test_a_sender_hears_what_it_asked_for(core, ola, asked, answer, heard):
    async def play():
        async with at_work(core) as (here, _, peer):
            peer.answers[FRIEND] = answer
            before = len(inbox(here, ola))
            queueing.enqueue(here, FRIEND, octets=MESSAGE, account=ola.id, dsn={FRIEND: asked})
            await until(lambda: not listing(here) and len(inbox(here, ola)) == before + bool(heard))
            return inbox(here, ola)[-1]

    notice = asyncio.run(play())
    if not heard:
        return
    assert b"Action: " + heard.encode() in notice
    if asked.envid:
        assert b"Original-Envelope-Id: id=7\r\n" in notice
        assert b"Original-Recipient: rfc822;orig@x.example\r\n" in notice
        assert b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + MESSAGE in notice
    else:
        assert b"Content-Type: text/rfc822-headers" in notice


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("nb", "Meldingen din kunne ikke leveres"),
        ("nn", "Meldinga di kunne ikkje leverast"),
        ("en", "Your message could not be delivered"),
    ],
)
def test_a_report_is_in_the_language_of_the_account(core, ola, language, words):
    core.db.write(lambda tx: tx.run("UPDATE account SET language=? WHERE id=?", language, ola.id))

    async def play():
        async with at_work(core) as (here, _, peer):
            peer.answers[FRIEND] = "550 5.1.1 no"
            before = len(inbox(here, ola))
            enqueue(here, FRIEND, account=ola.id)
            await until(lambda: len(inbox(here, ola)) == before + 1)
            return inbox(here, ola)[-1]

    notice = asyncio.run(play())
    assert words in text_of(notice)
    returned = next(
        part for part in email.message_from_bytes(notice).walk() if part.get_content_type() == "text/rfc822-headers"
    )
    assert returned.get_payload(decode=True) == MESSAGE.partition(b"\r\n\r\n")[0] + b"\r\n"
    assert b"report-type=delivery-status" in notice


def test_a_report_is_ascii_whatever_the_other_server_says(core, ola):
    """RFC 3464 section 2.1.1; its words for people are as they are."""

    async def play():
        async with at_work(core) as (here, _, peer):
            peer.answers[FRIEND] = "550 5.1.1 finst ikkje: bl\u00e5b\u00e6r"
            before = len(inbox(here, ola))
            enqueue(here, FRIEND, account=ola.id)
            await until(lambda: len(inbox(here, ola)) == before + 1)
            return inbox(here, ola)[-1]

    notice = asyncio.run(play())
    assert "blåbær" in text_of(notice)
    assert notice.isascii()
    report = notice.partition(b"Content-Type: message/delivery-status")[2]
    assert report.partition(b"text/rfc822-headers")[0].isascii()
    assert b"Diagnostic-Code: smtp; 550 5.1.1 finst ikkje: bl\\x{E5}b\\x{E6}r\r\n" in report


def test_a_report_that_cannot_be_delivered_becomes_one_case_of_the_postmaster(core):
    gone = [f"gone{number}@outside.example" for number in range(bounce.MOST_IN_CASE + 3)]

    async def play():
        async with at_work(core) as (here, _, peer):
            for address in gone:
                peer.answers[address] = "550 5.1.1 no"
                enqueue(here, address, sender="", origin="dsn")
            await until(lambda: not listing(here))
            return [ticket for ticket in ticket_list(here) if ticket.kind == "postmaster"]

    [case] = asyncio.run(play())
    told = [message.text for message in tickets.list_messages(core, case, notes=True)]
    assert len(told) == bounce.MOST_IN_CASE  # what comes after tells nothing new
    assert {text.partition("\n")[0] for text in told} <= {f"To: {address}" for address in gone}
    assert all("550 5.1.1 no" in text and "Subject:" in text for text in told)


@pytest.mark.parametrize(
    ("octets", "found"),
    [
        (
            b"Content-Type: multipart/report\r\n\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; x\r\n"
            b"\r\nFinal-Recipient: rfc822; ola@home.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
            b"Diagnostic-Code: smtp;\r\n 550 no\r\n"
            b"\r\n--x--",
            returned.Returned("failed", "5.1.1", "smtp; 550 no"),
        ),
        (
            b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nAction: delayed\r\n--b\r\n"
            b"Content-Type:\r\n message/delivery-status\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            + base64.encodebytes(
                b"Reporting-MTA: dns; x\r\n\r\nAction : (not) Failed\r\nStatus: 5.1.1 (no such user)\r\n"
            )
            + b"--b--\r\n",
            returned.Returned("failed", "5.1.1", ""),
        ),
        (
            b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n"
            b"Content-Transfer-Encoding: quoted-printable\r\n\r\nFinal-Recipient: rfc822; a@b.example\r\n"
            b"Status: 4.2.=\r\n2\r\n--b--\r\n",
            returned.Returned("delayed", "4.2.2", ""),
        ),
        (
            b"Subject: failure notice\r\n\r\nHi. This is the qmail-send program at x.example.\r\n\r\n<a@b.example>:\r\n"
            b"Sorry, no mailbox here by that name. (#5.1.1)\r\n\r\n--- Below this line is a copy of the message.\r\n",
            returned.Returned("failed", "5.1.1", ""),
        ),
        (
            b"X-Failed-Recipients: a@b.example\r\nSubject: Mail delivery failed\r\n\r\nThe following address(es) failed:\r\n\r\n"
            b"  a@b.example\r\n    host b.example: 550 no such user\r\n",
            returned.Returned("failed", "", "550 no such user"),
        ),
        # parts by the boundary of their lines, as the header names none
        (
            b"Content-Type: multipart/report; report-type=delivery-status\r\n\r\n--b\r\n"
            b"Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            b"QWN0aW9uOiBmYWlsZWQNClN0YXR1czogNS4xLjENCg==\r\n--b--\r\n",
            returned.Returned("failed", "5.1.1", ""),
        ),
        (
            b"X-Failed-Recipients: a@b.example\r\nContent-Type: multipart/mixed\r\n\r\n--b\r\n"
            b"Content-Type: text/plain\r\n\r\n  a@b.example\r\n    host b.example: 550 no such user\r\n--b--\r\n",
            returned.Returned("failed", "", "550 no such user"),
        ),
        (
            b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
            b"Content-Type: message/delivery-status\r\n\r\nX: y\r\n--b--\r\n",
            None,
        ),
        (b"Subject: away\r\n\r\nI am on holiday.\r\n", None),
        (b"Content-Type: message/delivery-status\r\n\r\n\xff\x00", None),
    ],
)
def test_reports_of_others_are_read(octets, found):
    assert returned.read_returned(octets) == found


def test_dns_that_fails_is_a_delay_and_a_name_that_is_not_there_a_bounce(tmp_path, clock):
    with dns_server({("else.example", "A"): ["127.0.0.1"]}, broken=("outside.example",)) as dns:
        made = cores.build(Config(data=str(tmp_path), dns=Dns((dns,))), clock)
        ola = accounts.add_account(made, "ola", password="en lang hemmelighet")

        async def play():
            async with at_work(made, mode="direct") as (here, _, _):
                before = len(inbox(here, ola))
                enqueue(here, FRIEND, account=ola.id)
                await until(lambda: [item.tries for item in listing(here)] == [1])
                assert "DNS" in listing(here)[0].last_reply
                assert len(inbox(here, ola)) == before
                enqueue(here, "friend@nowhere.example", account=ola.id)
                await until(lambda: len(inbox(here, ola)) == before + 1)
                assert b"Status: 5.1.2" in inbox(here, ola)[-1]

        asyncio.run(play())
        cores.close(made)


def test_a_kept_connection_that_the_host_has_had_enough_of_is_no_delay(core):
    """Some hosts say 421 after so many messages a connection."""

    class Tired(Peer):
        async def handle_MAIL(self, server, session, envelope, address, options) -> str:  # noqa: N802 - aiosmtpd's name
            session.mails = getattr(session, "mails", 0) + 1
            if session.mails > 3:
                return "421 4.7.0 enough for one connection"
            envelope.mail_from = address
            return "250 OK"

    async def play():
        peer = Tired()
        server = await asyncio.get_running_loop().create_server(peer.session, "127.0.0.1", 0)
        connection = SmtpConnection(core.config, Hop("127.0.0.1", server.sockets[0].getsockname()[1]))
        answers = [await connection.send("a@b.example", f"x{n}@y.example", [MESSAGE]) for n in range(10)]
        assert [answer.code for answer in answers] == [250] * 10
        assert peer.connections == 4
        await connection.quit()
        server.close()
        await server.wait_closed()

    asyncio.run(play())


@pytest.mark.parametrize(
    ("when", "codes", "connections"),
    [
        ("before a word", [250, 250, 250], 2),  # it had closed while we were idle: nothing of the message was taken
        (
            "after the octets",
            [250, 0, 250],
            2,
        ),  # it may have the message: to send it again at once would make two of it
    ],
)
def test_a_kept_connection_that_breaks_is_made_anew_only_where_nothing_can_be_there_twice(
    core, when, codes, connections
):
    class Breaks(Peer):
        async def handle_MAIL(self, server, session, envelope, address, options) -> str:  # noqa: N802 - aiosmtpd's name
            session.mails = getattr(session, "mails", 0) + 1
            if session.mails == 2 and self.connections == 1 and when == "before a word":
                server.transport.abort()
            envelope.mail_from = address
            return "250 OK"

        async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802 - aiosmtpd's name
            answer = await super().handle_DATA(server, session, envelope)
            if session.mails == 2 and self.connections == 1 and when == "after the octets":
                server.transport.abort()
            return answer

    async def play():
        peer = Breaks()
        server = await asyncio.get_running_loop().create_server(peer.session, "127.0.0.1", 0)
        connection = SmtpConnection(core.config, Hop("127.0.0.1", server.sockets[0].getsockname()[1]))
        answers = [await connection.send("a@b.example", f"x{n}@y.example", [MESSAGE]) for n in range(3)]
        assert ([answer.code for answer in answers], peer.connections) == (codes, connections)
        assert not any(answer.unreachable for answer in answers)
        assert [to for _, to, _ in peer.mail] == [f"x{n}@y.example" for n in range(3)]
        await connection.quit()
        server.close()
        await server.wait_closed()

    asyncio.run(play())


def test_what_was_known_of_a_domain_long_ago_is_forgotten(core, clock):
    core.db.write(lambda tx: destinations.save_rest(tx, "away.example", Rest(1, clock.seconds() + 60, "away")))
    clock.forward(days=6)
    queue_admin.tidy_up(core)
    assert core.db.read(lambda tx: destinations.find_rests(tx, ["away.example"]))
    clock.forward(days=2)
    queue_admin.tidy_up(core)
    assert core.db.read(lambda tx: destinations.find_rests(tx, ["away.example"])) == {}
