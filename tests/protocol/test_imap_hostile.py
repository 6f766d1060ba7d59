"""Bad input over real sockets: each is answered with BAD, NO or BYE, and the server goes on serving others."""

import asyncio
import contextlib
import socket
import ssl
import zlib

import pytest

from mailcore import core as cores
from mailcore.config_file import parse_config
from mailcore.imap import large_reads
from mailcore.imap.commands import catenate
from mailcore.imap.session import MAX_BAD, Session
from mailcore.mail.reading import text
from mailcore.net.transport import HIGH_WATER, KEEP_ALIVE_SECONDS, READ_AHEAD, Connection
from mailcore.services.accounts import accounts
from mailcore.wire.framing import CommandLine
from tests.protocol.test_imap_server import Client, core, put, run

__all__ = ["core"]  # the fixture

LARGE = (b"x" * 70 + b"\r\n") * (24 * 2**20 // 72)  # more than the kernel holds for a connection
LOGIN = b'LOGIN ola "en lang hemmelighet"'


async def logged_in(port: int) -> Client:
    client = await Client.connect(port, tls=True)
    await client.command(LOGIN)
    await client.command(b"SELECT INBOX")
    return client


async def rest(client: Client) -> bytes:
    """All that comes until the server closes."""
    heard = bytearray()
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while octets := await asyncio.wait_for(client.reader.read(65536), 60):
            heard += octets
    return bytes(heard)


DEEP = b"(" * 10_000
ODD = [
    b"SEARCH " + DEEP,
    b"FETCH 1 " + DEEP,
    b'LIST "" ' + DEEP,
    b"SEARCH " + b"NOT " * 10_000 + b"ALL",
    b"SEARCH " + b"OR ALL " * 5000,
    b"UID FETCH 1:4294967295 " + b"BODY.PEEK[] " * 4000,
    b"FETCH 1 (" + b" ".join([b"FLAGS"] * 600) + b")",
    b"STORE 1 FLAGS (" + b"a " * 20_000,
    b"FETCH 4294967295:1 FLAGS",
    b"STORE 1:4294967295 FLAGS ()",
    b"COPY 2:4294967295 INBOX",
    b"FETCH 0 FLAGS",
    b"FETCH 99999999999 FLAGS",
    b"FETCH " + b"1," * 20_000 + b" FLAGS",
    b'LIST "" ' + b"a*" * 2000,
    b'LIST "" "' + b"%/" * 10_000,
    b"SELECT " + b"a" * 60_000,
    b'CREATE "' + b"a/" * 100 + b'"',
    b"LOGIN",
    b"\x00\x01\x02",
    b"AUTHENTICATE",
    b"APPEND",
    b"ID (" + b'"a" ' * 10_000,
    b"ENABLE " + b"X " * 20_000,
    b"UID",
    b"UID UID FETCH 1 FLAGS",
    b"NOTIFY SET " + b"(personal (MessageNew MessageExpunge)) " * 500,
    b"ESEARCH IN (" + b"mailboxes x " * 500,
    b"SETMETADATA INBOX (" + b"/private/x NIL " * 2000,
    b"THREAD REFERENCES UTF-8 " + DEEP,
    b"SORT (" + b"DATE " * 9000,
    b"SEARCH KEYWORD " + b"]" * 60_000,
    b"FETCH 1 BODY[" + b"1." * 9000 + b"1]",
    b"FETCH 1 BODY[HEADER.FIELDS (" + b"a " * 20_000 + b")]",
    b"RENAME INBOX INBOX/a/../b",
    b'SELECT "a\x00b"',
    b"UID SEARCH RETURN (PARTIAL 1:4294967295) ALL",
    b"GETQUOTA " + b'"' * 1000,
    b"REPLACE 1:* INBOX {1+}\r\nx",
    b"COMPRESS NONE",
    b"IDLE NOW",
]


def test_an_odd_command_has_one_answer(core):
    async def play(imaps, _):
        for odd in ODD:
            client = await logged_in(imaps)
            heard = await client.command(odd)
            assert heard[-1].split()[1] in (b"OK", b"NO", b"BAD"), odd[:40]
            assert b"SERVERBUG" not in heard[-1], odd[:40]
            assert (await client.command(b"NOOP"))[-1] == b"t OK Done\r\n", odd[:40]
            client.writer.close()

    run(core, play)


def test_many_wildcards_over_many_mailboxes_are_matched_in_one_pass(core):
    ola = accounts.find_account(core, "ola").id

    def work(tx):
        for number in range(500):
            core.mail.create(tx, ola, f"{'ab' * 100}{number}")

    core.db.write(work)

    async def play(imaps, _):
        client = await logged_in(imaps)
        for pattern in (b"*%*%*%*%*%*%*%*", b"a*" * 400 + b"c", b"*a" * 100 + b"*"):
            assert (await client.command(b'LIST "" ' + pattern))[-1] == b"t OK Done\r\n"

    run(core, play)


@pytest.mark.parametrize("line", [b"a" * 70_000, b"t NOOP " + b"x" * 200_000, b"t FETCH " + b"1," * 50_000])
def test_an_endless_line_ends_the_conversation(core, line):
    async def play(imaps, _):
        client = await logged_in(imaps)
        client.writer.write(line)
        assert await rest(client) == b"* BYE The line is too long\r\n"

    run(core, play)


@pytest.mark.parametrize("size", [b"9999999999", b"99999999999999999999"])
def test_a_literal_of_gigabytes_is_refused_before_it_comes(core, size):
    async def play(imaps, _):
        client = await logged_in(imaps)
        assert await client.command(b"APPEND INBOX {" + size + b"}") == [b"t NO [TOOBIG] The literal is too large\r\n"]
        client.writer.write(b"t APPEND INBOX {" + size + b"+}\r\n" + b"x" * 1000)
        assert await rest(client) == b"* BYE [TOOBIG] The literal is too large\r\n"

    run(core, play)


def test_strangers_cannot_flood_with_literals(core):
    async def play(imaps, _):
        client = await Client.connect(imaps, tls=True)
        for _ in range(MAX_BAD):
            client.writer.write(b"t LOGIN {100000}\r\n")
        heard = await rest(client)
        assert heard.count(b"TOOBIG") == MAX_BAD
        assert heard.endswith(b"* BYE Too many mistakes\r\n")
        other = await Client.connect(imaps, tls=True)
        other.writer.write(b"t LOGIN {4096+}\r\n" + b"x" * 4096 + b" {4096+}\r\n" + b"x" * 4096 + b"\r\n")
        assert b"TOOBIG" in await other.line()

    run(core, play)


def test_what_is_no_imap_at_all_ends(core):
    async def play(imaps, _):
        client = await Client.connect(imaps, tls=True)
        client.writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 20)
        assert (await rest(client)).endswith(b"* BYE Too many mistakes\r\n")

    run(core, play)


