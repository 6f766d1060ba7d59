"""DATA: blocks may come cut anywhere, and nobody smuggles a second message (RFC 5321 section 4.5.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.errors import TooLarge
from mailcore.smtp.data import BareLineEnd, DataReader

LINES = st.lists(st.sampled_from([b"", b".", b"..", b".x", b"text", b"x.", b" ."]), max_size=30)


def stuffed(octets: bytes) -> bytes:
    return (b"\r\n" + octets).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"


def read(sent: bytes, cuts: list[int], limit: int = 10_000) -> tuple[DataReader, bytes | None]:
    """Feed `sent` cut at `cuts`; what follows the end, or None when it did not come."""
    reader = DataReader(limit)
    edges = sorted({0, len(sent), *(cut % (len(sent) + 1) for cut in cuts)})
    for start, end in zip(edges, edges[1:], strict=False):
        rest = reader.feed(sent[start:end])
        if rest is not None:
            return reader, rest + sent[end:]
    return reader, None


@given(LINES, st.lists(st.integers(0, 10_000)))
def test_cutting_never_matters(lines, cuts):
    message = b"".join(line + b"\r\n" for line in lines)
    reader, rest = read(stuffed(message) + b"QUIT\r\n", cuts)
    assert rest == b"QUIT\r\n"
    assert reader.octets() == message


@pytest.mark.parametrize("fake", [
    b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\n", b"\r\n.\r", b"\r.\r\n",
    b"\r\n\0.\r\n", b"\r\n.\r\r\n", b"\n\r.\r\n", b"\r\n.\0\r\n",
])  # fmt: skip
def test_a_fake_end_hides_no_second_message(fake):
    second = b"MAIL FROM:<evil@example.org>\r\n"
    sent = b"first" + fake + second + b"\r\n.\r\n"
    for cut in range(len(sent)):
        reader, rest = read(sent, [cut])
        assert rest == b""
        if b"\0" in fake:
            assert second in reader.octets()
        else:
            with pytest.raises(BareLineEnd):
                reader.octets()


def test_a_message_above_the_limit_is_read_to_its_true_end():
    """The tail that is kept while reading may begin with a dot; it is no end."""
    reader = DataReader(10)
    assert reader.feed(b"x" * 70_000 + b".\r\na") is None
    assert reader.feed(b"MAIL FROM:<evil@example.org>\r\n") is None
    assert reader.feed(b".\r\nNOOP\r\n") == b"NOOP\r\n"
    with pytest.raises(TooLarge):
        reader.octets()


def test_the_limit_counts_octets_after_unstuffing():
    reader, _ = read(stuffed(b".\r\n" * 4), [], limit=12)
    assert reader.octets() == b".\r\n" * 4
    reader, _ = read(stuffed(b".\r\n" * 4), [], limit=11)
    with pytest.raises(TooLarge):
        reader.octets()
