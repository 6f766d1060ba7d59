"""Nobody is let in, and no server before or after us can be made to see another message than we do."""

import asyncio
import hashlib
import time

import pytest

from mailcore import core as cores
from mailcore.store.mail import blobs
from tests.mailboxes import stored_files
from tests.smtp_talk import build, inbox, talk

START = "MAIL FROM:<a@b.example>\r\nRCPT TO:<kari@alumni.example>\r\n"
SECOND = "MAIL FROM:<evil@b.example>\r\nRCPT TO:<kari@alumni.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nx"
HEAD = "From: a@b.example\r\nSubject: hei\r\n\r\n"


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    built = build(
        tmp_path_factory.mktemp("house"),
        '[limits]\nmessage_size = "300K"\nmessage_memory = "8K"\nheader_size = "4K"\nline_length = "2K"\n'
        "parts = 20\nnesting = 5\nconnections_per_address = 3\nunknown_recipients = 3\nmessages_per_hour = 0\n",
    )
    yield built
    cores.close(built)


ENDS = [
    "\n.\n", "\n.\r\n", "\n.\r", "\r.\r", "\r.\n", "\r.\r\n", "\r\n.\n", "\r\n.\r", "\r\n.\r\r\n", "\r\r\n.\r\r\n",
    "\n\r.\r\n", "\n\n.\r\n", "\r\n\n.\n\r\n", "\r\n.\n\r\n", "\r\n..\n\r\n", "\r\n\r.\r\n", "\n..\r\n",
]  # fmt: skip


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize("end", ENDS, ids=repr)
def test_a_fake_end_smuggles_no_second_message(core, end, large):
    """Whatever is no CRLF "." CRLF refuses the whole message, and what follows it is no command (CVE-2023-51764 to 51766)."""

    async def play(connect):
        client = await connect()
        before = inbox(core, "kari")
        filler = ("x" * 70 + "\r\n") * (400 if large else 1)
        sent = START + "DATA\r\n" + HEAD + filler + "first" + end + SECOND + "\r\n.\r\nNOOP\r\n"
        replies = await client.say(sent, 5)
        assert [line[:3] for line in replies] == ["250", "250", "354", "550", "250"]
        assert replies[3].startswith("550 5.6.11")
        assert inbox(core, "kari") == before

    talk(core, play)


# CR and LF before and after a dot, with what some server or other drops, counts as white space, or takes for a dot
AROUND = [
    "\r", "\n", "\r\n", "\r\r\n", "\n\r\n", "\r\n\r", "\0\r\n", "\r\n\0", "\r\0\n", "\x0b", "\x1a", "\x85", "\xe2\x80\xa8",
]  # fmt: skip
DOTS = [".", "..", ".\0", "\0.", ". ", ".\t", "\xef\xbc\x8e", "\xae", "=2E", ""]


@pytest.mark.slow
def test_no_other_end_ends_a_message(core):
    """Every pair of them around every dot: nothing but CRLF "." CRLF makes what follows a command."""
    ends = sorted({before + dot + after for before in AROUND for dot in DOTS for after in AROUND})

    async def play(connect):
        tried = [end for end in ends if "\r\n.\r\n" not in end]
        for at in range(0, len(tried), 50):
            client = await connect()
            for end in tried[at : at + 50]:
                sent = START + "DATA\r\n" + HEAD + "first" + end + SECOND + "\r\n.\r\nNOOP\r\n"
                replies = await client.say(sent, 5)
                assert replies[4] == "250 2.0.0 OK", end
                assert replies[3][:3] in ("250", "550", "554"), end
            client.writer.close()
        assert not any(b"smuggled" in octets.partition(b"\r\n\r\n")[0] for octets in inbox(core, "kari"))

    talk(core, play)


@pytest.mark.parametrize(
    "chunks",
    [
        ["Subject: a\r\n\r\nx\n.\r\n"],
        ["Subject: a\r\n\r\nx\r", "\n.\r\n"],
        ["Subject: a\r\n\r\nx\r", ".\r\n"],
        ["Subject: a\r", "b\r\n\r\n"],
        ["a\r\n\r\n\r"],
        ["Subject: a\r\n\r\nx\r\n", "\0.\r\n"],
        ["Subject: a\0\r\n\r\n"],
    ],
)
def test_a_chunk_with_lone_line_ends_is_refused(core, chunks):
    """Or we would pass it on to a server that reads an end into it (RFC 3030 has binary chunks; we do not offer them)."""
    refused = any(odd in "".join(chunks).replace("\r\n", "") for odd in "\r\n\0")

    async def play(connect):
        client = await connect()
        await client.say(START, 2)
        heard = []
        for number, chunk in enumerate(chunks):
            last = " LAST" if number == len(chunks) - 1 else ""
            heard += await client.say(f"BDAT {len(chunk)}{last}\r\n{chunk}", 1)
            if heard[-1][:1] == "5":
                break
        assert heard[-1][:3] in (("550", "554") if refused else ("250",))
        assert (await client.say("NOOP\r\n"))[0].startswith("250")

    talk(core, play)


