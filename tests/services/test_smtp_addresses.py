"""Addresses in SMTP are compared by what they mean, and what only the last server may write is written by it alone."""

import pytest

from mailcore import core as cores
from mailcore.services.accounts import accounts
from mailcore.services.forwarding import forwarding
from mailcore.services.sieve_scripts import filters
from mailcore.store.queue.items import list_items
from tests.smtp_talk import SECRET, build, inbox, talk

MESSAGE = "From: a@b.example\r\nTo: kari@alumni.example\r\nSubject: hei\r\n\r\nhei\r\n.\r\n"


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    built = build(tmp_path_factory.mktemp("addresses"), names=("ola", "kari", "user21"))
    yield built
    cores.close(built)


def take(core, sender: str, recipient: str, message: str = MESSAGE) -> list[str]:
    """The replies to MAIL, RCPT, DATA and the message."""
    said: list[str] = []

    async def play(connect):
        client = await connect()
        for line in (f"MAIL FROM:<{sender}>\r\n", f"RCPT TO:<{recipient}>\r\n", "DATA\r\n", message):
            said.extend(await client.say(line))
            if said[-1][:1] not in "23":
                break

    talk(core, play)
    return said


LONG = "bounces+" + "a" * 30 + "-ola.nordmann=alumni.university.example@mail.outside.example"


@pytest.mark.parametrize(
    ("sender", "shown"),
    [
        (LONG, LONG),
        ('"a\\"b"@outside.example', '"a\\"b"@outside.example'),
        ('"a b"@outside.example', '"a b"@outside.example'),
        ('"user"@outside.example', "user@outside.example"),
        ("a(b@outside.example", '"a(b"@outside.example'),
        ("", ""),
    ],
)
def test_a_sender_is_taken_and_stands_in_the_return_path(core, sender, shown):
    assert take(core, sender, "kari@alumni.example")[-1].startswith("250 ")
    assert inbox(core, "kari")[-1].startswith(f"Return-Path: <{shown}>\r\n".encode())


@pytest.mark.parametrize(
    "address",
    [
        '"user21"@alumni.example',
        '"us\\er21"@alumni.example',
        '"USER21"@Alumni.Example',
        '"user21+list"@alumni.example',
        '"\\u\\s\\e\\r\\2\\1"@alumni.example',
    ],
)
def test_a_quoted_recipient_is_whom_it_means(core, address):
    before = len(inbox(core, "user21"))
    assert take(core, "a@b.example", address)[-1].startswith("250 ")
    assert len(inbox(core, "user21")) == before + 1


def test_one_mailbox_written_in_two_ways_has_the_message_once(core):
    async def play(connect):
        client = await connect()
        before = len(inbox(core, "user21"))
        sent = 'MAIL FROM:<a@b.example>\r\nRCPT TO:<"user21"@alumni.example>\r\nRCPT TO:<user21@alumni.example>\r\nDATA\r\n'
        assert await client.codes(sent + MESSAGE, 5) == "250 250 250 354 250"
        assert len(inbox(core, "user21")) == before + 1

    talk(core, play)


@pytest.mark.parametrize(
    "address",
    [
        '"user 21"@alumni.example',
        '"user21 "@alumni.example',
        '"a@b"@alumni.example',
        '""@alumni.example',
    ],
)
def test_a_quoted_recipient_that_is_nobody_is_refused(core, address):
    assert take(core, "a@b.example", address)[-1].startswith("550 5.1.1")


def test_the_null_sender_of_a_quoted_address_is_not_the_null_sender(core):
    assert take(core, '""@outside.example', "kari@alumni.example")[-1].startswith("250 ")
    assert inbox(core, "kari")[-1].startswith(b'Return-Path: <""@outside.example>\r\n')


