"""What goes out between DATA and the final dot (RFC 5321 section 4.5.2)."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.queue import wire
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