def test_guesses_of_passwords_end(core):
    async def play(imaps, _):
        client = await Client.connect(imaps, tls=True)
        client.writer.write(b"t LOGIN ola wrong\r\n" * 10)
        heard = await rest(client)
        assert heard.count(b"AUTHENTICATIONFAILED") <= 5
        assert heard.endswith(b"* BYE Too many mistakes\r\n")

    run(core, play)


def test_pipelined_commands_are_answered_in_their_order(core):
    put(core, 3)

    async def play(imaps, _):
        client = await logged_in(imaps)
        client.writer.write(
            b"a1 STORE 1 +FLAGS (\\Deleted)\r\na2 FETCH 1:2 UID\r\na3 EXPUNGE\r\n"
            b"a4 FETCH 1 UID\r\na5 APPEND INBOX {2+}\r\nx\n\r\n"
            b"a6 SEARCH ALL\r\na7 UNSELECT\r\na8 FETCH 1 UID\r\na9 LOGOUT\r\nb1 NOOP\r\n"
        )
        heard = await rest(client)
        tags = [line.split()[0] for line in heard.split(b"\r\n") if line[:1] in (b"a", b"b")]
        assert tags == [b"a1", b"a2", b"a3", b"a4", b"a5", b"a6", b"a7", b"a8", b"a9"]
        assert b"* 1 EXPUNGE\r\na3 OK" in heard
        assert b"* 1 FETCH (UID 2)\r\na4 OK" in heard
        assert b"a8 BAD" in heard

    run(core, play)


