"""The SMTP listeners over real sockets, byte for byte."""

import asyncio
import contextlib
import smtplib
import socket
import ssl

import pytest

from mailcore import core as cores
from mailcore.mail.judging import links
from mailcore.mail.reading import organisation
from mailcore.services.accounts import accounts
from mailcore.services.delivery import traces
from mailcore.services.filtering import judging
from mailcore.store.queue.items import list_items
from tests.smtp_talk import PASSWORD, SECRET, TRUSTING, WRONG, build, coded, inbox, talk

BODY = "From: ola@alumni.example\r\nSubject: hei\r\n\r\nhei\r\n.\r\n"


@pytest.fixture
def core(tmp_path):
    built = build(tmp_path, '[limits]\nrecipients = 5\nmessage_size = "10K"\nconnections_per_address = 3\n')
    yield built
    cores.close(built)


def test_a_whole_message_may_come_pipelined_with_its_commands(core):
    async def play(connect):
        client = await connect()
        before = len(inbox(core, "kari"))
        sent = "MAIL FROM:<a@b.example>\r\nRCPT TO:<nobody@alumni.example>\r\nRCPT TO:<kari@alumni.example>\r\nDATA\r\n"
        assert await client.codes(sent + BODY + "NOOP\r\nQUIT\r\n", 7) == "250 550 250 354 250 250 221"
        assert len(inbox(core, "kari")) == before + 1

    talk(core, play)


def test_what_judging_needs_is_read_before_the_first_message_comes_in(core):
    """The event loop would stand still for a tenth of a second and more."""
    tables = organisation.load_suffixes, links.load_confusables, judging.get_startup_model
    for table in tables:
        table.cache_clear()

    async def play(connect):
        await connect()
        assert [table.cache_info().currsize for table in tables] == [1, 1, 1]

    talk(core, play)


def test_who_is_named_twice_has_it_once(core):
    async def play(connect):
        client = await connect()
        before = len(inbox(core, "kari"))
        sent = "MAIL FROM:<a@b.example>\r\nRCPT TO:<kari@alumni.example>\r\nRCPT TO:<Kari@alumni.example>\r\nDATA\r\n"
        assert await client.codes(sent + BODY, 5) == "250 250 250 354 250"
        assert len(inbox(core, "kari")) == before + 1

    talk(core, play)


@pytest.mark.parametrize(("sent", "codes"), [
    ("RCPT TO:<kari@alumni.example>\r\n", "503"),
    ("DATA\r\n", "503"),
    ("MAIL FROM:<a@b.example>\r\nMAIL FROM:<a@b.example>\r\n", "250 503"),
    ("MAIL FROM:<a@b.example> SIZE=99999999\r\nNOOP\r\n", "552 250"),
    ("MAIL FROM:<a@b.example> SIZE=x\r\nMAIL FROM:<a@b.example> STRANGE=1\r\n", "501 555"),
    ("MAIL FROM:<a@b.example>\r\nRCPT TO:<x@outside.example>\r\nDATA\r\n", "250 550 503"),
    ("MAIL FROM:<>\r\nRCPT TO:<kari+list@alumni.example>\r\nRSET\r\nDATA\r\n", "250 250 250 503"),
    ("MAIL FROM:<a@b.example>\r\n" + "RCPT TO:<kari@alumni.example>\r\n" * 7, "250 250 250 250 250 250 452 452"),
    ("VRFY ola\r\nEXPN ola\r\nAUTH PLAIN\r\nNOPE\r\n", "252 502 502 502"),
    ("NOOP\nNOOP\r\n", "500 250"),
    ("NOOP\rRSET\r\nNOOP\r\n", "500 250"),
    ("MAIL FROM:<>\r\nRCPT TO:<kari@alumni.example>\r\nRCPT TO:<x@y>\nRCPT TO:<\xff>\r\nNOOP\r\n", "250 250 500 500 250"),
    ("NOOP " + "x" * 100_000 + "\r\n", "500"),
])  # fmt: skip
def test_replies(core, sent, codes):
    async def play(connect):
        client = await connect()
        assert await client.codes(sent, len(codes.split())) == codes

    talk(core, play)


