"""S20: a full box refuses inside the session, in all its forms; nothing is half-stored, and others get their mail."""

import asyncio

import pytest

from mailcore import core as cores
from mailcore.domain import Disposition, Dsn, Envelope, MailboxRecipient, Scan, TicketState, Verdict
from mailcore.errors import MAILBOX_FULL, RoomGone
from mailcore.services.accounts import accounts
from mailcore.services.delivery import delivery, delivery_receipts, recipients
from mailcore.services.delivery.arrival import Arrival
from mailcore.services.sieve_scripts import filters
from mailcore.store.mail.messages import GRACE
from mailcore.store.queue.items import list_items, read_octets
from tests.smtp_talk import SECRET, build, inbox, talk

HEAD = "From: a@b.example\r\nSubject: hei\r\n\r\n"
LINE = "x" * 998 + "\r\n"
FULL = "552 5.2.2 Postboksen er full / The mailbox is full"


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    built = build(tmp_path_factory.mktemp("house"), names=("ola", "kari", "full", "nesten"))
    accounts.set_quota(built, "full", 10)  # its welcome message is larger
    accounts.set_quota(built, "nesten", 2 * 2**20)
    # it has been told, which takes room, too
    assert converse(built, mail("nesten", size=f" SIZE={GRACE + 1}"), 2)[1] == FULL
    yield built
    cores.close(built)


def used(core, name: str) -> int:
    return accounts.find_account(core, name).used


def converse(core, sent: str, count: int, listener: str = "smtp") -> list[str]:
    heard = []

    async def play(connect):
        client = await connect()
        if listener != "smtp":
            await client.say(f"AUTH PLAIN {SECRET}\r\n")
        heard.extend(await client.say(sent, count))

    talk(core, play, listener)
    return heard


def mail(*names: str, sender: str = "a@b.example", size: str = "") -> str:
    return f"MAIL FROM:<{sender}>{size}\r\n" + "".join(f"RCPT TO:<{name}@alumni.example>\r\n" for name in names)


@pytest.mark.parametrize("address", ["full", "FULL", "full+liste"])
@pytest.mark.parametrize("sender", ["a@b.example", ""])
def test_s20_a_full_box_refuses_at_rcpt_plus_addresses_and_reports_too(core, address, sender):
    assert converse(core, mail(address, sender=sender), 2)[1] == FULL


def test_s20_an_announced_size_that_does_not_fit_is_refused_at_rcpt(core):
    assert converse(core, mail("nesten", size=f" SIZE={GRACE + 1}"), 2)[1] == FULL
    assert converse(core, mail("nesten", size=f" SIZE={GRACE - 1000}"), 2)[1].startswith("250")


