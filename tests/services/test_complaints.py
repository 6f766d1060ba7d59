"""N28: complaints about forwarded mail (ARF, RFC 5965) count for the owner who pressed the button, and teach the filter."""

import asyncio

import pytest

from mailcore import core as cores
from mailcore.domain import Envelope, TicketState, Verdict
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery, recipients
from mailcore.services.filtering import learning
from mailcore.services.forwarding import complaints, forwarding
from mailcore.store.delivery.spam_signs import Total
from mailcore.store.queue.items import list_items
from mailcore.store.tickets import tickets
from tests.smtp_talk import build

MESSAGE = (
    b"From: Shop <shop@outside.example>\r\nTo: kari@alumni.example\r\nSubject: News\r\n\r\nOur news of the week\r\n"
)
REPORT = (
    b"From: complaints@home.example\r\nTo: abuse@alumni.example\r\nSubject: complaint\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/report; report-type=feedback-report; boundary="x"\r\n\r\n'
    b"--x\r\nContent-Type: text/plain\r\n\r\nA user complains.\r\n"
    b"--x\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: %s\r\nUser-Agent: Home/1\r\nVersion: 1\r\n%s\r\n"
    b"--x\r\nContent-Type: message/rfc822\r\n\r\n%sFrom: shop@outside.example\r\nSubject: News\r\n\r\nOur news\r\n--x--\r\n"
)


@pytest.fixture
def core(tmp_path):
    built = build(tmp_path, "")
    yield built
    cores.close(built)


@pytest.fixture
def kari(core):
    return accounts.find_account(core, "kari").id


@pytest.fixture
def sender(core, kari) -> bytes:
    """Our envelope sender of a message that was forwarded for kari."""
    forwarding.set_forwarding(core, kari, "kari@home.example", copy=True, confirmed=True)
    arrive(core, "kari@alumni.example", MESSAGE)
    [item] = [one for one in core.db.read(list_items) if one.origin == "forward"]
    return item.sender.encode()


def arrive(core, to: str, octets: bytes) -> None:
    verdict = Verdict(author="outside.example", spf="pass", spf_aligned=True, dmarc="none", outside=True)

    async def run() -> None:
        found = core.db.read(lambda tx: recipients.check_recipient(core, tx, to, None))
        await delivery.accept(core, Envelope("x@outside.example", (to,)), [found], octets, b"", verdict)

    asyncio.run(run())


def lessons(core, account) -> Total:
    learning.teach_filters(core)
    return learning.count_lessons(core, account)


@pytest.mark.parametrize("place", ["Original-Mail-From: <%s>", "Return-Path: <%s>"])
def test_a_complaint_counts_once_for_the_owner_and_teaches(core, kari, sender, place):
    named = place.encode() % sender.upper() + b"\r\n"
    report = REPORT % (b"abuse", named if place.startswith("O") else b"", b"" if place.startswith("O") else named)
    for _ in range(2):
        arrive(core, "abuse@alumni.example", report)
    assert complaints.count_complaints(core, kari) == 1
    assert complaints.count_complaints(core, accounts.find_account(core, "ola").id) == 0
    assert lessons(core, kari) == Total(1, 0)
    assert core.db.read(lambda tx: tickets.list_tickets(tx, list(TicketState))) == []


def test_not_spam_is_a_word_as_well_and_no_complaint(core, kari, sender):
    arrive(core, "abuse@alumni.example", REPORT % (b"not-spam", b"", b"Return-Path: <%s>\r\n" % sender))
    assert complaints.count_complaints(core, kari) == 0
    assert lessons(core, kari) == Total(0, 1)


def test_whoever_does_not_know_our_envelope_sender_complains_to_people(core, kari, sender):
    forged = b"srs0=" + b"a" * 32 + sender[sender.index(b"@") :]
    arrive(core, "abuse@alumni.example", REPORT % (b"abuse", b"Original-Mail-From: <%s>\r\n" % forged, b""))
    assert complaints.count_complaints(core, kari) == 0
    assert lessons(core, kari) == Total()
    assert len(core.db.read(lambda tx: tickets.list_tickets(tx, list(TicketState)))) == 1


def test_complaints_of_last_month_are_forgotten(core, kari, sender):
    arrive(core, "abuse@alumni.example", REPORT % (b"fraud", b"", b"Return-Path: <%s>\r\n" % sender))
    core.db.write(lambda tx: tx.run("UPDATE complaint SET at=at-?", complaints.KEEP_SECONDS + 1))
    assert complaints.count_complaints(core, kari) == 0
    complaints.delete_old(core)
    assert core.db.read(lambda tx: tx.rows("SELECT * FROM complaint")) == []