@pytest.mark.parametrize(
    ("refused", "then", "reason"),
    [
        (
            "MAIL FROM:<a@b.example> SIZE=99999999",
            "RCPT TO:<kari@alumni.example>",
            "552 5.3.4 The message is too large",
        ),
        ("MAIL FROM:<a@b.example> SIZE=99999999", "DATA", "552 5.3.4 The message is too large"),
        ("MAIL FROM:<a@b.example> SIZE=99999999", "BDAT 0 LAST", "552 5.3.4 The message is too large"),
        ("MAIL FROM:a@b", "RCPT TO:<kari@alumni.example>", "501 "),
        (
            "MAIL FROM:<a@b.example>\r\nRCPT TO:<nobody@alumni.example>",
            "DATA",
            "550 5.1.1 Ukjent mottaker / No such address here",
        ),
        ("MAIL FROM:<a@b.example>\r\nRCPT TO:nobody", "BDAT 0 LAST", "501 "),
    ],
)
def test_503_repeats_why_the_command_before_was_refused(core, refused, then, reason):
    """Alpine shows only the last reply."""

    async def play(connect):
        client = await connect()
        refusal = (await client.say(refused + "\r\n", refused.count("\r\n") + 1))[-1]
        assert refusal.startswith(reason)
        heard = (await client.say(then + "\r\n"))[0]
        assert heard.startswith("503 5.5.1 ")
        assert heard.endswith(f"; the server said: {refusal}")
        for word in ("RSET", "EHLO me"):
            await client.say(word + "\r\n")
            assert await client.say("DATA\r\n") == ["503 5.5.1 Say MAIL first"]

    talk(core, play)


@pytest.mark.parametrize(
    ("body", "reply"),
    [
        ("x" * 20_000 + "\r\n.\r\n", "552 5.3.4"),
        ("one\n.\r\nMAIL FROM:<evil@b.example>\r\n\r\n.\r\n", "550 5.6.11"),
        ("one\r.\rMAIL FROM:<evil@b.example>\r\n\r\n.\r\n", "550 5.6.11"),
    ],
)
def test_a_refused_message_leaves_the_conversation_in_step(core, body, reply):
    async def play(connect):
        client = await connect()
        before = inbox(core, "kari")
        replies = await client.say(
            "MAIL FROM:<a@b.example>\r\nRCPT TO:<kari@alumni.example>\r\nDATA\r\n" + body + "NOOP\r\n", 5
        )
        assert replies[3].startswith(reply)
        assert replies[4].startswith("250")
        assert inbox(core, "kari") == before

    talk(core, play)


def test_a_peer_that_closes_its_half_still_hears_the_reply(core):
    async def play(connect):
        client = await connect()
        client.writer.write(b"MAIL FROM:<a@b.example>\r\nRCPT TO:<kari@alumni.example>\r\nDATA\r\n" + BODY.encode())
        client.writer.write_eof()
        assert [line[:3] for line in await client.replies(4)] == ["250", "250", "354", "250"]

    talk(core, play)


def test_an_unfinished_message_is_not_delivered(core):
    async def play(connect):
        client = await connect()
        before = inbox(core, "kari")
        await client.say("MAIL FROM:<a@b.example>\r\nRCPT TO:<kari@alumni.example>\r\nDATA\r\nSubject: half\r\n", 3)
        client.writer.write_eof()
        assert await client.reader.read() == b""
        assert inbox(core, "kari") == before

    talk(core, play)


def test_one_address_has_so_many_connections(core):
    async def play(connect):
        for _ in range(3):
            await connect()
        fourth = await connect(ehlo=False)
        assert await fourth.reader.read() == b""

    talk(core, play)


def test_what_is_pipelined_before_tls_is_dropped(core):
    def converse(port: int) -> list[str]:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as plain:
            plain.recv(999)
            plain.sendall(b"EHLO before\r\nMAIL FROM:<evil@b.example>\r\nSTARTTLS\r\nRCPT TO:<kari@alumni.example>\r\n")
            heard = b""
            while b"220 2.0.0" not in heard:
                heard += plain.recv(999)
            assert heard.endswith(b"220 2.0.0 Go ahead\r\n")
            with TRUSTING.wrap_socket(plain) as safe, safe.makefile("rb") as lines:
                safe.sendall(
                    b"DATA\r\nMAIL FROM:<a@b.c>\r\nEHLO again\r\nSTARTTLS\r\nRCPT TO:<kari@alumni.example>\r\nQUIT\r\n"
                )
                return [line[:3].decode() for line in lines if line[3:4] == b" "]

    async def play(connect):
        heard = await asyncio.to_thread(converse, (await connect()).port)
        assert heard == ["503", "503", "250", "502", "503", "221"]

    talk(core, play)