def test_more_than_may_wait_is_not_read(core, monkeypatch):
    """A client that sends without end and reads nothing is not read either: memory stays bounded."""
    put(core, 500)
    made: list[Connection] = []
    monkeypatch.setattr(Connection, "connection_made", _noting(made, Connection.connection_made))

    async def play(imaps, _):
        client = await logged_in(imaps)
        client.writer.write(b"t FETCH 1:* (ENVELOPE BODYSTRUCTURE)\r\n" * 200_000)
        connection = made[-1]
        for _ in range(1200):
            if connection._paused and connection._writable is not None:
                break
            await asyncio.sleep(0.05)
        assert connection._paused
        held = connection._framer.buffered
        assert READ_AHEAD < held < 3 * READ_AHEAD
        await asyncio.sleep(0.2)
        assert connection._framer.buffered <= held
        assert connection._transport.get_write_buffer_size() < 8 * HIGH_WATER
        client.writer.transport.abort()
        other = await logged_in(imaps)
        assert (await other.command(b"NOOP"))[-1] == b"t OK Done\r\n"

    run(core, play)


def _noting(made, original):
    def connection_made(self, transport):
        made.append(self)
        original(self, transport)

    return connection_made


def test_an_account_has_so_many_connections_and_others_are_not_touched(tmp_path):
    built = cores.build(
        parse_config(
            f'data = "{tmp_path}"\n[listen]\nimaps = "127.0.0.1:0"\n[outbound]\nmode = "capture"\n'
            "[limits]\nconnections_per_account = 2\n"
        )
    )
    for name in ("ola", "kari"):
        accounts.add_account(built, name, quota=2**30, password="en lang hemmelighet")

    async def play(imaps):
        first, second, third = [await Client.connect(imaps, tls=True) for _ in range(3)]
        for client in (first, second):
            assert (await client.command(LOGIN))[-1].startswith(b"t OK")
        assert (await third.command(LOGIN))[-1].startswith(b"t NO [LIMIT]")
        assert (await third.command(LOGIN.replace(b"ola", b"kari")))[-1].startswith(b"t OK")
        await first.command(b"LOGOUT")
        await rest(first)
        fourth = await Client.connect(imaps, tls=True)
        assert (await fourth.command(LOGIN))[-1].startswith(b"t OK")

    run(built, play)
    cores.close(built)


def test_one_command_does_not_repeat_a_message_hundreds_of_times(core):
    ola = accounts.find_account(core, "ola").id

    def work(tx):
        box = core.mail.mailbox(tx, ola, "INBOX")
        core.mail.append(
            tx, ola, box.id, core.blobs.prepare(b"Subject: x\r\n\r\n" + b"x" * 2**20), frozenset(), core.clock.now()
        )

    core.db.write(work)

    async def play(imaps, _):
        client = await logged_in(imaps)
        parts = b" ".join(b"BODY.PEEK[]<%d.99999999>" % n for n in range(300))
        assert await client.command(b"FETCH 2 (" + parts + b")") == [
            b"t NO [LIMIT] That is too much of one message at once\r\n"
        ]
        assert len(await client.command(b"FETCH 2 (BODY.PEEK[] BODY.PEEK[TEXT] RFC822.HEADER)")) > 2

    run(core, play)


