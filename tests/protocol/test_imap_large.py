"""Large messages go to a file as they come, and memory does not grow with them."""

import asyncio
import gc
import hashlib

import pytest

from mailcore.errors import Busy
from mailcore.imap.commands.fetch import batches
from mailcore.services.accounts import accounts
from mailcore.store.mail.blobs import Blobs
from mailcore.store.mail.spool import Spool
from tests.protocol.test_imap_server import Client, core, run

__all__ = ["core"]  # the fixture
LARGE = b"Subject: large\r\n\r\n" + b"0123456789abcdef" * 2**18  # 4 MiB


def spooled(core) -> list[str]:
    return [path.name for path in (core.config.blobs_path / "spool").glob("in-*")]


async def logged_in(port: int) -> Client:
    client = await Client.connect(port, tls=True)
    await client.command(b'LOGIN ola "en lang hemmelighet"')
    return client


async def append(client: Client, octets: bytes, more: bytes = b"", mark: bytes = b"") -> bytes:
    client.writer.write(b"t APPEND Drafts (\\Seen) %s{%d}\r\n" % (mark, len(octets)))
    assert await client.line() == b"+ OK\r\n"
    client.writer.write(octets + more + b"\r\n")
    return await asyncio.wait_for(client.reader.readline(), 60)


def test_a_large_message_is_written_to_a_file_as_it_comes(core, monkeypatch):
    added = []
    monkeypatch.setattr(Spool, "flush", _noting(added, Spool.flush))

    async def play(imaps, _):
        client = await logged_in(imaps)
        assert (await append(client, LARGE)).startswith(b"t OK [APPENDUID ")
        assert len(added) > 4
        assert max(added) < 2**20  # never the whole of it in memory
        small = b" (\\Flagged) {7+}\r\na: b\r\n\r" + b" {5+}\r\na: b\n"
        assert b" 2:4]" in await append(client, LARGE, small)
        await client.command(b"SELECT Drafts")
        client.writer.write(b"t FETCH 2 BODY.PEEK[]\r\n")
        head = await client.line()
        octets = await asyncio.wait_for(client.reader.readexactly(int(head.rpartition(b"{")[2][:-3])), 60)
        assert hashlib.sha256(octets).digest() == hashlib.sha256(LARGE).digest()

    run(core, play)
    gc.collect()
    assert spooled(core) == []


@pytest.mark.parametrize(
    ("mark", "octets", "answer"),
    [
        (b"", LARGE + b"\0", b"t BAD NUL needs a literal8\r\n"),
        (b"~", LARGE + b"\0", b"t OK [APPENDUID "),
    ],
)
def test_nul_in_a_large_message_needs_a_literal8(core, mark, octets, answer):
    async def play(imaps, _):
        assert (await append(await logged_in(imaps), octets, mark=mark)).startswith(answer)

    run(core, play)
    assert spooled(core) == []


def test_what_fails_or_breaks_off_leaves_no_file(core):
    async def play(imaps, _):
        client = await logged_in(imaps)
        client.writer.write(b"t APPEND Nowhere {%d+}\r\n" % len(LARGE) + LARGE + b"\r\n")
        assert (await client.line()).startswith(b"t NO [TRYCREATE]")
        client.writer.write(b"t APPEND Drafts {%d+}\r\n" % len(LARGE) + LARGE + b" nonsense\r\n")
        assert (await client.line()).startswith(b"t BAD")
        client.writer.write(b"t APPEND {%d+}\r\n" % len(LARGE) + LARGE + b" {5+}\r\na: b\n\r\n")
        assert (await client.line()) == b"t BAD that literal is too long\r\n"
        client.writer.write(b"t APPEND Drafts {%d+}\r\n" % len(LARGE) + LARGE + b" {99999999}\r\n")
        assert (await client.line()).startswith(b"t NO [TOOBIG]")
        assert spooled(core) == []
        client.writer.write(b"t APPEND Drafts {%d+}\r\n" % len(LARGE) + LARGE[: 2**21])
        for _ in range(3000):
            if spooled(core):
                break
            await asyncio.sleep(0.02)
        assert len(spooled(core)) == 1
        client.writer.transport.abort()
        for _ in range(3000):
            if not spooled(core):
                break
            await asyncio.sleep(0.02)
        assert spooled(core) == []

    run(core, play)


