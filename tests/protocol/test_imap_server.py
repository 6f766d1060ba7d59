"""IMAP over real sockets: TLS, waking from IDLE, large mailboxes."""

import asyncio
import contextlib
import ssl
import tracemalloc
import zlib
from typing import ClassVar

import pytest

from mailcore import core as cores
from mailcore.cli import connection_guard
from mailcore.config_file import parse_config
from mailcore.core import Core
from mailcore.domain import Scope
from mailcore.imap import server
from mailcore.net.transport import Listener
from mailcore.services import certificates
from mailcore.services.accounts import accounts
from mailcore.services.credentials import app_passwords, credentials


@pytest.fixture
def core(tmp_path):
    text = f'data = "{tmp_path}"\n[listen]\nimaps = "127.0.0.1:0"\nimap = "127.0.0.1:0"\n[outbound]\nmode = "capture"\n'
    built = cores.build(parse_config(text))
    accounts.add_account(built, "ola", display_name="Ola", quota=2**30, password="en lang hemmelighet")
    built.db.write(claim)
    yield built
    cores.close(built)


def claim(tx) -> None:
    """Nothing is \\Recent."""
    tx.run("UPDATE mailbox SET recent=uidnext")


def put(core, count: int, *, recent: bool = False) -> None:
    ola = accounts.find_account(core, "ola")
    prepared = core.blobs.prepare(b"Subject: x\r\n\r\nhei\r\n")

    def work(tx):
        box = core.mail.mailbox(tx, ola.id, "INBOX")
        for _ in range(count):
            core.mail.append(tx, ola.id, box.id, prepared, frozenset(), core.clock.now())
        if not recent:
            claim(tx)

    core.db.write(work)


class Client:
    connected: ClassVar[list["Client"]] = []

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def connect(cls, port: int, *, tls: bool):
        trust = ssl._create_unverified_context() if tls else None
        client = cls(*await asyncio.open_connection("127.0.0.1", port, ssl=trust, limit=2**22))
        Client.connected.append(client)
        await client.line()
        return client

    @classmethod
    async def close_all(cls) -> None:
        for client in cls.connected:
            client.writer.close()
            with contextlib.suppress(OSError):
                await client.writer.wait_closed()
        cls.connected.clear()

    async def line(self) -> bytes:
        return await asyncio.wait_for(self.reader.readline(), 60)

    async def command(self, text: bytes) -> list[bytes]:
        self.writer.write(b"t " + text + b"\r\n")
        heard = []
        while not heard or not heard[-1].startswith(b"t "):
            heard.append(await self.line())
            assert heard[-1]
        return heard


def run(core: Core, play, opened: list[Listener] | None = None) -> None:
    async def main() -> None:
        certificates.ensure_certificate(core.config, core.clock)
        core.start_feed()
        servers = await server.start(core, certificates.tls_context(core.config))
        if opened is not None:
            opened.extend(servers)
        try:
            await play(*(each.sockets[0].getsockname()[1] for each in servers))
        finally:
            await Client.close_all()
            for each in servers:
                each.close()
            core.feed.stop()

    asyncio.run(main())


def test_fetch_of_a_large_mailbox_over_tls(core):
    put(core, 5000)

    async def play(imaps, _):
        client = await Client.connect(imaps, tls=True)
        await client.command(b'LOGIN ola "en lang hemmelighet"')
        assert b"* 5001 EXISTS\r\n" in await client.command(b"SELECT INBOX")
        heard = await client.command(b"FETCH 1:* (UID FLAGS ENVELOPE BODYSTRUCTURE)")
        assert len(heard) == 5002
        assert heard[-1].startswith(b"t OK")
        assert b"* 5001 FETCH (UID 5001 FLAGS () ENVELOPE" in heard[-2]

    run(core, play)


