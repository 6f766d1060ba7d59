"""Octets from strangers: deriving and reading text always end, and raise nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailcore.mail.asking.derived import derive
from mailcore.mail.reading import address, header, structure, text
from mailcore.mail.reading.message import Message
from mailcore.mail.showing import body, preview

DEEP = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\r\n\r\n--%d\r\n' % (n, n) for n in range(2000))
HOSTILE = {
    "empty": b"",
    "no header": b"\r\nbody",
    "only NUL": b"\0" * 1000,
    "idna": b"Content-Type: text/plain; charset=idna\r\n\r\n\xff.. \xe6\xf8\xe5" + b"a" * 100,
    "punycode": b"Content-Type: text/plain; charset=punycode\r\n\r\n\xff-\xe6",
    "escape": b"Content-Type: text/plain; charset=unicode_escape\r\n\r\n\\x \\N{}",
    "undefined": b"Content-Type: text/plain; charset=undefined\r\n\r\nx",
    "not a text encoding": b"Content-Type: text/plain; charset=zlib_codec\r\n\r\nx",
    "NUL in charset": b'Content-Type: text/plain; charset="a\0b"\r\n\r\nx',
    "odd base64": b"Content-Transfer-Encoding: base64\r\n\r\nYWJjZ\r\n!!=\r\nA",
    "broken quoted-printable": b"Content-Transfer-Encoding: quoted-printable\r\n\r\n=\r\n=Z=",
    "deep multipart": DEEP,
    "deep message": b"Content-Type: message/rfc822\r\n\r\n" * 5000,
    "ten thousand parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 10_000,
    "a million boundaries": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\n" * 1_000_000,
    "boundaries that are none": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b" * 300_000,
    "long field": b"Subject: " + b"x" * 3_000_000 + b"\r\n\r\n",
    "long folded field": b"Subject: " + b"\r\n x" * 500_000 + b"\r\n\r\n",
    "no colon": b"x" * 3_000_000,
    "many addresses": b"To: " + b"a@b.example, " * 50_000 + b"\r\n\r\n",
    "open comments": b"To: " + b"(" * 100_000 + b"\r\n\r\n",
    "open quotes": b"To: " + b'"\\' * 100_000 + b"\r\n\r\n",
    "open groups": b"To: " + b"a:" * 100_000 + b"\r\n\r\n",
    "many parameters": b"Content-Type: text/plain" + b"; a=b" * 100_000 + b"\r\n\r\nx",
    "encoded words": b"Subject: " + b"=?utf-8?q?" * 50_000 + b"\r\n\r\n",
    "encoded words without an end": b"To: " + b"=?a?q?x" * 14_000 + b"\r\n\r\n",
    "encoded words in charsets of nobody": b"To: " + b"".join(b"=?x%d?q?a?=" % n for n in range(6000)) + b"\r\n\r\n",
    "a megabyte of punycode": b"Content-Type: text/plain; charset=punycode\r\n\r\na-" + b"b" * 2**20,
    "links without an end": b"Content-Type: text/html\r\n\r\n" + (b"<a " + b"href=" * 190 + b"x" * 2000) * 100,
    "encoded idna": b"Subject: =?idna?b?/////w==?= =?x?b?%?=\r\n\r\n",
}


@pytest.mark.parametrize("octets", HOSTILE.values(), ids=HOSTILE)
def test_hostile_messages_have_a_structure_and_a_text(octets):
    message = Message(octets)
    derived, block = derive(message), message.header.block
    assert octets.startswith(block)
    assert derived.structure.startswith(b"(")
    assert derived.structure.endswith(b")")
    text.decoded(octets)
    text.plain(octets)
    text.header_text(block)
    body.readable(octets)
    preview.preview(octets)
    for value in header.raw_values(block, "to"):
        address.parse(value)


def test_parts_are_counted_over_the_whole_message():
    parts = list(structure.leaves(structure.parse(HOSTILE["ten thousand parts"])))
    assert len(parts) < structure.MAX_PARTS


_PIECES = st.lists(
    st.one_of(
        st.binary(max_size=12),
        st.sampled_from(
            [
                b"\r\n",
                b"\n",
                b"\r\n\r\n",
                b"--b\r\n",
                b"--b--\r\n",
                b"Content-Type: ",
                b"multipart/mixed; boundary=b",
                b"message/rfc822",
                b"text/plain; charset=",
                b"idna",
                b"utf-16",
                b"Content-Transfer-Encoding: base64",
                b"From: ",
                b"To: ",
                b"<a@b>",
                b"(",
                b'"',
                b"=?utf-8?q?=E6?=",
                b"Subject: ",
                b"Content-Disposition: ; ",
            ]
        ),
    ),
    max_size=30,
).map(b"".join)


@settings(max_examples=300, deadline=None)
@given(_PIECES)
def test_any_octets_have_a_structure_and_a_text(octets):
    derive(Message(octets))
    text.decoded(octets)
    text.header_text(octets)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ((1,), b"Content-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\none\r\n--i\r\n\r\ntwo\r\n--i--\r\n"),
        ((1, 1), b"one"),
        ((1, 2), b"two"),
        ((1, 3), None),
        ((2,), None),
    ],
)
def test_a_message_that_is_a_forwarded_message_has_it_as_part_one(path, wanted):
    inner = b"Content-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\none\r\n--i\r\n\r\ntwo\r\n--i--\r\n"
    octets = b"Content-Type: message/rfc822\r\n\r\n" + inner
    part = structure.section(structure.parse(octets), path)
    assert (octets[part.body_start : part.end] if part else None) == wanted


@given(
    st.lists(
        st.sampled_from(
            [
                b"From: a\r\n",
                b"from : b\r\n",
                b"FROM:c\r\n d\r\n",
                b"X-From: no\r\n",
                b" from: folded\r\n",
                b"Fromage: no\r\n",
                b"junk\r\n",
                b"From\r\n",
                b"Subject: From: x\r\n",
                b"\r\n",
                b"From: after\n",
                b"From: cut",
            ]
        ),
        max_size=12,
    )
)
def test_values_of_one_name_are_those_among_all_fields(lines):
    block = b"".join(lines)
    among_all = [value for name, value in header.fields(block) if name.lower() == "from"]
    found = header.raw_values(block, "From")
    assert [b"".join(value.split()) for value in found] == [b"".join(value.split()) for value in among_all]