def test_what_comes_together_with_the_end_of_the_handshake_counts(core):
    """TLS 1.3: the client speaks last, and its first command may be in the same segment."""

    def converse(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=60) as plain:
            plain.recv(999)
            plain.sendall(b"STARTTLS\r\n")
            plain.recv(999)
            came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
            safe = TRUSTING.wrap_bio(came, goes)
            with contextlib.suppress(ssl.SSLWantReadError):
                safe.do_handshake()
            plain.sendall(goes.read())
            done = False
            while not done:
                came.write(plain.recv(65536))
                with contextlib.suppress(ssl.SSLWantReadError):
                    safe.do_handshake()
                    done = True
            safe.write(b"EHLO x\r\n")
            plain.sendall(goes.read())
            while True:
                came.write(plain.recv(65536))
                with contextlib.suppress(ssl.SSLWantReadError):
                    return safe.read(999)

    async def play(connect):
        assert (await asyncio.to_thread(converse, (await connect()).port)).startswith(b"250-")

    talk(core, play)


def test_a_broken_handshake_ends_quietly(core, caplog):
    async def play(connect):
        client = await connect()
        await client.say("STARTTLS\r\n")
        client.writer.write(b"this is no handshake\r\n" * 10)
        await client.reader.read()
        assert await (await connect()).codes("NOOP\r\n", 1) == "250"

    talk(core, play)
    assert "a command failed" not in caplog.text


def test_submission_asks_for_tls_and_a_password_first(core):
    async def play(connect):
        client = await connect()
        replies = await client.say(f"MAIL FROM:<ola@alumni.example>\r\nAUTH PLAIN {SECRET}\r\n", 2)
        assert [line[:9] for line in replies] == ["530 5.7.0", "530 5.7.0"]

    talk(core, play, "submission")


@pytest.mark.parametrize(("sent", "codes"), [
    (f"AUTH PLAIN {SECRET}\r\n", "235"),
    (f"AUTH PLAIN\r\n{SECRET}\r\n", "334 235"),
    (f"AUTH LOGIN\r\n{coded('ola')}\r\n{coded(PASSWORD)}\r\n", "334 334 235"),
    ("AUTH PLAIN\r\n*\r\nAUTH PLAIN !!\r\nAUTH CRAM-MD5\r\n", "334 501 501 504"),
    (f"AUTH PLAIN {WRONG}\r\nMAIL FROM:<ola@alumni.example>\r\n", "535 530"),
    (f"AUTH PLAIN {SECRET}\r\nMAIL FROM:<kari@alumni.example>\r\nMAIL FROM:<Ola+x@alumni.example>\r\n", "235 550 250"),
    (f"AUTH PLAIN {SECRET}\r\nAUTH PLAIN {SECRET}\r\n", "235 503"),
    ("AUTH PLAIN\r\n" + "x" * 100_000 + "\r\n", "334 500"),
])  # fmt: skip
def test_log_in(core, sent, codes):
    async def play(connect):
        client = await connect()
        assert await client.codes(sent, len(codes.split())) == codes

    talk(core, play, "submissions")


def test_a_submitted_message_is_delivered_and_queued(core):
    async def play(connect):
        client = await connect()
        before = len(inbox(core, "kari"))

        def send() -> None:
            with smtplib.SMTP_SSL("127.0.0.1", client.port, context=TRUSTING) as other:
                other.login("ola", PASSWORD)
                other.sendmail(
                    "ola@alumni.example", ["kari@alumni.example", "x@outside.example"], BODY.removesuffix(".\r\n")
                )

        await asyncio.to_thread(send)
        assert len(inbox(core, "kari")) == before + 1
        queued = core.db.read(lambda tx: list_items(tx))
        assert [item.recipient for item in queued if item.origin == "submission"] == ["x@outside.example"]

    talk(core, play, "submissions")


@pytest.mark.parametrize(
    ("message", "reply"),
    [
        ("Subject: x\r\n\r\n" + "y" * 70 + "\r\n" + ("z" * 70 + "\r\n") * 200 + ".\r\n", "552 5.3.4"),
        ("Subject: x\r\n\r\nbare\nlines\r\n.\r\n", "550 5.6.11"),
        ("Received: by a\r\n" * 110 + "\r\nx\r\n.\r\n", "554 5.4.6"),
    ],
)
def test_n14_what_is_refused_while_it_is_read_stands_in_the_trace(core, message, reply):
    async def play(connect):
        client = await connect()
        sent = "MAIL FROM:<a@b.example>\r\nRCPT TO:<kari@alumni.example>\r\nDATA\r\n"
        assert await client.codes(sent + message, 4) == f"250 250 354 {reply[:3]}"

    talk(core, play)
    kari = accounts.find_account(core, "kari")
    [found] = traces.search(core, kari.id, "a@b.example")
    assert (found.outcome, found.detail.startswith(reply)) == ("refused", True)
