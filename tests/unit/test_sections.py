"""Sections of messages, whole and broken (RFC 9051 section 6.4.5.1, RFC 3516)."""

import contextlib
import mmap
import tempfile
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.imap.commands.fetch import CHUNK, join_pieces
from mailcore.imap.fetch_items import Batch, Items
from mailcore.imap.sections import Pieces, Section, Source, UnknownEncoding, cut, parse_section
from mailcore.mail.asking.derived import derive
from mailcore.mail.reading import structure
from mailcore.mail.reading.message import Message
from mailcore.mail.reading.octets import Octets
from mailcore.wire.reader import Reader, SyntaxProblem


def joined(pieces: Pieces | None) -> bytes | None:
    return None if pieces is None else b"".join(pieces)


@contextlib.contextmanager
def mapped(octets: bytes) -> Iterator[Octets]:
    """The same octets as a large message has them."""
    with tempfile.TemporaryFile() as file:
        file.write(octets or b"\0")
        file.flush()
        yield mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if octets else octets


@pytest.mark.parametrize(
    ("start", "end", "left"),
    [
        (0, None, b"abcdef"),
        (1, 4, b"bcd"),
        (2, 3, b"c"),
        (4, 99, b"ef"),
        (9, 12, b""),
        (0, 2, b"ab"),
        (3, None, b"def"),
    ],
)
def test_pieces_are_cut_as_if_they_were_one(start, end, left):
    assert joined(cut([b"abc", memoryview(b""), memoryview(b"def")], start, end)) == left