@pytest.mark.parametrize("size", ["", " SIZE=1"])
def test_s20_what_was_not_announced_is_refused_after_data_and_nothing_is_stored(core, size):
    before = used(core, "nesten"), len(inbox(core, "nesten"))
    sent = mail("nesten", size=size) + "DATA\r\n" + HEAD + LINE * (GRACE // 1000 + 20) + ".\r\n"
    assert converse(core, sent, 4)[3] == FULL
    assert (used(core, "nesten"), len(inbox(core, "nesten"))) == before


def test_s20_one_last_message_may_cross_the_line(core):
    accounts.set_quota(core, "nesten", used(core, "nesten") + 1000)
    sent = mail("nesten") + "DATA\r\n" + HEAD + LINE * 3000 + ".\r\n"
    assert converse(core, sent, 4)[3].startswith("250")
    assert converse(core, mail("nesten"), 2)[1] == FULL
    accounts.set_quota(core, "nesten", 2 * 2**20 + used(core, "nesten"))


def test_s20_of_two_recipients_the_one_with_room_gets_it(core):
    before = len(inbox(core, "kari"))
    replies = converse(core, mail("full", "kari") + "DATA\r\n" + HEAD + ".\r\n", 5)
    assert [line[:3] for line in replies] == ["250", "552", "250", "354", "250"]
    assert len(inbox(core, "kari")) == before + 1
    assert not any(b"Subject: hei" in octets for octets in inbox(core, "full"))


def test_s20_who_may_not_have_room_takes_a_message_of_unknown_size_alone(core):
    """SMTP has one word for all recipients: a report afterwards could hit whoever's address was borrowed."""
    replies = converse(core, mail("nesten", "kari", "nesten+x"), 4)
    assert [line[:9] for line in replies] == ["250 2.1.0", "250 2.1.5", "452 4.5.3", "250 2.1.5"]
    assert converse(core, mail("kari", "nesten"), 3)[2].startswith("452 4.5.3")
    assert converse(core, mail("kari", "nesten", size=" SIZE=5000"), 3)[2].startswith("250")
    assert converse(core, mail("ola", "kari"), 3)[2].startswith("250")


@pytest.mark.parametrize("sender", ["a@b.example", ""])
def test_s20_a_lie_about_the_size_gives_nobody_more_than_fits(core, sender):
    before = used(core, "nesten"), used(core, "kari"), len(core.db.read(lambda tx: list_items(tx)))
    sent = (
        mail("nesten", "kari", size=" SIZE=5000", sender=sender)
        + "DATA\r\n"
        + HEAD
        + LINE * (GRACE // 1000 + 20)
        + ".\r\n"
    )
    replies = converse(core, sent, 5)
    assert replies[2].startswith("250")
    assert replies[4].startswith("552 5.3.4")
    assert (used(core, "nesten"), used(core, "kari"), len(core.db.read(lambda tx: list_items(tx)))) == before


@pytest.mark.parametrize("spf", ["pass", "fail"])
def test_s20_a_box_that_is_filled_meanwhile_is_heard_of_at_the_next_rcpt(core, spf):
    async def deliver():
        both = ("nesten@alumni.example", "kari@alumni.example")
        found = await core.db.aread(lambda tx: [recipients.check_recipient(core, tx, one, 5000) for one in both])
        accounts.set_quota(core, "nesten", 10)
        await delivery.accept(
            core, Envelope("a@b.example", both), found, HEAD.encode(), b"", Verdict(outside=True, spf=spf)
        )

    before = used(core, "kari"), len(core.db.read(lambda tx: list_items(tx)))
    try:
        with pytest.raises(RoomGone):
            asyncio.run(deliver())
        assert converse(core, mail("kari", "nesten", size=" SIZE=5000"), 3)[2] == FULL
    finally:
        accounts.set_quota(core, "nesten", 2 * 2**20 + used(core, "nesten"))
    assert (used(core, "kari"), len(core.db.read(lambda tx: list_items(tx)))) == before


@pytest.mark.parametrize(
    "how",
    [
        Verdict(outside=True, disposition=Disposition.JUNK),
        Verdict(outside=True, scan=Scan(junk=True)),
    ],
)
def test_s20_what_goes_to_junk_needs_room_too(core, how):
    async def deliver(*names):
        found = [MailboxRecipient(f"{name}@alumni.example", accounts.find_account(core, name).id) for name in names]
        envelope = Envelope("a@b.example", tuple(one.address for one in found))
        return await delivery.accept(core, envelope, found, HEAD.encode(), b"", how)

    before = used(core, "full")
    [done] = asyncio.run(deliver("full"))
    assert (done.outcome.value, done.reason) == ("rejected", MAILBOX_FULL)
    with pytest.raises(RoomGone):
        asyncio.run(deliver("full", "kari"))
    assert used(core, "full") == before


def test_s20_a_copy_that_has_no_room_does_not_refuse_the_message(core):
    """One copy stands in the box; neither a further one, nor a second address of the same box, costs others theirs."""
    nesten = accounts.find_account(core, "nesten").id
    filters.put_script(core, nesten, "own", 'require ["fileinto", "copy"]; fileinto :copy "Archive"; keep;')
    filters.set_active_script(core, nesten, "own")
    accounts.set_quota(core, "nesten", used(core, "nesten") + 3000)
    boxes = len(inbox(core, "nesten")), len(inbox(core, "kari"))
    try:
        sent = (
            mail("nesten", "nesten+x", "kari", size=" SIZE=1900") + "DATA\r\n" + HEAD + LINE + "x" * 800 + "\r\n.\r\n"
        )
        replies = converse(core, sent, 6)
    finally:
        filters.set_active_script(core, nesten, "")
        accounts.set_quota(core, "nesten", 2 * 2**20 + used(core, "nesten"))
    assert [line[:3] for line in replies] == ["250", "250", "250", "250", "354", "250"]
    assert len(inbox(core, "kari")) == boxes[1] + 1
    assert len(inbox(core, "nesten")) >= boxes[0]


def test_s20_our_own_people_hear_it_too(core):
    sent = mail("full", sender="ola@alumni.example")
    assert converse(core, sent, 2, "submissions")[1] == FULL


# S05


def test_s05_addresses_in_any_case_and_with_a_plus_part_lead_to_the_same_box(core):
    before = len(inbox(core, "kari"))
    for name in ("kari", "KARI", "Kari+liga", "kari+"):
        replies = converse(core, mail(name) + "DATA\r\n" + HEAD + ".\r\n", 4)
        assert replies[3].startswith("250")
    assert len(inbox(core, "kari")) == before + 4
    assert b"Delivered-To: Kari+liga@alumni.example\r\n" in inbox(core, "kari")[-2]


@pytest.mark.parametrize(("name", "reply"), [
    ("nobody", "550 5.1.1"), ("k.ari", "550 5.1.1"), ("k_ari", "550 5.1.1"), ("kari-liga", "550 5.1.1"), ("root", "550 5.1.1"),
    ("noreply", "550 5.1.1"), ("postmaster", "250"), ("Abuse", "250"), ("k\xc3\xa5re", "553 5.6.7"), ("help", "250"),
])  # fmt: skip
def test_s05_who_is_there_and_who_is_not(core, name, reply):
    assert converse(core, mail(name), 2)[1].startswith(reply)


def test_s05_mail_to_postmaster_and_abuse_becomes_a_ticket(core):
    from mailcore.store.tickets import tickets

    for role in ("postmaster", "abuse"):
        sent = mail(role) + "DATA\r\n" + HEAD.replace("hei", f"about {role}") + "please look\r\n.\r\n"
        assert converse(core, sent, 4)[3].startswith("250")
        found = core.db.read(lambda tx: tickets.list_tickets(tx, [TicketState.OPEN, TicketState.UNCONFIRMED]))
        assert any(one.kind == role and one.subject == f"about {role}" for one in found)


# RFC 3461: what the sender asked to hear


@pytest.mark.parametrize(("notify", "script", "action"), [
    ("SUCCESS", "", b"delivered"), ("FAILURE", "", b""), ("", "", b""), ("NEVER", "", b""),
    ("SUCCESS,DELAY", 'redirect "x@home.example";', b"relayed"), ("SUCCESS", "discard;", b""),
    ("SUCCESS", 'require "redirect-dsn"; redirect :notify "NEVER" "x@home.example";', b""),
    ("SUCCESS", 'require "redirect-dsn"; redirect :notify "FAILURE" "x@home.example";', b""),
    ("SUCCESS", 'require "redirect-dsn"; redirect :notify ["FAILURE", "SUCCESS"] "x@home.example";', b"relayed"),
    ("SUCCESS", 'require "redirect-dsn"; redirect :notify "NEVER" "x@home.example"; keep;', b"delivered"),
    ("FAILURE", 'require "redirect-dsn"; redirect :notify "SUCCESS" "x@home.example";', b""),
])  # fmt: skip
def test_success_is_told_to_who_asked(core, notify, script, action):
    kari = accounts.find_account(core, "kari").id
    filters.put_script(core, kari, "own", script or "keep;")
    filters.set_active_script(core, kari, "own")
    before = len(core.db.read(lambda tx: list_items(tx)))
    words = f" NOTIFY={notify}" if notify else ""
    sent = (
        "MAIL FROM:<ola@alumni.example> ENVID=abc\r\n"
        + f"RCPT TO:<kari@alumni.example>{words} ORCPT=rfc822;k@x.example\r\n"
    )
    try:
        replies = converse(core, sent + "DATA\r\n" + HEAD.replace("a@b", "ola@alumni") + ".\r\n", 4, "submissions")
    finally:
        filters.set_active_script(core, kari, "")
    assert replies[3].startswith("250")
    queued = [item for item in core.db.read(lambda tx: list_items(tx))[before:] if item.origin == "dsn"]
    assert len(queued) == bool(action)
    if action:
        text = core.db.read(lambda tx: read_octets(tx, core.blobs, queued[0]))
        assert b"\r\nAction: " + action + b"\r\n" in text
        assert b"\r\nOriginal-Recipient: rfc822;k@x.example\r\n" in text
        assert b"\r\nOriginal-Envelope-Id: abc\r\n" in text
        assert b"home.example" not in text  # where it went on to is the owner's secret


def test_who_is_not_vouched_for_hears_nothing(core):
    asked = Envelope("a@b.example", (), dsn={"k": Dsn("SUCCESS")})
    arrival = Arrival(asked, core.blobs.prepare(b""), Verdict(outside=True))
    assert not delivery_receipts.is_vouched_for(arrival)
    assert not delivery_receipts.wants_success(arrival, "k")