def test_an_account_that_reads_slowly_makes_only_its_own_connections_wait(core, monkeypatch):
    monkeypatch.setattr(large_reads, "AT_ONCE", 2)
    kari = accounts.add_account(core, "kari", quota=2**30, password="en lang hemmelighet")
    octets = b"Subject: x\r\n\r\n" + LARGE
    for owner in (accounts.find_account(core, "ola"), kari):

        def work(tx, owner=owner):
            box = core.mail.mailbox(tx, owner.id, "INBOX")
            core.mail.append(tx, owner.id, box.id, core.blobs.prepare(octets), frozenset(), core.clock.now())

        core.db.write(work)

    async def play(imaps, _):
        first, second, third = [await logged_in(imaps) for _ in range(3)]
        other = await Client.connect(imaps, tls=True)
        await other.command(LOGIN.replace(b"ola", b"kari"))
        await other.command(b"SELECT INBOX")
        for client in (first, second):
            client.writer.write(b"t UID FETCH * BODY.PEEK[]\r\n")
            assert b"FETCH" in await client.line()  # and reads no more
        waiting = b"t UID FETCH * BODY.PEEK[]\r\n"
        third.writer.write(waiting)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(third.reader.readexactly(1), 0.5)
        assert len(b"".join(await other.command(b"UID FETCH * BODY.PEEK[]"))) > len(LARGE)
        assert (await other.command(b"NOOP"))[-1].startswith(b"t OK")
        first.writer.transport.abort()
        assert b"FETCH" in await third.line()
        for client in (second, third):
            client.writer.transport.abort()

    run(core, play)


def test_the_message_of_hundreds_of_urls_and_items_is_read_once(core, monkeypatch):
    """CATENATE read and parsed a large message for each of 200 URLs, and BINARY decoded a part for each item (CWE-400)."""
    ola, read, decoded = accounts.find_account(core, "ola").id, [], []
    octets, decode = core.mail.octets, text.transfer_decoded
    letter = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\naGVp\r\n--b--\r\n"

    def work(tx):
        box = core.mail.mailbox(tx, ola, "INBOX")
        for _ in range(2):
            core.mail.append(tx, ola, box.id, core.blobs.prepare(letter), frozenset(), core.clock.now())

    core.db.write(work)

    def read_octets(tx, box, uid):
        read.append(uid)
        return octets(tx, box, uid)

    def decode_part(*given):
        decoded.append(given)
        return decode(*given)

    monkeypatch.setattr(core.mail, "octets", read_octets)
    monkeypatch.setattr(text, "transfer_decoded", decode_part)

    async def play(imaps, _):
        client = await logged_in(imaps)
        urls = [b'URL "/INBOX/;UID=%d/;SECTION=1/;PARTIAL=0.1"' % uid for uid in (2, 3)]
        assert (await client.command(b"APPEND INBOX CATENATE (" + b" ".join(urls[:1] * 200) + b")"))[-1].startswith(
            b"t OK"
        )
        assert read == [2]
        items = b" ".join(b"BINARY.PEEK[1]<%d.1>" % at for at in range(300))
        assert (await client.command(b"FETCH 2 (" + items + b")"))[-1].startswith(b"t OK")
        assert len(decoded) == 1
        monkeypatch.setattr(catenate, "MOST_READ", 150 * len(letter) / core.config.message_octets)
        answer = await client.command(b"APPEND INBOX CATENATE (" + b" ".join(urls * 100) + b")")
        assert answer[-1].startswith(b"t NO [TOOBIG]")

    run(core, play)