def crlf(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape").replace(b"\n", b"\r\n")


INNER = crlf("""Subject: inside
From: a@x
Content-Type: multipart/alternative; boundary=i

--i

plain
--i
Content-Type: text/html

<p>
--i--
""")
NESTED = (
    crlf("""Subject: outside
X-Eight: bl\udce5
Content-Type: multipart/mixed; boundary="o"

preamble
--o
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

bl=C3=A5=
b=C3=A6r
--o
Content-Type: message/rfc822
Content-Description: forwarded

""")
    + INNER
    + crlf("""--o
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64

AAEC
/w==
--o
Content-Transfer-Encoding: x-rot13

uryyb
--o--
epilogue
""")
)
TOP = crlf("Subject: top\nContent-Type: message/rfc822\n\nSubject: in\n\nbody\n")
NO_HEADER = b"\r\nonly a body\r\n"
NO_BODY = b"Subject: only a header\r\n"
UNCLOSED = crlf("Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n")
NO_PARTS = crlf("Content-Type: multipart/mixed; boundary=b\n\nnothing here\n")
NO_BOUNDARY = crlf("Content-Type: multipart/mixed\n\n--b\n\none\n--b--\n")
LONE_LF = b"Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b--\n"
DIGEST = crlf("Content-Type: multipart/digest; boundary=b\n\n--b\n\nSubject: d\n\nx\n--b--\n")
EMPTY_PART = crlf("Content-Type: multipart/mixed; boundary=b\n\n--b\n--b\n\nx\n--b--\n")
PLAIN = crlf("Subject: p\n\ntext\n")

CASES = [
    (NESTED, "", NESTED), (NESTED, "1", b"bl=C3=A5=\r\nb=C3=A6r"), (NESTED, "2", INNER[:-2]),
    (NESTED, "1.MIME", b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"),
    (NESTED, "2.MIME", b"Content-Type: message/rfc822\r\nContent-Description: forwarded\r\n\r\n"),
    (NESTED, "2.HEADER", INNER[: INNER.index(b"--i")]), (NESTED, "2.TEXT", INNER[INNER.index(b"--i") : -2]),
    (NESTED, "2.1", b"plain"), (NESTED, "2.2", b"<p>"), (NESTED, "2.2.MIME", b"Content-Type: text/html\r\n\r\n"),
    (NESTED, "2.1.MIME", b"\r\n"), (NESTED, "2.3", None), (NESTED, "3", b"AAEC\r\n/w=="), (NESTED, "5", None),
    (NESTED, "2.HEADER.FIELDS (SUBJECT)", b"Subject: inside\r\n\r\n"),
    (NESTED, "2.HEADER.FIELDS.NOT (Subject Content-Type)", b"From: a@x\r\n\r\n"),
    (NESTED, "1.1", None), (NESTED, "1.HEADER", None), (NESTED, "1.TEXT", None), (NESTED, "2.1.HEADER", None),
    (NESTED, "HEADER", NESTED[: NESTED.index(b"preamble")]), (NESTED, "TEXT", NESTED[NESTED.index(b"preamble") :]),
    (NESTED, "HEADER.FIELDS (X-Eight)", b"X-Eight: bl\xe5\r\n\r\n"), (NESTED, "HEADER.FIELDS (None)", b"\r\n"),
    (TOP, "1", b"Subject: in\r\n\r\nbody\r\n"), (TOP, "1.HEADER", b"Subject: in\r\n\r\n"), (TOP, "1.TEXT", b"body\r\n"),
    (TOP, "1.1", b"body\r\n"), (TOP, "1.1.MIME", b"Subject: in\r\n\r\n"), (TOP, "1.2", None), (TOP, "2", None),
    (PLAIN, "1", b"text\r\n"), (PLAIN, "1.MIME", b"Subject: p\r\n\r\n"), (PLAIN, "2", None), (PLAIN, "1.1", None),
    (NO_HEADER, "HEADER", b"\r\n"), (NO_HEADER, "TEXT", b"only a body\r\n"), (NO_HEADER, "1", b"only a body\r\n"),
    (NO_BODY, "HEADER", NO_BODY), (NO_BODY, "TEXT", b""), (NO_BODY, "1", b""),
    (UNCLOSED, "1", b"one"), (UNCLOSED, "2", b"two\r\n"), (UNCLOSED, "3", None),
    (NO_PARTS, "1", b""), (NO_PARTS, "2", None), (NO_PARTS, "TEXT", b"nothing here\r\n"), (NO_BOUNDARY, "1", b""),
    (LONE_LF, "1", b"one"), (DIGEST, "1", b"Subject: d\r\n\r\nx"), (DIGEST, "1.HEADER", b"Subject: d\r\n\r\n"),
    (DIGEST, "1.1", b"x"), (EMPTY_PART, "2", b"x"), (EMPTY_PART, "1", b""),
]  # fmt: skip


def section(text: str) -> Section:
    read = Reader((text.encode() + b"]",))
    found = parse_section(read)
    read.expect(b"]", "the end")
    return found


@pytest.mark.parametrize(("message", "asked", "octets"), CASES)
def test_a_section_is_exactly_these_octets(message, asked, octets):
    assert joined(Source(b"", message).section(section(asked))) == octets
    with mapped(message) as file:
        assert joined(Source(b"", file).section(section(asked))) == octets


@pytest.mark.parametrize(
    ("path", "octets"),
    [
        ((), NESTED),
        ((1,), "blåbær".encode()),
        ((3,), b"\0\1\2\xff"),
        ((2,), INNER[:-2]),
        ((9,), None),
        ((2, 1), b"plain"),
    ],
)
def test_binary_is_without_its_encoding(path, octets):
    assert joined(Source(b"", NESTED).binary(path)) == octets


def test_an_encoding_that_nobody_knows_is_said_to_be_unknown():
    with pytest.raises(UnknownEncoding):
        Source(b"", NESTED).binary((4,))


@pytest.mark.parametrize(
    "asked", ["0", "1.", "1..2", "MIME", "1.NONSENSE", "HEADER.FIELDS", "HEADER.FIELDS ()", ".1", "01"]
)
def test_what_is_no_section_is_a_syntax_problem(asked):
    with pytest.raises(SyntaxProblem):
        section(asked)


def test_a_section_is_not_deeper_than_anything_needs():
    with pytest.raises(SyntaxProblem):
        section(".".join(["1"] * 101))


@pytest.mark.parametrize("message", [case[0] for case in CASES])
def test_the_structure_of_every_message_is_balanced_and_ends(message):
    derived = derive(Message(message))
    for told in (derived.body, derived.structure, derived.envelope):
        assert told.startswith(b"(")
        assert told.count(b"(") == told.count(b")")


def test_every_part_of_the_structure_can_be_fetched():
    def walk(part: structure.Part, path: tuple[int, ...], *, numbered: bool) -> None:
        source = Source(b"", NESTED)
        if path:
            assert source.section(Section(path)) is not None
            assert source.section(Section(path, "MIME")) is not None
        if part.type == "multipart":
            for number, child in enumerate(part.children, 1):
                walk(child, (*path, number), numbered=True)
        elif part.is_message:
            inner = part.children[0]
            walk(inner, path if inner.type == "multipart" else (*path, 1), numbered=False)

    walk(structure.parse(NESTED), (), numbered=False)


@pytest.mark.parametrize("asked", [
    b"BODY[]<0>", b"BODY[]<0.0>", b"BODY[", b"BODY[1", b"(FLAGS", b"()", b"FLAGS UID", b"(FAST)", b"BINARY[HEADER]",
    b"BINARY[1.MIME]",
    b"BODY[HEADER.FIELDS (]", b"BODY[]<-1.2>", b"BODY[]<99999999999999999999.1>", b"PREVIEW (EAGER)", b"BINARY.SIZE[1]<0.1>", b"",
])  # fmt: skip
def test_what_is_no_fetch_item_is_a_syntax_problem(asked):
    with pytest.raises(SyntaxProblem):
        Items.parse(Reader((asked,)), by_uid=False)


_ROWS = [(uid, uid % 2, "", 1, 0, 10, 7, 0, b"") for uid in (3, 4, 9)]
_OCTETS = (
    b"Subject: a\r\n\r\nhei\r\n",
    b"Subject: \0 100 %d\r\n\r\n%s\0\r\n",
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\none\r\n--x\r\n\r\ntwo\r\n--x--\r\n",
)


@pytest.mark.parametrize(
    "asked",
    [
        b"BODY.PEEK[]", b"(UID FLAGS BODY[])", b"(FLAGS RFC822)", b"(UID BODY.PEEK[TEXT])", b"(UID BODY[2])",
        b"(BODY[]<3.5>)", b"(BODY[1] BODY[2] UID)", b"(UID BINARY[])",
        b'(BODY[1.HEADER.FIELDS ("%d %s")])',
    ],
)  # fmt: skip
def test_sections_are_written_in_pieces_as_all_items_are(asked):
    items = Items.parse(Reader((asked,)), by_uid=False)
    batch = Batch(_ROWS, [Source(b"X-Ours: %d\r\n" % at, octets) for at, octets in enumerate(_OCTETS)])
    form = b"* %%d FETCH (%s)\r\n"
    values = [(5, 6, 7), *(value for column in items.columns for value in column.values(batch))]
    line = form % b" ".join(column.form for column in items.columns)
    assert b"".join(items.write((5, 6, 7), batch, form)) == b"".join(map(line.__mod__, zip(*values, strict=True)))


@given(
    st.lists(
        st.tuples(st.sampled_from([0, 1, 40, CHUNK // 2, CHUNK - 1, CHUNK, CHUNK + 1]), st.booleans()), max_size=12
    )
)
def test_small_pieces_are_joined_and_what_is_mapped_stays_as_it_is(sizes):
    pieces = [
        memoryview(b"%d" % (at % 10) * octets) if is_mapped else b"%d" % (at % 10) * octets
        for at, (octets, is_mapped) in enumerate(sizes)
    ]
    written = list(join_pieces(pieces))
    assert b"".join(written) == b"".join(pieces)
    assert [piece for piece in written if isinstance(piece, memoryview)] == [
        piece for piece in pieces if isinstance(piece, memoryview)
    ]
    for piece, following in pairwise(written):
        if isinstance(piece, bytes) and isinstance(following, bytes):
            assert len(piece) + len(following) > CHUNK
    assert all(len(piece) <= CHUNK or piece in pieces for piece in written)
