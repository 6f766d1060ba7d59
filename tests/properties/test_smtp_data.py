"""DATA: blocks may come cut anywhere, and nobody smuggles a second message (RFC 5321 section 4.5.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.smtp.data import DataReader, LineEnds

LINES = st.lists(st.sampled_from([b"", b".", b"..", b".x", b"text", b"x.", b" ."]), max_size=30)


def stuffed(octets: bytes) -> bytes:
    return (b"\r\n" + octets).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


def read(sent: bytes, cuts: list[int]) -> tuple[DataReader, bytes, bytes | None]:
    """Feed `sent` cut at `cuts`; the message so far, and what follows the end, or None when it did not come."""
    reader = DataReader()
    octets = b""
    edges = sorted({0, len(sent), *(cut % (len(sent) + 1) for cut in cuts)})
    for start, end in zip(edges, edges[1:], strict=False):
        rest = reader.feed(sent[start:end])
        octets += reader.take_octets()
        if rest is not None:
            return reader, octets, rest + sent[end:]
    return reader, octets, None


@given(LINES, st.lists(st.integers(0, 10_000)))
def test_cutting_never_matters(lines, cuts):
    message = b"".join(line + b"\r\n" for line in lines)
    reader, octets, rest = read(stuffed(message) + b"QUIT\r\n", cuts)
    assert rest == b"QUIT\r\n"
    assert octets == message
    assert not reader.bare


@pytest.mark.parametrize("fake", [
    b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r", b"\r.\r\n",
    b"\r\n\0.\r\n", b"\r\n.\r\r\n", b"\n\r.\r\n", b"\r\n.\0\r\n",
])  # fmt: skip
def test_a_fake_end_hides_no_second_message(fake):
    second = b"MAIL FROM:<evil@example.org>\r\n"
    sent = b"first" + fake + second + b"\r\n.\r\n"
    for cut in range(len(sent)):
        reader, octets, rest = read(sent, [cut])
        assert rest == b""
        assert reader.bare is (b"\0" not in fake)
        assert reader.bare or second in octets


@given(
    st.lists(st.sampled_from([b"x", b"\r\n", b"\r", b"\n", b".", b"\r\n."]), max_size=20), st.lists(st.integers(0, 99))
)
def test_a_lone_line_end_is_seen_wherever_blocks_are_cut(words, cuts):
    """DATA and BDAT are alike in this."""
    message = b"".join(words) + b"\r\n"
    bare = b"\r" in message.replace(b"\r\n", b"") or b"\n" in message.replace(b"\r\n", b"")
    ends = LineEnds()
    edges = sorted({0, len(message), *(cut % (len(message) + 1) for cut in cuts)})
    for start, end in zip(edges, edges[1:], strict=False):
        ends.see(message[start:end])
    ends.end()
    assert ends.bare is bare
    reader, _, rest = read(stuffed(message), cuts)
    if rest == b"":
        assert reader.bare is bare


def test_a_line_as_long_as_a_message_is_not_held():
    reader = DataReader()
    taken = b""
    for _ in range(100):
        assert reader.feed(b"x" * 1000) is None
        taken += reader.take_octets()
        assert reader.held < 10
    assert reader.feed(b"\r\n.\r\nNOOP\r\n") == b"NOOP\r\n"
    assert taken + reader.take_octets() == b"x" * 100_000 + b"\r\n"