@pytest.mark.sqlite  # a hundred thousand appends in one transaction
def test_s17a_twelve_programs_of_one_person_without_sni_read_a_mailbox_of_a_hundred_thousand(core):
    put(core, 99_999)  # one stands there already

    async def play(imaps, _):
        trust = ssl._create_unverified_context()
        clients = []
        for _number in range(12):  # an address sends no name of a server in TLS (RFC 6066 section 3)
            reader, writer = await asyncio.open_connection(
                "127.0.0.1", imaps, ssl=trust, server_hostname="", limit=2**22
            )
            clients.append(Client(reader, writer))
            Client.connected.append(clients[-1])
            assert (await clients[-1].line()).startswith(b"* OK")
            assert (await clients[-1].command(b'LOGIN ola@alumni.example "en lang hemmelighet"'))[-1].startswith(
                b"t OK"
            )
        for client in clients:
            assert b"* 100000 EXISTS\r\n" in await client.command(b"SELECT INBOX")
        heard = await clients[0].command(b"UID FETCH 99990:* (FLAGS)")
        assert heard[-2].startswith(b"* 100000 FETCH (UID 100000 ")
        heard = await clients[1].command(b"UID SEARCH RETURN (COUNT) SUBJECT x")
        assert b"COUNT 99999" in heard[0]
        for client in clients:
            assert (await client.command(b"NOOP"))[-1].startswith(b"t OK")

    run(core, play)


def test_idle_tells_new_mail_and_what_others_removed(core):
    async def play(imaps, _):
        watcher, other = await Client.connect(imaps, tls=True), await Client.connect(imaps, tls=True)
        for client in (watcher, other):
            await client.command(b'LOGIN ola "en lang hemmelighet"')
            await client.command(b"SELECT INBOX")
        watcher.writer.write(b"i IDLE\r\n")
        assert await watcher.line() == b"+ idling\r\n"
        await asyncio.to_thread(put, core, 1)
        assert await watcher.line() == b"* 2 EXISTS\r\n"
        await other.command(b"STORE 1 +FLAGS (\\Deleted)")
        assert await watcher.line() == b"* 1 FETCH (FLAGS (\\Deleted))\r\n"
        await other.command(b"EXPUNGE")
        assert await watcher.line() == b"* 1 EXPUNGE\r\n"
        watcher.writer.write(b"DONE\r\n")
        assert (await watcher.line()).startswith(b"i OK")

    run(core, play)


def test_fetch_by_number_holds_back_expunges(core):
    put(core, 2)

    async def play(imaps, _):
        one, two = await Client.connect(imaps, tls=True), await Client.connect(imaps, tls=True)
        for client in (one, two):
            await client.command(b'LOGIN ola "en lang hemmelighet"')
            await client.command(b"SELECT INBOX")
        await two.command(b"STORE 1 +FLAGS (\\Deleted)")
        await two.command(b"EXPUNGE")
        await asyncio.sleep(0.05)
        assert not any(b"EXPUNGE" in line for line in await one.command(b"FETCH 1:* UID"))
        assert b"* 1 EXPUNGE\r\n" in await one.command(b"NOOP")

    run(core, play)


def test_starttls_and_what_is_slipped_in_before_it(core):
    async def play(_, imap):
        client = await Client.connect(imap, tls=False)
        client.writer.write(b"a STARTTLS\r\nb NOOP\r\n")
        assert (await client.line()).startswith(b"a OK")
        await client.writer.start_tls(ssl._create_unverified_context())
        assert (await client.command(b'LOGIN ola "en lang hemmelighet"'))[-1].startswith(b"t OK")

    run(core, play)


def test_a_client_in_idle_hears_why_the_server_ends_the_conversation(core):
    async def main() -> None:
        certificates.ensure_certificate(core.config, core.clock)
        core.start_feed()
        servers = await server.start(core, certificates.tls_context(core.config))
        client = await Client.connect(servers[0].sockets[0].getsockname()[1], tls=True)
        await client.command(b'LOGIN ola "en lang hemmelighet"')
        await client.command(b"SELECT INBOX")
        client.writer.write(b"t IDLE\r\n")
        assert (await client.line()).startswith(b"+")
        for each in servers:
            each.close()
        assert await client.line() == b"* BYE The server is stopping\r\n"
        assert await client.line() == b""
        await Client.close_all()
        core.feed.stop()

    asyncio.run(main())


