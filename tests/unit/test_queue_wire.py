"""Octets between DATA and the final dot, with dots stuffed (RFC 5321 section 4.5.2)."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.queue import wire
from mailcore.queue.bounce import make_status
from mailcore.queue.client import Answer
from mailcore.queue.wire import Reply, parse_extensions, stuff_dots


@pytest.mark.parametrize(("parts", "sent"), [
    ([b""], b".\r\n"),
    ([b"a\r\n"], b"a\r\n.\r\n"),
    ([b"a"], b"a\r\n.\r\n"),
    ([b".\r\n"], b"..\r\n.\r\n"),
    ([b"a\r\n.b\r\n..\r\n"], b"a\r\n..b\r\n...\r\n.\r\n"),
    ([b"A: b\r\n", b".c\r\n"], b"A: b\r\n..c\r\n.\r\n"),
    ([b"a\n.\nb\r.\rc"], b"a\r\n..\r\nb\r\n..\r\nc\r\n.\r\n"),  # no bare line end goes out
    ([b"a\r\n\n.\r\n"], b"a\r\n\r\n..\r\n.\r\n"),
])  # fmt: skip
def test_dots_are_doubled_at_the_beginnings_of_lines(parts, sent):
    assert b"".join(stuff_dots(parts)) == sent


@given(st.lists(st.sampled_from([b"\r\n", b".", b"x", b"..", b"\n", b"\r", b"yz"]), max_size=40), st.integers(1, 9))
def test_pieces_make_no_difference(words, chunk):
    octets = b"".join(words)
    whole = b"".join(stuff_dots([octets]))
    kept = wire.CHUNK
    wire.CHUNK = chunk
    try:
        assert b"".join(stuff_dots([octets])) == whole
    finally:
        wire.CHUNK = kept
    assert whole.count(b"\r\n.\r\n") + whole.startswith(b".\r\n") == 1  # one end
    assert b"\n" not in whole.replace(b"\r\n", b"")


@pytest.mark.parametrize("end", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\0", "\x1b", "\r"])
def test_a_reply_is_one_line_for_everybody(end):
    """It stands in reports, notices and pages: what a stranger's server says begins no line there."""

    async def heard() -> Reply:
        one = wire.Wire()
        one.data_received(f"550-no{end}Action: delivered\r\n550 5.1.1 x{end}\r\n".encode())
        return await one.reply(60)

    assert asyncio.run(heard()) == Reply(550, ("no Action: delivered", "5.1.1 x"))


def test_extensions_are_read():
    assert parse_extensions(Reply(250, ("mx", "SIZE 100", "pipelining", "AUTH PLAIN LOGIN"))) == {
        "SIZE": "100",
        "PIPELINING": "",
        "AUTH": "PLAIN LOGIN",
    }


def test_a_host_that_says_more_than_it_is_asked_is_not_heard_before_its_turn():
    """CWE-770: while a message goes out nobody takes replies, and memory stays bounded; what was said is not lost."""
    most = 8 * 2**20

    async def play() -> None:
        said, is_over = 0, asyncio.Event()

        async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal said
            while said < most:
                writer.write((b"250 " + b"x" * 1018 + b"\r\n") * 64)
                said += 65536
                await writer.drain()
            writer.close()
            await writer.wait_closed()
            is_over.set()

        server = await asyncio.start_server(flood, "127.0.0.1", 0)
        _, ours = await asyncio.get_running_loop().create_connection(wire.Wire, *server.sockets[0].getsockname())
        before = -1
        while said != before:  # until it is kept from saying more, or has said all
            before = said
            await asyncio.sleep(0.1)
        held = len(ours._buffer)
        for _ in range(most // 1024):
            assert (await ours.reply(60)).code == 250
        await is_over.wait()
        with pytest.raises(wire.Lost):
            await ours.reply(60)
        server.close()
        assert held < most / 8

    asyncio.run(play())


@pytest.mark.parametrize("octets", [b"250 " + b"x" * wire.MAX_LINE + b"\r\n", b"250-x\r\n" * 300 + b"250 x\r\n"])
def test_a_reply_has_a_longest_line_and_most_lines_however_it_comes(octets):
    async def play() -> None:
        ours = wire.Wire()
        ours.data_received(octets)
        with pytest.raises(wire.Lost):
            await ours.reply(60)

    asyncio.run(play())


@pytest.mark.parametrize(
    ("code", "text", "status"),
    [
        (550, "5.7.1 no", "5.7.1"),
        (550, "2.0.0 OK", "5.0.0"),
        (550, "5.99999999.1 no", "5.0.0"),
        (550, "5.1.\u00b2 no", "5.0.0"),
        (451, "5.7.1 no", "4.4.1"),
        (451, "4.7.1 no", "4.7.1"),
        (250, "2.1.5 OK", "2.1.5"),
        (250, "OK", "2.0.0"),
        (0, "4.4.7 too long", "4.4.7"),
    ],
)
def test_a_report_says_what_the_class_of_the_reply_allows(code, text, status):
    """RFC 3463 section 2."""
    assert make_status(Answer("mx.outside.example", code, text)) == status