def test_a_disk_that_is_full_is_told_and_leaves_nothing(core, monkeypatch):
    def broken(self, spool):
        spool.discard()
        raise Busy("disk full")

    monkeypatch.setattr(Blobs, "prepare_spool", broken)

    async def play(imaps, _):
        client = await logged_in(imaps)
        assert (await append(client, LARGE)).startswith(b"t NO [UNAVAILABLE]")
        assert (await client.command(b"NOOP"))[-1] == b"t OK Done\r\n"

    run(core, play)
    assert spooled(core) == []


def test_a_disk_that_fills_up_while_a_message_comes_ends_the_conversation(core, monkeypatch):
    def broken(self):
        self.discard()
        raise Busy("disk full")

    monkeypatch.setattr(Spool, "flush", broken)

    async def play(imaps, _):
        client = await logged_in(imaps)
        client.writer.write(b"t APPEND Drafts {%d+}\r\n" % len(LARGE) + LARGE + b"\r\n")
        assert await client.line() == b"* BYE The message cannot be kept now\r\n"
        other = await logged_in(imaps)
        assert (await other.command(b"NOOP"))[-1] == b"t OK Done\r\n"

    run(core, play)


def _noting(added, original):
    def flush(self):
        added.append(len(self._waiting))
        original(self)

    return flush


@pytest.mark.parametrize("size", [1, 2**18])
def test_a_literal_never_holds_nul_and_binary_does(core, size):
    """A message with NUL, from an import or a sender that knows no better."""
    ola = accounts.find_account(core, "ola").id
    octets = b"Subject: \0x\r\n\r\n" + b"\0abcdef\n" * size
    prepared = core.blobs.prepare(octets)

    def work(tx):
        box = core.mail.mailbox(tx, ola, "Drafts")
        core.mail.append(tx, ola, box.id, prepared, frozenset(), core.clock.now())

    core.db.write(work)

    async def play(imaps, _):
        client = await logged_in(imaps)
        await client.command(b"SELECT Drafts")
        for item, mark, wanted in [
            (b"BODY.PEEK[]", b"{", octets.replace(b"\0", b"\x80")),
            (b"BINARY.PEEK[]", b"~{", octets),
            (b"BODY.PEEK[TEXT]", b"{", octets.partition(b"\r\n\r\n")[2].replace(b"\0", b"\x80")),
            (b"BODY.PEEK[HEADER]", b"{", b"Subject: \x80x\r\n\r\n"),
        ]:
            client.writer.write(b"t FETCH 1 " + item + b"\r\n")
            head = await client.line()
            assert head.partition(b"] ")[2].startswith(mark)
            heard = await asyncio.wait_for(client.reader.readexactly(int(head.rpartition(b"{")[2][:-3])), 60)
            assert heard == wanted
            assert await client.line() == b")\r\n"
            assert (await client.line()).startswith(b"t OK")

    run(core, play)


def test_a_message_that_is_all_header_is_kept_and_read(core):
    """SMTP bounds the header; a client may bring any."""
    octets = b"Subject: first\r\n" + b"X-Odd: odd\r\n" * 100_000 + b"Subject: last\r\n\r\n"

    async def play(imaps, _):
        client = await logged_in(imaps)
        assert (await append(client, octets)).startswith(b"t OK [APPENDUID ")
        await client.command(b"SELECT Drafts")
        heard = await client.command(b"FETCH 1 BODY.PEEK[HEADER.FIELDS (Subject)]")
        assert heard[1:-2] == [b"Subject: first\r\n", b"Subject: last\r\n", b"\r\n"]
        heard = await client.command(b"SEARCH SUBJECT first TEXT odd")
        assert heard == [b"* SEARCH 1\r\n", b"t OK Done\r\n"]
        many = b"BODY.PEEK[HEADER] " * 8 + b"BODY.PEEK[HEADER]"
        heard = await client.command(b"FETCH 1 (" + many + b")")
        assert heard == [b"t NO [LIMIT] That is too much of one message at once\r\n"]

    run(core, play)


@pytest.mark.parametrize(
    ("sizes", "portions"),
    [
        ([], []),
        ([3, 3, 3, 3], [[1, 2, 3], [4]]),
        ([3, 50, 3, 3], [[1], [2], [3, 4]]),
        ([50, 60], [[1], [2]]),
        ([10, 10], [[1], [2]]),
        ([4, 9, 2], [[1], [2], [3]]),
    ],
)
def test_messages_are_told_in_portions(sizes, portions):
    assert list(batches(list(enumerate(sizes, 1)), 10, 20)) == portions
