"""Any octets are a message: nothing is raised, offsets lie inside, and no input costs more than its length."""

import os
from email.utils import getaddresses

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailcore.mail.asking import derived
from mailcore.mail.reading import address, header, structure, text, transfer
from mailcore.mail.reading.message import Message

pieces = st.sampled_from(
    [
        b"Content-Type: multipart/mixed; boundary=b\r\n", b"Content-Type: message/rfc822\r\n", b"\r\n", b"--b\r\n", b"--b--\r\n",
        b"Content-Type: text/plain; charset=\"x", b"From: a@b, \"c\" <d@e>, g: h@i;\r\n", b"\n", b"\r", b" x\r\n", b"To: (((\r\n",
        b"Subject: =?utf-8?q?=?=\r\n", b"\0\xff",
    ]
)  # fmt: skip
messages = st.one_of(st.binary(max_size=200), st.lists(pieces, max_size=20).map(b"".join))


def walk(part):
    yield part
    for child in part.children:
        yield from walk(child)


@given(messages)
def test_every_message_has_a_structure_with_offsets_inside(octets):
    for part in walk(structure.parse(octets)):
        assert 0 <= part.header_start <= part.body_start <= part.end <= len(octets)
    found = derived.derive(Message(octets))
    assert octets.startswith(Message(octets).header.block)
    assert found.structure.startswith(b"(")
    assert found.envelope.endswith(b")")


@given(messages)
def test_text_and_fields_are_found_in_anything(octets):
    text.decoded(octets)
    block, offset = header.split(octets)
    assert block == octets[:offset]
    assert header.without(block, lambda name, value: False) == block
    for name, _ in header.fields(block):
        header.values(block, name)


def test_a_megabyte_without_a_line_end_is_read_like_any_other():
    for octets in (b"x" * 2**20, b"x:" * 2**19, b"\r\n" * 2**19, b"To: " + b"(" * 2**16, os.urandom(2**18)):
        derived.derive(Message(octets))


written = st.lists(
    st.sampled_from(
        ["Ola", "O'l", " ", "  ", "<", ">", "a.b", "a", ".", "@", "c.d", '"', ",", ":", ";", "(x)", "\\", "\t"]
    ),
    max_size=9,
)


@given(st.one_of(written.map("".join).map(str.encode), st.binary(max_size=60)))
@example(b'"@@')
def test_addresses_are_found_in_anything_and_are_text(value):
    for one in address.parse(value):
        assert one.name or one.localpart or one.host
        for text_ in (one.name, one.localpart, one.host, one.spec, one.shown):
            text_.encode("utf-8")
            assert not {"\0", "\r", "\n"} & set(text_)


atoms = st.text("abcXYZ019!#$%&'*+/=?^_`{|}~-", min_size=1, max_size=8)
dotted = st.lists(atoms, min_size=1, max_size=3).map(".".join)
names = st.one_of(
    st.just(""),
    st.lists(atoms, min_size=1, max_size=3).map(" ".join),
    st.text(" ab,.@<>()[]:;'", max_size=9).map('"{}"'.format),
)


@given(st.lists(st.tuples(names, dotted, dotted), min_size=1, max_size=3))
def test_valid_lists_are_read_as_the_library_reads_them(people):
    value = ", ".join(f"{name} <{local}@{host}>" if name else f"{local}@{host}" for name, local, host in people)
    read = [(one.name, f"{one.localpart}@{one.host}") for one in address.parse(value)]
    assert read == [(" ".join(name.split()), spec) for name, spec in getaddresses([value])]


@given(
    st.one_of(st.binary(max_size=300), st.text("QUJD=+/a\r\n 30", max_size=300).map(str.encode)),
    st.sampled_from(["base64", "quoted-printable", "7bit"]),
    st.integers(1, 50),
)
def test_where_a_file_is_cut_on_its_way_out_never_matters(octets, encoding, block):
    head = f"Content-Type: application/pdf\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode()
    part = structure.parse(head + octets)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transfer, "BLOCK", block)
        assert b"".join(text.decoded_pieces(head + octets, part)) == text.transfer_decoded(head + octets, part)
