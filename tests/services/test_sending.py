"""S17b: our own people send, as themselves alone; and the alarm when somebody else has their password."""

import asyncio
import re

import pytest

from mailcore import core as cores
from mailcore.domain import Envelope, TicketState
from mailcore.errors import NotAllowed, SendingHeld, TooMany
from mailcore.services.accounts import accounts
from mailcore.services.delivery import sending_limits, submission
from mailcore.services.filtering.judging import GTUBE
from mailcore.store.people import sending as store
from mailcore.store.queue.items import list_items
from mailcore.store.tickets import tickets
from tests.services.conftest import SetClock
from tests.smtp_talk import SECRET, build, inbox, talk

BODY = "From: ola@alumni.example\r\nTo: kari@alumni.example\r\nSubject: hei\r\n\r\nhei\r\n"


@pytest.fixture
def core(tmp_path):
    built = build(tmp_path, "[limits]\nsubmissions_per_hour = 10\nsending_places = 3\n", clock=SetClock())
    yield built
    cores.close(built)


def send(core, *recipients: str, peer: str = "192.0.2.1", body: str = BODY, sender: str = "ola@alumni.example") -> None:
    ola = accounts.find_account(core, "ola")
    asyncio.run(submission.submit(core, ola, Envelope(sender, recipients, peer), body.encode()))


def reason(core) -> str:
    ola = accounts.find_account(core, "ola").id
    return core.db.read(lambda tx: store.get_reason(tx, ola))


def outside(core, state: str | None = None) -> list[str]:
    items = core.db.read(lambda tx: list_items(tx, state))
    return [item.recipient for item in items if item.origin == "submission"]


@pytest.mark.parametrize(
    ("sent", "codes"),
    [
        ("MAIL FROM:<kari@alumni.example>\r\n", "550"),
        ("MAIL FROM:<>\r\n", "550"),
        ("MAIL FROM:<ola@outside.example>\r\n", "550"),
        ("MAIL FROM:<OLA+x@alumni.example>\r\n", "250"),
        ("MAIL FROM:<ola@alumni.example.evil.example>\r\n", "550"),
        (
            "MAIL FROM:<ola@alumni.example>\r\nRCPT TO:<nobody@alumni.example>\r\nRCPT TO:<x@y.example>\r\n",
            "250 550 250",
        ),
    ],
)
def test_s17b_the_envelope_sender_is_an_address_of_the_account(core, sent, codes):
    async def play(connect):
        client = await connect()
        await client.say(f"AUTH PLAIN {SECRET}\r\n")
        replies = await client.say(sent, len(codes.split()))
        assert " ".join(line[:3] for line in replies) == codes
        if codes == "550":
            assert replies[0] == "550 5.7.1 The sender must be an address of yours"

    talk(core, play, "submissions")


@pytest.mark.parametrize(
    "author",
    [
        "From: kari@alumni.example\r\n",
        "From: ola@alumni.example, kari@alumni.example\r\n",
        "",
        "From: \r\n",
        "From: ola@alumni.example\r\nFrom: kari@alumni.example\r\n",
        'From: "ola@alumni.example" <kari@alumni.example>\r\n',
        "From: rektor@alumni.example (ola@alumni.example)\r\n",
    ],
)
def test_s17b_the_author_is_an_address_of_the_account(core, author):
    async def play(connect):
        client = await connect()
        await client.say(f"AUTH PLAIN {SECRET}\r\n")
        sent = (
            "MAIL FROM:<ola@alumni.example>\r\nRCPT TO:<x@y.example>\r\nDATA\r\n"
            + author
            + "Subject: x\r\n\r\nx\r\n.\r\n"
        )
        assert (await client.say(sent, 4))[3].startswith("550 5.7.1")

    talk(core, play, "submissions")
    with pytest.raises(NotAllowed):
        send(core, "x@y.example", body=author + "Subject: x\r\n\r\nx\r\n")


def test_s17b_over_quota_one_can_still_send(core):
    accounts.set_quota(core, "ola", 10)
    send(core, "x@y.example")
    assert outside(core) == ["x@y.example"]


def test_s17b_date_and_message_id_are_added_and_bcc_is_dropped(core):
    send(core, "kari@alumni.example", body="Bcc: secret@y.example\r\n" + BODY)
    stored = inbox(core, "kari")[-1]
    assert re.search(rb"\r\nDate: [^\r\n]+\r\n", stored)
    assert re.search(rb"\r\nMessage-ID: <[^<>@]+@alumni\.example>\r\n", stored)
    assert b"secret" not in stored
    assert b"192.0.2.1" not in stored  # where they sit is nobody's business