def test_sort_and_thread(core):
    ola = accounts.find_account(core, "ola")
    wanted = [
        (b"Subject: b\r\nFrom: zoe@x\r\nMessage-ID: <1>\r\nDate: Tue, 24 Nov 2026 12:00:00 +0000\r\n", b"long body"),
        (
            b"Subject: Re: b\r\nFrom: ann@x\r\nMessage-ID: <2>\r\nReferences: <1>\r\n"
            b"Date: Tue, 24 Nov 2026 11:00:00 +0000\r\n",
            b"x",
        ),
        (b"Subject: a\r\nFrom: ben@x\r\nMessage-ID: <3>\r\nDate: Mon, 23 Nov 2026 11:00:00 +0000\r\n", b"xx"),
    ]

    def work(tx):
        core.mail.create(tx, ola.id, "Sorted")
        box = core.mail.mailbox(tx, ola.id, "Sorted")
        for head, body in wanted:
            prepared = core.blobs.prepare(head + b"\r\n" + body)
            core.mail.append(tx, ola.id, box.id, prepared, frozenset(), core.clock.now())

    core.db.write(work)

    async def play(imaps, _):
        client = await Client.connect(imaps, tls=True)
        await client.command(b'LOGIN ola "en lang hemmelighet"')
        await client.command(b"SELECT Sorted")
        for keys, order in [
            (b"DATE", b"3 2 1"),
            (b"REVERSE DATE", b"1 2 3"),
            (b"SUBJECT DATE", b"3 2 1"),
            (b"FROM", b"2 3 1"),
            (b"SUBJECT REVERSE DATE", b"3 1 2"),
            (b"SIZE", b"3 1 2"),
        ]:
            assert (await client.command(b"SORT (" + keys + b") UTF-8 ALL"))[0] == b"* SORT " + order + b"\r\n"
        assert (await client.command(b"UID SORT (ARRIVAL) US-ASCII FROM ben"))[0] == b"* SORT 3\r\n"
        assert (await client.command(b"THREAD REFERENCES UTF-8 ALL"))[0] == b"* THREAD (3)(1 2)\r\n"
        assert (await client.command(b"UID THREAD ORDEREDSUBJECT UTF-8 ALL"))[0] == b"* THREAD (3)(2 1)\r\n"
        assert (await client.command(b"THREAD REFERENCES UTF-8 FROM nobody"))[0] == b"* THREAD\r\n"
        assert (await client.command(b"SORT () UTF-8 ALL"))[0].startswith(b"t BAD")
        assert b"BADCHARSET" in (await client.command(b"SORT (DATE) KLINGON ALL"))[0]

    run(core, play)


def test_a_conversation_through_deflate(core):
    put(core, 300)

    async def play(imaps, _):
        client = await Client.connect(imaps, tls=True)
        await client.command(b'LOGIN ola "en lang hemmelighet"')
        assert (await client.command(b"COMPRESS LZW"))[0].startswith(b"t NO")
        assert (await client.command(b"COMPRESS DEFLATE"))[0].startswith(b"t OK")
        there, back = zlib.compressobj(9, zlib.DEFLATED, -15), zlib.decompressobj(-15)

        async def say(octets: bytes) -> bytes:
            client.writer.write(there.compress(octets) + there.flush(zlib.Z_SYNC_FLUSH))
            heard = b""
            while b"\r\nz " not in b"\r\n" + heard:
                heard += back.decompress(await asyncio.wait_for(client.reader.read(65536), 60))
            return heard

        assert b"* 301 EXISTS" in await say(b"z SELECT INBOX\r\n")
        assert (await say(b"z FETCH 1:* BODY.PEEK[]\r\n")).count(b"BODY[]") == 301
        assert b"COMPRESSIONACTIVE" in await say(b"z COMPRESS DEFLATE\r\n")
        # a bomb: a line of 200 MB in 200 KB ends the conversation, and is never held
        bomb = b"".join(there.compress(b"a" * 2**20) for _ in range(200)) + there.flush()
        assert len(bomb) < 2**18
        client.writer.write(bomb)
        heard = back.decompress(await asyncio.wait_for(client.reader.read(65536), 60))
        assert heard == b"* BYE The line is too long\r\n"

    run(core, play)