@pytest.mark.parametrize(("body", "reply"), [
    ("X: " + "y" * 5000 + "\r\n\r\nx\r\n", "554 5.6.0"),  # a line of the header
    ("X: y\r\n" * 1000 + "\r\nx\r\n", "552 5.3.4"),
    ("X: y\r\n" * 1000, "552 5.3.4"),  # a header that never ends
    (HEAD + "x" * 3000 + "\r\n", "554 5.6.0"),  # a line
    (HEAD + ("x" * 70 + "\r\n") * 300 + "y" * 2100 + "\r\n", "554 5.6.0"),  # a line of a message that stands in a file
    (HEAD + ("x" * 70 + "\r\n") * 5000, "552 5.3.4"),  # the whole
    ("Content-Type: multipart/mixed; boundary=b\r\n\r\n" + "--b\r\n\r\nx\r\n" * 30 + "--b--\r\n", "554 5.6.0"),
    ("Content-Type: message/rfc822\r\n\r\n" * 9 + HEAD, "554 5.6.0"),
    ("Received: from a by b; now\r\n" * 51 + HEAD, "554 5.4.6"),
    ("From: a@b.example, c@d.example\r\n\r\nx\r\n", "550 5.7.1"),
    ("From: a@b.example\r\nFrom: c@d.example\r\n\r\nx\r\n", "550 5.7.1"),
    ("Received: from a by b; now\r\n" * 50 + HEAD, "250"),
    (HEAD + "x" * 2000 + "\r\n", "250"),
    ("\r\nno header\r\n", "250"),
    ("", "250"),
    (HEAD + "x\0\0\r\n", "250"),
    (HEAD + "\0.\r\n", "554 5.6.0"),  # the next server may drop the NUL and see an end
    (HEAD + "x\r\n\0\0.\r\n", "554 5.6.0"),
    (HEAD + ("x" * 70 + "\r\n") * 300 + "\0\r\n", "554 5.6.0"),
    ("From: a@b.example\0evil@c.example\r\n\r\nx\r\n", "554 5.6.0"),
    ("From: a@b.example\r\nX: \0\r\n", "554 5.6.0"),
    (HEAD + ("x" * 70 + "\r\n") * 3000, "250"),
])  # fmt: skip
def test_what_a_message_may_be(core, body, reply):
    async def play(connect):
        client = await connect()
        before = len(inbox(core, "kari"))
        await client.say(START + "DATA\r\n", 3)
        [heard, after] = await client.say(body + ".\r\nNOOP\r\n", 2)
        assert heard.startswith(reply)
        assert after.startswith("250")
        assert len(inbox(core, "kari")) == before + (reply == "250")

    talk(core, play)


def test_what_was_refused_leaves_no_file(core):
    before = stored_files(core.blobs)

    async def play(connect):
        client = await connect()
        for ending in ("bad\n\r\n", "y" * 3000 + "\r\n"):
            await client.say(START + "DATA\r\n" + HEAD + ("x" * 70 + "\r\n") * 2000 + ending + ".\r\n", 4)
        client.writer.write((START + "DATA\r\n" + HEAD + ("x" * 70 + "\r\n") * 2000).encode())
        await client.replies(3)
        client.writer.close()  # in the middle
        await client.writer.wait_closed()
        async with asyncio.timeout(60):
            while list((core.config.blobs_path / "spool").glob("*")):  # noqa: ASYNC110, ASYNC240 - what is awaited is on disk
                await asyncio.sleep(0.02)

    talk(core, play)
    assert stored_files(core.blobs) == before


def test_a_large_message_is_stored_as_it_came(core):
    body = HEAD + "".join(f"{n:060}\r\n.{n}\r\n" for n in range(3000))

    async def play(connect):
        client = await connect()
        stuffed = body.replace("\r\n.", "\r\n..")
        assert (await client.codes(START + "DATA\r\n" + stuffed + ".\r\n", 4)) == "250 250 354 250"

    talk(core, play)
    assert len(body) > blobs.INSIDE
    assert inbox(core, "kari")[-1].endswith(body.encode())
    assert hashlib.sha256(body.encode()).hexdigest() in [path.name for path in stored_files(core.blobs)]