def test_recipients_of_an_hour_are_counted_and_the_next_hour_begins_anew(core):
    send(core, *(f"{n}@y.example" for n in range(8)))
    with pytest.raises(TooMany):
        send(core, *(f"{n}@y.example" for n in range(3)))
    send(core, "kari@alumni.example", "x@y.example")
    core.clock.forward(hours=1, seconds=1)
    send(core, "x@y.example")
    assert len(outside(core)) == 10
    assert reason(core) == ""


def test_octets_that_wait_in_the_queue_are_counted_for_a_day(core, monkeypatch):
    """The queue is on the disk, in nobody's quota: 500 messages of 50 MB an hour would fill it."""
    monkeypatch.setattr(sending_limits, "KIBIBYTES_A_DAY", 2)
    send(core, "one@outside.example")
    send(core, "two@outside.example", "three@outside.example")  # one message, whoever gets it
    with pytest.raises(TooMany):
        send(core, "four@outside.example")
    send(core, "kari@alumni.example")  # that is in her quota
    core.clock.forward(days=1)
    send(core, "four@outside.example")
    assert len(outside(core)) == 4
    assert not reason(core)


def test_who_goes_on_above_the_limit_is_put_on_hold_with_an_alarm(core):
    send(core, *(f"{n}@y.example" for n in range(10)))
    before = len(inbox(core, "ola"))
    for _ in range(sending_limits.TRIES_ABOVE):
        with pytest.raises(TooMany):
            send(core, "x@y.example")
    with pytest.raises(SendingHeld):
        send(core, "x@y.example")
    assert "10 recipients" in reason(core)
    assert len(outside(core, "held")) == 10
    assert len(inbox(core, "ola")) == before + 1
    [ticket] = [
        t for t in core.db.read(lambda tx: tickets.list_tickets(tx, [TicketState.OPEN])) if "on hold" in t.subject
    ]
    assert ticket.account == accounts.find_account(core, "ola").id

    async def play(connect):
        client = await connect()
        await client.say(f"AUTH PLAIN {SECRET}\r\n")
        assert (await client.say("MAIL FROM:<ola@alumni.example>\r\n"))[0].startswith(
            "550 5.7.1 Your sending is on hold"
        )

    talk(core, play, "submissions")
    sending_limits.release(core, "ola", drop=False, actor="test")
    assert len(outside(core, "waiting")) == 10
    send(core, "x@y.example")


def test_a_thief_s_messages_are_forgotten_on_release(core):
    send(core, "x@y.example")
    ola = accounts.find_account(core, "ola")
    core.db.write(lambda tx: sending_limits.hold(core, tx, ola, "test"))
    core.db.write(lambda tx: sending_limits.hold(core, tx, ola, "again"))  # told once
    assert reason(core) == "test"
    _, count = sending_limits.release(core, "ola", drop=True, actor="test")
    assert (count, outside(core)) == (1, [])


def test_who_sends_from_many_places_is_put_on_hold(core):
    for n in (1, 2, 3, 1, 2):
        send(core, "x@y.example", peer=f"198.51.100.{n}")
    with pytest.raises(SendingHeld):
        send(core, "x@y.example", peer="198.51.100.4")
    assert "places" in reason(core)


def test_whom_many_recipients_refuse_is_put_on_hold(core):
    ola = accounts.find_account(core, "ola").id
    for _ in range(sending_limits.REFUSALS):
        core.db.write(lambda tx: sending_limits.was_refused(core, tx, ola))
    assert reason(core) == ""
    core.db.write(lambda tx: sending_limits.was_refused(core, tx, ola))
    assert "refused" in reason(core)


SPAM = BODY.replace("hei\r\n\r\nhei", "Earn money\r\n\r\n" + GTUBE.decode())


def test_n30_whoever_goes_on_to_send_what_looks_like_spam_is_stopped(core, monkeypatch):
    """One letter to many goes out, as an invitation may read like an advertisement; the next is held."""
    monkeypatch.setattr(sending_limits, "SPAM", 5)
    send(core, *(f"a{number}@outside.example" for number in range(8)), body=SPAM)
    assert not reason(core)
    with pytest.raises(SendingHeld):
        send(core, "b@outside.example", body=SPAM)
    assert "looks like spam" in reason(core)


def test_n30_ordinary_mail_is_not_counted(core):
    for number in range(5):
        send(core, f"a{number}@outside.example")
    assert core.db.read(lambda tx: tx.rows("SELECT key FROM rate WHERE key LIKE 'spam %'")) == []