def test_what_is_not_deflate_ends_the_conversation(core):
    async def play(imaps, _):
        client = await Client.connect(imaps, tls=True)
        await client.command(b'LOGIN ola "en lang hemmelighet"')
        await client.command(b"COMPRESS DEFLATE")
        client.writer.write(b"z NOOP\r\n" * 100)
        assert await asyncio.wait_for(client.reader.read(), 60) == b""

    run(core, play)


def _large(core, octets: int) -> bytes:
    """A message of so many octets in INBOX, as its owner sees it."""
    ola = accounts.find_account(core, "ola")
    text = b"Subject: large\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + b"x" * 998 + b"\r\n"
    text += (b"0123456789" * 8 + b"\r\n") * (octets // 82) + b"--b--\r\n"
    prepared = core.blobs.prepare(text)
    prefix = b"Received: by mx.alumni.example\r\n"
    core.db.write(
        lambda tx: core.mail.append(
            tx,
            ola.id,
            core.mail.mailbox(tx, ola.id, "INBOX").id,
            prepared,
            frozenset(),
            core.clock.now(),
            prefix=prefix,
        )
    )
    return prefix + text


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        (b"BODY.PEEK[]", 0, None),
        (b"BODY.PEEK[]<10.3000000>", 10, 3_000_010),
        (b"BODY.PEEK[]<4000000.9>", 4_000_000, 4_000_009),
        (b"BODY.PEEK[]<99999999.5>", 0, 0),
    ],
)
def test_a_large_message_is_written_from_its_file_octet_for_octet(core, asked, start, end):
    whole = _large(core, 5_000_000)

    async def play(imaps, _):
        client = await Client.connect(imaps, tls=True)
        await client.command(b'LOGIN ola "en lang hemmelighet"')
        await client.command(b"SELECT INBOX")
        client.writer.write(b"t FETCH * (UID " + asked + b" FLAGS)\r\n")
        first = await client.reader.readuntil(b"}\r\n")
        octets = await client.reader.readexactly(int(first.rpartition(b"{")[2][:-3]))
        assert octets == whole[start:end]
        assert await client.reader.readline() == b" FLAGS (\\Recent))\r\n"
        assert await client.reader.readline() == b"t OK Done\r\n"

    run(core, play)


def test_a_client_that_does_not_read_holds_no_large_message_in_memory(core):
    _large(core, 40_000_000)

    async def play(imaps, _):
        clients = [await Client.connect(imaps, tls=True) for _ in range(8)]
        for client in clients:
            await client.command(b'LOGIN ola "en lang hemmelighet"')
            await client.command(b"SELECT INBOX")
        tracemalloc.start()
        for client in clients:
            client.writer.transport.pause_reading()
            client.writer.write(b"t FETCH * BODY.PEEK[]\r\n")
        await asyncio.sleep(0.7)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < 60_000_000  # eight times 40 MB would be 320

    run(core, play)


def test_s14_open_connections_end_when_the_password_changes(core):
    ola, opened = accounts.find_account(core, "ola").id, []

    async def play(imaps, _):
        client, other = await Client.connect(imaps, tls=True), await Client.connect(imaps, tls=True)
        await client.command(b'LOGIN ola "en lang hemmelighet"')
        app = app_passwords.create_app_password(core, ola, "Telefon", [Scope.IMAP])
        await other.command(b"LOGIN ola " + app.encode())
        assert await connection_guard.end_revoked(core, opened) == 0
        app_passwords.revoke_app_passwords(core, ola)
        assert await connection_guard.end_revoked(core, opened) == 1
        assert (await other.line()).startswith(b"* BYE Log in again")
        assert await other.line() == b""
        await asyncio.get_running_loop().run_in_executor(
            None, credentials.set_password, core, ola, "en annen lang setning"
        )
        assert await connection_guard.end_revoked(core, opened) == 1
        assert (await client.line()).startswith(b"* BYE Log in again")

    run(core, play, opened)
