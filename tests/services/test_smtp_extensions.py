"""CHUNKING, DSN, SMTPUTF8, LIMITS, REQUIRETLS; LMTP; the PROXY protocol; a server that stops."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import ssl

import pytest

from mailcore import core as cores
from mailcore.domain import Dsn, Scope
from mailcore.services.accounts import accounts
from mailcore.services.credentials import login
from mailcore.store.queue.items import list_items
from tests.smtp_talk import PASSWORD, SECRET, TRUSTING, build, inbox, talk

START = "MAIL FROM:<a@b.example>\r\nRCPT TO:<kari@alumni.example>\r\n"
BODY = "From: a@b.example\r\nSubject: hei\r\n\r\nhei\r\n"


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    built = build(tmp_path_factory.mktemp("house"), '[limits]\nrecipients = 7\nmessage_size = "400K"\n')
    yield built
    cores.close(built)


def said(lines: bytes) -> list[str]:
    return [line[4:] for line in lines.decode().split("\r\n") if line[:3] == "250"]


async def hello(client, word: str = "EHLO") -> list[str]:
    client.writer.write(f"{word} test.example\r\n".encode())
    lines = []
    while not lines or lines[-1][3:4] == b"-":
        lines.append(await client.reader.readline())
    return said(b"".join(lines))


def test_what_is_offered_on_25(core):
    async def play(connect):
        offered = await hello(await connect())
        assert {
            "SIZE 409600",
            "PIPELINING",
            "8BITMIME",
            "SMTPUTF8",
            "ENHANCEDSTATUSCODES",
            "CHUNKING",
            "DSN",
            "STARTTLS",
        } <= {*offered}
        assert "LIMITS RCPTMAX=7" in offered
        assert not any(word.startswith(("AUTH", "REQUIRETLS", "XFORWARD")) for word in offered)

    talk(core, play)


def test_what_is_offered_under_tls(core):
    async def play(connect):
        offered = await hello(await connect())
        assert "REQUIRETLS" in offered
        assert "STARTTLS" not in offered
        assert any(word.startswith("AUTH ") and "PLAIN" in word and "LOGIN" in word for word in offered)

    talk(core, play, "submissions")


@pytest.mark.parametrize("size", [1, 7, 100, 40_000])
@pytest.mark.parametrize("length", [40, 200_000])
def test_chunks_make_one_message(core, size, length):
    body = BODY + ("." + "x" * 60 + "\r\n") * (length // 63)

    async def play(connect):
        if length // size > 3000:
            return
        client = await connect()
        sent = START
        chunks = [body[at : at + size] for at in range(0, len(body), size)]
        for chunk in chunks:
            sent += f"BDAT {len(chunk)}\r\n{chunk}"
        replies = await client.say(sent + "BDAT 0 LAST\r\nNOOP\r\n", len(chunks) + 4)
        assert {line[:3] for line in replies} == {"250"}
        assert inbox(core, "kari")[-1].endswith(body.encode())

    talk(core, play)


def test_a_chunk_is_taken_even_when_it_is_refused(core):
    async def play(connect):
        client = await connect()
        large = "x" * 200_000
        sent = START + f"BDAT {len(BODY)}\r\n{BODY}" + f"BDAT 200000\r\n{large}" * 3 + "BDAT 0 LAST\r\nNOOP\r\n"
        assert await client.codes(sent, 8) == "250 250 250 250 250 552 503 250"

    talk(core, play)


@pytest.mark.parametrize("words", ["NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;x@y.example", ""])
def test_what_the_sender_asked_goes_into_the_queue(core, words):
    async def play(connect):
        client = await connect()
        await client.say(f"AUTH PLAIN {SECRET}\r\n")
        sent = "MAIL FROM:<ola@alumni.example> RET=HDRS ENVID=abc REQUIRETLS\r\n"
        sent += f"RCPT TO:<x@outside.example> {words}\r\nDATA\r\nFrom: ola@alumni.example\r\n\r\nhei\r\n.\r\n"
        assert await client.codes(sent, 4) == "250 250 354 250"

    talk(core, play, "submissions")
    newest = core.db.read(lambda tx: list_items(tx))[-1]
    notify, orcpt = ("SUCCESS,FAILURE", "rfc822;x@y.example") if words else ("", "")
    assert newest.dsn == Dsn(notify, "HDRS", orcpt, "abc")
    assert newest.require_tls


def test_smtputf8_stands_in_the_trace(core):
    async def play(connect):
        client = await connect()
        sent = "MAIL FROM:<\xc3\xb8@b.example> SMTPUTF8\r\nRCPT TO:<kari@alumni.example>\r\nDATA\r\n" + BODY + ".\r\n"
        assert await client.codes(sent, 4) == "250 250 354 250"
        assert b"with UTF8SMTP id" in inbox(core, "kari")[-1]

    talk(core, play)


# LMTP


def test_lmtp_answers_for_each_recipient(core):
    accounts.set_quota(core, "ola", 10)  # full: the welcome message is there

    async def play(connect):
        client = await connect(ehlo=False)
        offered = await hello(client, "LHLO")
        assert "XFORWARD ADDR HELO" in offered
        before = len(inbox(core, "kari"))
        recipients = "".join(f"RCPT TO:<{name}@alumni.example>\r\n" for name in ("kari", "nobody", "kari+liga", "kari"))
        replies = await client.say("MAIL FROM:<a@b.example>\r\n" + recipients + "DATA\r\n" + BODY + ".\r\nNOOP\r\n", 10)
        assert [line[:3] for line in replies] == ["250", "250", "550", "250", "250", "354", "250", "250", "250", "250"]
        assert len(inbox(core, "kari")) == before + 2  # twice named is twice answered, and stored once
        assert b"with LMTP id" in inbox(core, "kari")[-1]

    try:
        talk(core, play, "lmtp")
    finally:
        accounts.set_quota(core, "ola", 2**30)


def test_lmtp_answers_for_an_address_that_stands_for_another(core):
    """Roles exist at the domain of bounces too, and quotes say nothing."""

    async def play(connect):
        client = await connect(ehlo=False)
        await hello(client, "LHLO")
        before = len(inbox(core, "kari"))
        names = ("postmaster@srs.alumni.example", '"kari"@alumni.example', "kari@alumni.example")
        sent = "".join(f"RCPT TO:<{name}>\r\n" for name in names)
        replies = await client.say("MAIL FROM:<a@b.example>\r\n" + sent + "DATA\r\n" + BODY + ".\r\nNOOP\r\n", 9)
        assert [line[:3] for line in replies] == ["250"] * 4 + ["354"] + ["250"] * 4
        assert len(inbox(core, "kari")) == before + 1

    talk(core, play, "lmtp")


def test_lmtp_refuses_one_and_delivers_to_the_other(core):
    """By their scripts: SMTP has one word for both, LMTP has two."""
    from mailcore.services.sieve_scripts import filters

    account = accounts.find_account(core, "ola").id
    filters.put_script(core, account, "no", 'require "ereject"; ereject "not me";')
    filters.set_active_script(core, account, "no")

    async def play(connect):
        client = await connect(ehlo=False)
        await hello(client, "LHLO")
        recipients = "RCPT TO:<ola@alumni.example>\r\nRCPT TO:<kari@alumni.example>\r\n"
        replies = await client.say("MAIL FROM:<a@b.example>\r\n" + recipients + "DATA\r\n" + BODY + ".\r\n", 6)
        assert replies[4] == "550 5.7.1 not me"
        assert replies[5].startswith("250")

    try:
        talk(core, play, "lmtp")
    finally:
        filters.set_active_script(core, account, "")


def test_lmtp_knows_no_ehlo_and_smtp_no_lhlo(core):
    async def play(connect):
        client = await connect(ehlo=False)
        assert await client.codes("EHLO x\r\nHELO x\r\nMAIL FROM:<a@b.example>\r\n", 3) == "502 502 503"

    talk(core, play, "lmtp")

    async def play_smtp(connect):
        client = await connect()
        assert await client.codes("LHLO x\r\nXFORWARD ADDR=1.2.3.4\r\n", 2) == "502 502"

    talk(core, play_smtp)


def test_lmtp_learns_by_xforward_whose_mail_it_is(core):
    async def play(connect):
        client = await connect(ehlo=False)
        await hello(client, "LHLO")
        sent = "XFORWARD NAME=x ADDR=IPV6:2001:db8::7 HELO=outside.example\r\n" + START + "DATA\r\n" + BODY + ".\r\n"
        assert await client.codes(sent, 5) == "250 250 250 354 250"
        assert b"from outside.example ([2001:db8::7])" in inbox(core, "kari")[-1]

    talk(core, play, "lmtp")


# Balancers


@pytest.fixture(scope="module")
def balanced(tmp_path_factory):
    built = build(tmp_path_factory.mktemp("balanced"), listen='balancers = ["127.0.0.0/8"]')
    yield built
    cores.close(built)


def test_a_balancer_says_whose_connection_it_is(balanced):
    async def play(connect):
        port = (await connect_raw(connect)).port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"PROXY TCP4 192.0.2.7 127.0.0.1 4000 25\r\nEHLO outside.example\r\n" + START.encode() + b"DATA\r\n"
        )
        writer.write(BODY.encode() + b".\r\nQUIT\r\n")
        assert (await reader.read()).endswith(b"Bye\r\n")
        writer.close()
        assert b"from outside.example ([192.0.2.7])" in inbox(balanced, "kari")[-1]

    async def connect_raw(connect):
        return await connect(proxied=b"PROXY UNKNOWN\r\n")

    talk(balanced, play)


def test_what_is_no_header_of_a_balancer_gets_no_word(balanced):
    async def play(connect):
        port = (await connect(proxied=b"PROXY UNKNOWN\r\n")).port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"EHLO outside.example\r\n")
        heard = b""
        with contextlib.suppress(ConnectionResetError):
            heard = await reader.read()
        assert heard == b""
        writer.close()

    talk(balanced, play)


def test_tls_from_the_start_comes_after_the_balancer_s_header(balanced):
    async def play(connect):
        port = (await connect(proxied=b"PROXY UNKNOWN\r\n")).port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"PROXY TCP4 192.0.2.7 127.0.0.1 4000 465\r\n")
        await writer.start_tls(TRUSTING)
        assert (await reader.readline()).startswith(b"220 ")
        writer.write(b"EHLO x\r\nMAIL FROM:<>\r\nQUIT\r\n")
        assert b"\n530 5.7.0 Log in first" in await reader.read()
        writer.close()

    talk(balanced, play, "submissions")


def test_nobody_else_may_speak_for_others(core):
    async def play(connect):
        client = await connect()
        assert await client.codes("PROXY TCP4 192.0.2.7 127.0.0.1 4000 25\r\n", 1) == "502"

    talk(core, play)


def test_a_server_that_stops_says_so_between_messages(core):
    async def play(connect):
        client = await connect()
        client.opened.close()
        assert (await client.replies(1))[0].startswith("421 4.3.2")

    talk(core, play)


def test_tls_is_1_2_or_newer(core):
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")

    async def play(connect):
        port = (await connect()).port
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection("127.0.0.1", port, ssl=old)

    talk(core, play, "submissions")


@pytest.mark.parametrize(
    ("password", "initial", "code"),
    [
        (PASSWORD, True, "235"),
        (PASSWORD, False, "235"),
        ("wrong", True, "535"),
    ],
)
def test_log_in_by_scram(core, password, initial, code):
    """RFC 5802 inside RFC 4954: the last word of the server is one more challenge, answered by nothing."""

    async def play(connect):
        client = await connect()

        async def ask(line: str) -> str:
            return (await client.say(line + "\r\n"))[0]

        bare = "n=ola,r=abc"
        first = base64.b64encode(b"n,," + bare.encode()).decode()
        if initial:
            said = await ask(f"AUTH SCRAM-SHA-256 {first}")
        else:
            assert await ask("AUTH SCRAM-SHA-256") == "334 "
            said = await ask(first)
        challenge = base64.b64decode(said[4:]).decode()
        nonce, salt, count = (part.split("=", 1)[1] for part in challenge.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(salt), int(count))
        key = hmac.digest(salted, b"Client Key", "sha256")
        final = f"c=biws,r={nonce}"
        signed = hmac.digest(hashlib.sha256(key).digest(), f"{bare},{challenge},{final}".encode(), "sha256")
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signed, strict=True))).decode()
        heard = await ask(base64.b64encode(f"{final},p={proof}".encode()).decode())
        if code == "235":
            assert base64.b64decode(heard[4:]).startswith(b"v=")
            heard = await ask("")
        assert heard.startswith(code)

    login.authenticate(core, "ola", PASSWORD, peer="", scope=Scope.SMTP)  # from then on there is a verifier
    talk(core, play, "submissions")


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "OAUTHBEARER", "PLAIN", "LOGIN", "XOAUTH2"])
def test_no_mechanism_on_25_nor_before_tls(core, mechanism):
    async def play(connect):
        assert (await (await connect()).say(f"AUTH {mechanism}\r\n"))[0].startswith("502")

    async def play_submission(connect):
        assert (await (await connect()).say(f"AUTH {mechanism}\r\n"))[0].startswith("530")

    talk(core, play)
    talk(core, play_submission, "submission")