@pytest.mark.parametrize(
    ("sender", "author", "code"),
    [
        ('"ola"@alumni.example', "ola@alumni.example", "250"),
        ("ola@alumni.example", '"ola"@alumni.example', "250"),
        ('"ol\\a+x"@Alumni.example', "Ola <ola+y@alumni.example>", "250"),
        ('"kari"@alumni.example', "ola@alumni.example", "550"),
        ("ola@alumni.example", '"kari"@alumni.example', "550"),
        ('"ola "@alumni.example', "ola@alumni.example", "550"),
    ],
)
def test_a_sender_is_theirs_however_it_is_written(core, sender, author, code):
    async def play(connect):
        client = await connect()
        await client.say(f"AUTH PLAIN {SECRET}\r\n")
        [reply] = await client.say(f"MAIL FROM:<{sender}>\r\n")
        if reply.startswith("250"):
            message = f"From: {author}\r\nSubject: hei\r\n\r\nhei\r\n.\r\n"
            reply = (await client.say("RCPT TO:<x@outside.example>\r\nDATA\r\n" + message, 3))[-1]
        assert reply[:3] == code

    talk(core, play, "submissions")


FORGED = (
    "Return-Path: <boss@alumni.example>\r\nAuthentication-Results: alumni.example; dmarc=pass\r\n"
    "return-path : <x@y.example>\r\n\t(folded)\r\nAuthentication-Results: gw.alumni.example 1; spf=pass\r\n"
    "Authentication-Results: srs.alumni.example; spf=pass\r\nAuthentication-Results: mx.other.example; spf=fail\r\n"
)


def test_what_only_the_last_server_writes_is_removed_from_what_comes_in(core):
    """RFC 5321 section 4.4, RFC 8601 section 5."""
    assert take(core, "a@b.example", "kari@alumni.example", FORGED + MESSAGE)[-1].startswith("250 ")
    header = inbox(core, "kari")[-1].partition(b"\r\n\r\n")[0].decode().lower()
    assert header.count("return-path") == 1
    assert header.startswith("return-path: <a@b.example>\r\n")
    results = [line for line in header.split("\r\n") if line.startswith("authentication-results:")]
    assert len(results) == 2
    assert f"{core.config.host};" in results[0]
    assert results[1] == "authentication-results: mx.other.example; spf=fail"


@pytest.fixture
def returns_to(core):
    """The envelope sender of a message that was forwarded."""
    ola = accounts.find_account(core, "ola")
    forwarding.set_forwarding(core, ola.id, "ola@home.example", copy=True, confirmed=True)
    assert take(core, "a@b.example", "ola@alumni.example")[-1].startswith("250 ")
    return core.db.read(lambda tx: [item.sender for item in list_items(tx) if item.origin == "forward"])[-1]


def test_an_address_for_reports_takes_no_mail_with_a_sender(core, returns_to):
    local, _, domain = returns_to.partition("@")
    for address in (returns_to, returns_to.upper(), f'"{local}"@{domain}'):
        assert take(core, "spam@crook.example", address)[-1].startswith("550 5.7.1 Only delivery reports")
        assert take(core, "", address)[-1].startswith("250 ")


def test_our_own_people_do_not_write_there_either(core, returns_to):
    async def play(connect):
        client = await connect()
        await client.say(f"AUTH PLAIN {SECRET}\r\n")
        sent = f"MAIL FROM:<ola@alumni.example>\r\nRCPT TO:<{returns_to}>\r\nDATA\r\n"
        replies = await client.say(sent + "From: ola@alumni.example\r\nSubject: hei\r\n\r\nhei\r\n.\r\n", 4)
        assert not replies[-1].startswith("250")

    talk(core, play, "submissions")


def test_a_loop_is_seen_whatever_the_detail_of_the_address_holds(core):
    """Delivered-To is written and looked for in one form."""
    kari = accounts.find_account(core, "kari")
    filters.put_script(core, kari.id, "on", 'redirect "kari@home.example";')
    filters.set_active_script(core, kari.id, "on")
    queued = len(core.db.read(list_items))
    delivered = 'Delivered-To: "kari+(x)"@alumni.example\r\n'
    assert take(core, "a@b.example", "kari+(x)@alumni.example", delivered + MESSAGE)[-1].startswith("250 ")
    assert len(core.db.read(list_items)) == queued
