"""Addresses as people and programs write them (mail/reading/address.py), and as ENVELOPE tells them (mail/asking/envelope.py)."""

import pytest

from mailcore.mail.asking.envelope import serialize_envelope
from mailcore.mail.reading import address
from mailcore.mail.reading.fields import Header


@pytest.mark.parametrize(("written", "read"), [
    ("ann@example.net", [("", "ann@example.net")]),
    ("Ann Berg <ann@example.net>", [("Ann Berg", "ann@example.net")]),
    # names with commas, dots, brackets and addresses in them
    ("ann@example.org via List <list@example.net>", [("ann@example.org via List", "list@example.net")]),
    ("'ann@example.org' <list@example.net>", [("'ann@example.org'", "list@example.net")]),
    ('"ann@example.org" <list@example.net>', [("ann@example.org", "list@example.net")]),
    ("ann@example.net <ann@example.net>", [("ann@example.net", "ann@example.net")]),
    ("Nordmann, Ola <ola@example.net>", [("Nordmann, Ola", "ola@example.net")]),
    ("Berg, Ola, Jr. <ola@example.net>, kari@example.net", [("Berg, Ola, Jr.", "ola@example.net"), ("", "kari@example.net")]),
    ("St. Olav A.S. <ola@example.net>", [("St. Olav A.S.", "ola@example.net")]),
    ("Ola [Bergen] <ola@example.net>", [("Ola [Bergen]", "ola@example.net")]),
    ("[List] <list@example.net>", [("[List]", "list@example.net")]),
    ("A @ B <ola@example.net>", [("A @ B", "ola@example.net")]),
    ("A\\B <ola@example.net>", [("A\\B", "ola@example.net")]),
    ('"A \\"B\\" C" <ola@example.net>', [('A "B" C', "ola@example.net")]),
    ('"Ola <ola@example.net>', [("Ola", "ola@example.net")]),
    ("(Ola ola@example.net", [("(Ola", "ola@example.net")]),
    # an encoded word is never an address, and a comma in one parts nobody
    ("=?utf-8?Q?boss=40alumni.example=2C?= <evil@outside.example>", [("boss@alumni.example,", "evil@outside.example")]),
    ("=?utf-8?Q?a=40x.example=3E=2C_=3Cb?= <evil@outside.example>", [("a@x.example>, <b", "evil@outside.example")]),
    ("=?utf-8?Q?Berg=2C?= =?utf-8?Q?_Ann?= <ann@example.net>", [("Berg, Ann", "ann@example.net")]),
    ("=?utf-7?Q?+2AA-?= <ann@example.net>", [("\ufffd", "ann@example.net")]),
    ("=?utf-8?Q?a=0D=0ABcc:_x?= <ann@example.net>", [("a Bcc: x", "ann@example.net")]),
    # comments
    ("ann@example.net (Ann Berg)", [("Ann Berg", "ann@example.net")]),
    ("root (Cron Daemon)", [("Cron Daemon", "root")]),
    ("ann (x) @ (y) example.net", [("y", "ann@example.net")]),
    ("A ((nested) comment) B <ann@example.net>", [("A B", "ann@example.net")]),
    # what the grammar calls obsolete, and strays
    ("<@a.example,@b.example:ann@example.net>", [("", "ann@example.net")]),
    ("ann . berg @ example . net", [("", "ann.berg@example.net")]),
    ("ann@example.net>", [("", "ann@example.net")]),
    ("Ann <<ann@example.net>>", [("Ann", "ann@example.net")]),
    ("Ann <ann@example.net", [("Ann", "ann@example.net")]),
    ("Ann ann@example.net", [("Ann", "ann@example.net")]),
    ("Ann [mailto:ann@example.net]", [("Ann", "ann@example.net")]),
    ("ann@example.net]", [("", "ann@example.net")]),
    ("ann@example.net <", [("", "ann@example.net")]),
    ("<mailto:ann@example.net>", [("", "ann@example.net")]),
    ("ann@example.net;bob@example.net", [("", "ann@example.net"), ("", "bob@example.net")]),
    ("ann@example.net,, bob@example.net,", [("", "ann@example.net"), ("", "bob@example.net")]),
    ("Ann <ann@example.net> Bob <bob@example.net>", [("Ann", "ann@example.net")]),
    ("root, bob@example.net", [("", "root"), ("", "bob@example.net")]),
    # groups
    ("undisclosed-recipients:;", []),
    ("Friends: ann@example.net, Bob <bob@example.net>;, c@example.net", [
        ("", "ann@example.net"), ("Bob", "bob@example.net"), ("", "c@example.net")]),
    # literals and quoted local parts
    ("ann@[IPv6:2001:db8::1]", [("", "ann@[IPv6:2001:db8::1]")]),
    ("<ann@2001:db8::1>", [("", "ann@2001:db8::1")]),
    ('"ann berg"@example.net', [("", '"ann berg"@example.net')]),
    ('"a\\"b" <"a@b"@example.net>', [('a"b', '"a@b"@example.net')]),
    ("Ann <>", [("Ann", "")]),
    ("", []), ("<>", []), ("(x)", []), (",", []),
])  # fmt: skip
def test_what_a_reader_sees_is_what_is_parsed(written, read):
    assert [(one.name, one.spec) for one in address.parse(written)] == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"k\xe6re@outside.example", [("", "k\xe6re@outside.example")]),
        (b"J\xf6rg <a@b.example>", [("Jörg", "a@b.example")]),
        ("Jörg <a@b.example>".encode(), [("Jörg", "a@b.example")]),
        (b"a\0b@c.example", [("", "a\ufffdb@c.example")]),
    ],
)
def test_octets_outside_ascii_are_text(written, read):
    assert [(one.name, one.spec) for one in address.parse(written)] == read