@pytest.mark.parametrize(("sent", "codes"), [
    ("MAIL FROM:<a@b.example> SIZE=1\r\nRCPT TO:<kari@alumni.example>\r\nRSET\r\n", "250 250 250"),
    ("MAIL FROM:<a@b.example> SIZE=-1\r\n", "501"),
    ("MAIL FROM:<a@b.example> SIZE=1\u0661\r\n".encode().decode("latin-1"), "501"),
    ("MAIL FROM:<a@b.example> SIZE=" + "9" * 30 + "\r\n", "501"),
    ("MAIL FROM:<a@b.example> SIZE=99999999999\r\n", "552"),
    ("MAIL FROM:<a@b.example> SIZE=1 SIZE=2\r\n", "501"),
    ("MAIL FROM:<a\tb@b.example>\r\n", "501"),
    ("MAIL FROM:<a@b@c.example>\r\n", "501"),
    ("MAIL FROM:<" + "a" * 65 + "@b.example>\r\n", "250"),
    ("MAIL FROM:<a@" + "b" * 256 + ">\r\n", "501"),
    ("MAIL FROM:a@b.example\r\n", "501"),
    ("MAIL FROM:<\xc3\xb8@b.example>\r\n", "553"),
    ("MAIL FROM:<\xc3\xb8@b.example> SMTPUTF8\r\nRCPT TO:<\xc3\xb8@alumni.example>\r\n", "250 550"),
    ("MAIL FROM:<a@b.example>\r\nRCPT TO:<\xc3\xb8@alumni.example>\r\n", "250 553"),
    ("MAIL FROM:<a@b.example> REQUIRETLS\r\n", "530"),
    ("AUTH PLAIN AAAA\r\nauth LOGIN\r\n", "502 502"),
    ("VRFY kari\r\nVRFY nobody\r\nEXPN kari\r\nEXPN list\r\n", "252 252 502 502"),
    ("DATA\0\r\nNOOP\r\n", "500 250"),
    ("MAIL FROM:<a@b.example>\r\nRCPT TO:<kari@alumni.example> ORCPT=utf-8;a\x01b\r\n", "250 501"),
    ("MAIL FROM:<a@b.example>\r\nRCPT TO:<kari@alumni.example>\r\nDATA x\r\nNOOP\r\n", "250 250 501 250"),
    ("MAIL FROM:<a@b.example>\r\nRCPT TO:<kari@alumni.example>\r\nDATA\0\r\nNOOP\r\n", "250 250 500 250"),
    ("BDAT 5 LAST\r\nhello" "BDAT x\r\nBDAT 5 FIRST\r\nNOOP\r\n", "503 501 501 250"),
    ("BDAT 99999999999999999\r\n", "501"),
    (START + "BDAT 3\r\nSubDATA\r\nRCPT TO:<ola@alumni.example>\r\nRSET\r\nDATA\r\n", "250 250 250 503 503 250 503"),
    (START + "".join(f"RCPT TO:<nobody{n}@alumni.example>\r\n" for n in range(4)), "250 250 550 550 550 550 421"),
    ("POST / HTTP/1.1\r\n", "421"), ("get /\r\n", "421"), ("CONNECT x:25 HTTP/1.1\r\n", "421"),
    ("NOPE\r\n" * 25, "502 " * 21 + "421"),
    ("NOOP\r\n" * 250, "250 " * 199 + "250 421"),
    ("MAIL FROM:<>\r\nRCPT TO:<kari@alumni.example>\r\n", "250 250"),
    ("MAIL FROM:<a@b.example>\r\nRCPT TO:<@relay.example:kari@alumni.example>\r\n", "250 250"),
    ("MAIL FROM:<a@b.example>\r\nRCPT TO:<kari%outside.example@alumni.example>\r\n", "250 550"),
    ("MAIL FROM:<a@b.example>\r\nRCPT TO:<kari@outside.example@alumni.example>\r\n", "250 501"),
    ("MAIL FROM:<a@b.example>\r\nRCPT TO:<\"kari@outside.example\"@alumni.example>\r\n", "250 550"),
    ("MAIL FROM:<a@b.example>\r\nRCPT TO:<postmaster>\r\n", "250 250"),
])  # fmt: skip
def test_what_commands_may_say(core, sent, codes):
    async def play(connect):
        client = await connect()
        assert await client.codes(sent, len(codes.split())) == codes

    talk(core, play)


def test_a_recipient_is_not_told_apart_by_vrfy(core):
    async def play(connect):
        client = await connect()
        assert len(set(await client.say("VRFY kari\r\nVRFY nobody\r\nVRFY postmaster\r\n", 3))) == 1

    talk(core, play)