def test_a_client_that_sends_thousands_of_commands_ahead_lets_others_have_their_turn(core, monkeypatch):
    """A kilobyte of DEFLATE that is a hundred thousand NOOPs made everybody wait for two seconds (CWE-409)."""
    accounts.add_account(core, "kari", quota=2**30, password="en lang hemmelighet")
    monkeypatch.setattr("mailcore.net.transport.TURN_SECONDS", 0)
    execute, many, answered = Session.execute, 20_000, 0

    async def counted(session: Session, line: CommandLine) -> None:
        nonlocal answered
        await execute(session, line)
        answered += line.parts[0].startswith(b"many")

    async def play(imaps, _):
        other = await Client.connect(imaps, tls=True)
        await other.command(LOGIN.replace(b"ola", b"kari"))
        client = await logged_in(imaps)
        await client.command(b"COMPRESS DEFLATE")
        monkeypatch.setattr(Session, "execute", counted)
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        client.writer.write(packer.compress(b"many NOOP\r\n" * many) + packer.flush(zlib.Z_SYNC_FLUSH))
        await client.reader.readexactly(1)
        await other.command(b"NOOP")
        assert answered < many // 2
        client.writer.transport.abort()

    run(core, play)


def test_a_client_that_never_takes_what_it_asked_for_is_let_go(core, monkeypatch):
    monkeypatch.setattr("mailcore.net.transport.CHECK_SECONDS", 0.05)
    ola, opened = accounts.find_account(core, "ola").id, []

    def work(tx):
        box = core.mail.mailbox(tx, ola, "INBOX")
        octets = b"Subject: x\r\n\r\n" + LARGE
        core.mail.append(tx, ola, box.id, core.blobs.prepare(octets), frozenset(), core.clock.now())

    core.db.write(work)

    async def play(imaps, _):
        client = await logged_in(imaps)
        client.writer.write(b"t UID FETCH * BODY.PEEK[]\r\n")
        assert b"FETCH" in await client.line()
        assert sum(len(one.connections) for one in opened) == 1
        monkeypatch.setattr("mailcore.net.transport.SLOW_SECONDS", 0.3)
        for _ in range(1200):
            await asyncio.sleep(0.05)
            if not any(one.connections for one in opened):
                break
        assert not any(one.connections for one in opened)
        client.writer.transport.abort()

    run(core, play, opened)


@pytest.mark.parametrize(("limit", "said"), [("STRANGER_SECONDS", b""), ("IDLE_SECONDS", b"* BYE Too quiet\r\n")])
def test_a_silent_client_is_let_go(core, monkeypatch, limit, said):
    monkeypatch.setattr("mailcore.net.transport.CHECK_SECONDS", 0.05)

    async def play(imaps, _):
        client = await Client.connect(imaps, tls=True)
        if limit == "IDLE_SECONDS":
            await client.command(LOGIN)
            client.writer.write(b"t IDLE\r\n")
            assert (await client.line()).startswith(b"+")
        # not before: to connect takes its time
        monkeypatch.setattr(f"mailcore.net.transport.{limit}", 0.3)
        assert await rest(client) == said

    run(core, play)


def test_a_stranger_who_talks_and_talks_is_let_go_too(core, monkeypatch):
    monkeypatch.setattr("mailcore.net.transport.CHECK_SECONDS", 0.05)

    async def play(imaps, _):
        client = await Client.connect(imaps, tls=True)
        monkeypatch.setattr("mailcore.net.transport.LOGIN_SECONDS", 0.5)
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                client.writer.write(b"t NOOP\r\n")
                if not (await client.line()).startswith(b"t OK"):
                    return
                await asyncio.sleep(0.02)
            raise AssertionError("it may go on for ever")

    run(core, play)


def test_connections_are_kept_alive_through_routers(core, monkeypatch):
    made: list[Connection] = []
    monkeypatch.setattr(Connection, "connection_made", _noting(made, Connection.connection_made))

    async def play(imaps, imap):
        for port, tls in ((imaps, True), (imap, False)):
            await Client.connect(port, tls=tls)
            theirs = made[-1]._transport.get_extra_info("socket")
            assert theirs.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert theirs.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == KEEP_ALIVE_SECONDS

    run(core, play)