@pytest.mark.parametrize(("written", "told"), [
    ("<@a.example,@b.example:ann@example.net>", b'(NIL "@a.example,@b.example" "ann" "example.net")'),
    ("ann@example.net>", b'(NIL NIL "ann" "example.net")'),
    ("root (Cron Daemon)", b'("Cron Daemon" NIL "root" "")'),
    ("ann (x) @ (y) example.net", b'("y" NIL "ann" "example.net")'),
    ("<ann@2001:db8::1>", b'(NIL NIL "ann" "2001:db8::1")'),
    ("=?utf-8?Q?a=2Cb?= <ann@example.net>", b'("=?utf-8?Q?a=2Cb?=" NIL "ann" "example.net")'),
    ('A  "B"\r\n C <ann@example.net>', b'("A B C" NIL "ann" "example.net")'),
    ("A <a@x.example> <b@x.example>", b'("A" NIL "a" "x.example")'),
    ("A <a@x.example> B <b@x.example>, c@x.example", b'("A" NIL "a" "x.example")(NIL NIL "c" "x.example")'),
    ("Friends: ann@example.net;", b'(NIL NIL "Friends" NIL)(NIL NIL "ann" "example.net")(NIL NIL NIL NIL)'),
])  # fmt: skip
def test_envelope_tells_addresses_as_written(written, told):
    assert b"(" + told + b")" in serialize_envelope(Header(f"To: {written}\r\n\r\n".encode()))


def test_folds_are_one_blank():
    told = serialize_envelope(Header(b"Subject: a \r\n\t b\r\nMessage-ID:\r\n <x@y>\r\n\r\n"))
    assert b'"a b"' in told
    assert b'"<x@y>"' in told


def test_fields_that_may_occur_once_and_do_not():
    block = b"To: a@x.example\r\nTo: b@x.example\r\nSubject: one\r\nSubject: two\r\n\r\n"
    told = serialize_envelope(Header(block))
    assert b'((NIL NIL "a" "x.example")(NIL NIL "b" "x.example"))' in told
    assert b'"two"' in told


@pytest.mark.slow
@pytest.mark.parametrize("piece", [
    b"(", b'"', b"<", b"a@", b"\\", b'"\\', b"a,", b"=?utf-8?q?", b"a b ", b"(a)", b":;", b"[", b"<a@b>,",
])  # fmt: skip
def test_costs_grow_with_the_length(piece):
    """A megabyte of each takes about a second at most; by the square it would be hours."""
    address.parse(piece * (300_000 // len(piece)))