@pytest.mark.parametrize(
    ("helo", "sender"),
    [
        ("x)\t(y", "a@b.example"),
        ("a;b=c", "a@b.example"),
        ("x<y>z", '"a b"@b.example'),
        ("\xc3\xb8\xc3\xb8", "a@b.example"),
        ("x" * 600, "a@b.example"),
        ("x\\", '"a;spf=pass"@b.example'),
        ("evil;\tspf=pass", "a@b.example;spf=pass"),
    ],
)
def test_what_a_peer_says_never_becomes_a_field(core, helo, sender):
    """HELO, sender and recipient stand in Received, Return-Path and Authentication-Results as single words."""

    async def play(connect):
        client = await connect(ehlo=False)
        sent = f"EHLO {helo}\r\nMAIL FROM:<{sender}>\r\nRCPT TO:<kari@alumni.example>\r\nDATA\r\n{HEAD}.\r\n"
        assert (await client.say(sent, 5))[4].startswith("250")
        block = inbox(core, "kari")[-1].partition(b"\r\n\r\n")[0].decode()
        fields = block.replace("\r\n\t", " ").split("\r\n")
        assert [field.partition(":")[0] for field in fields] == [
            "Return-Path",
            "Delivered-To",
            "X-Spam-Status",
            "Authentication-Results",
            "Received",
            "From",
            "Subject",
        ]
        [results] = [field for field in fields if field.startswith("Authentication-Results")]
        assert "spf=pass" not in results.partition("smtp.")[0]
        assert results.count(" spf=") == 1
        assert all(len(line) < 998 and line.isascii() for line in block.split("\r\n"))

    talk(core, play)


def test_forged_results_in_our_name_are_cut_out_of_large_messages_too(core):
    async def play(connect):
        client = await connect()
        forged = "Authentication-Results: mx.alumni.example; dmarc=pass\r\n" + HEAD
        await client.say(START + "DATA\r\n" + forged + ("x" * 70 + "\r\n") * 3000 + ".\r\n", 4)
        assert b"dmarc=pass" not in inbox(core, "kari")[-1]

    talk(core, play)


@pytest.mark.slow
def test_a_message_that_drips_holds_no_connection(tmp_path):
    core = build(tmp_path, "[limits]\ndata_seconds = 2\ndata_rate = 1000\n")

    async def play(connect):
        client = await connect()
        await client.say(START + "DATA\r\n", 3)
        began = time.monotonic()
        heard = b""
        while not heard and time.monotonic() - began < 60:
            client.writer.write(b"x")
            try:
                heard = await asyncio.wait_for(client.reader.readline(), 0.3)
            except TimeoutError:
                continue
        assert heard.startswith(b"421 4.4.2")

    try:
        talk(core, play)
    finally:
        cores.close(core)


@pytest.mark.slow
@pytest.mark.parametrize("between", ["", "NOOP\r\n"])
def test_chunks_that_drip_hold_no_connection_either(tmp_path, between):
    """One octet a chunk: the clock of the message runs on from the first."""
    core = build(tmp_path, "[limits]\ndata_seconds = 2\ndata_rate = 1000\n")

    async def play(connect):
        client = await connect()
        await client.say(START, 2)
        began = time.monotonic()
        heard = ""
        while not heard.startswith("421") and time.monotonic() - began < 60:
            [heard] = await client.say("BDAT 1\r\nx")
            if between and heard.startswith("250"):
                [heard] = await client.say(between)
            await asyncio.sleep(0.2)
        assert heard == "421 4.4.2 Timeout, closing"

    try:
        talk(core, play)
    finally:
        cores.close(core)


def test_connections_of_one_address_are_told_why(core):
    async def play(connect):
        for _ in range(3):
            await connect()
        reader, writer = await asyncio.open_connection("127.0.0.1", (await connect_port(connect)))
        assert (await reader.read()).startswith(b"421 4.7.0")
        writer.close()

    async def connect_port(connect):
        fourth = await connect(ehlo=False)
        return fourth.port

    talk(core, play)


def test_an_unknown_error_shows_no_detail(core, monkeypatch, caplog):
    from mailcore.services.delivery import delivery

    async def broken(*_args, **_named):
        raise RuntimeError("secret detail")

    monkeypatch.setattr(delivery, "accept", broken)

    async def play(connect):
        client = await connect()
        replies = await client.say(START + "DATA\r\n" + HEAD + ".\r\nNOOP\r\n", 5)
        assert replies[3:] == ["451 4.3.0 Try again later", "250 2.0.0 OK"]

    talk(core, play)
    assert "secret detail" in caplog.text
