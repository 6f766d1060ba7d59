"""The MIME tree of what the world sends (mail/reading/structure.py), told as BODYSTRUCTURE tells it."""

import pytest

from mailcore.mail.asking.bodystructure import serialize_bodystructure
from mailcore.mail.reading import structure

_TAIL = " NIL NIL NIL NIL"


def tree(part: structure.Part, octets: bytes) -> object:
    if part.type == "multipart":
        return [tree(child, octets) for child in part.children]
    if part.is_message:
        return {"message": tree(part.children[0], octets)}
    return octets[part.body_start : part.end]


def multipart(*lines: str, kind: str = "multipart/mixed; boundary=b") -> bytes:
    return "\r\n".join((f"Content-Type: {kind}", "", *lines)).encode()


@pytest.mark.parametrize(("octets", "found"), [
    (multipart("--b", "", "hi", "--b--", ""), [b"hi"]),
    (multipart("preamble", "--b", "", "hi", "--b", "", "yo"), [b"hi", b"yo"]),  # no end
    (multipart("--b", "", "hi", "--b--", "epilogue", "--b", "", "no"), [b"hi"]),
    (multipart("--b ", "", "hi", "--b-- "), [b"hi"]),
    (multipart("--b", "--b--"), [b""]),
    (multipart("--b", "Content-Type: text/html", "--b", "", "yo", "--b--"), [b"", b"yo"]),  # a part without a blank line
    (multipart("no boundary"), [b""]),
    (multipart("--b", "", "hi", "--b"), [b"hi"]),  # cut off within a delimiter
    (multipart("x --b", "", "hi"), [b""]),
    # it is enough that the line begins with the boundary (RFC 2046 section 5.1.1)
    (multipart("--bmore", "", "hi", "--b--"), [b"hi"]),
    # of two boundaries that fit the longer counts
    (multipart("--b", "Content-Type: multipart/mixed; boundary=b-2", "", "--b-2", "", "hi", "--b-2--", "--b", "", "yo", "--b--"),
     [[b"hi"], b"yo"]),
    # the same boundary inside: the inner one
    (multipart("--b", "Content-Type: multipart/mixed; boundary=b", "", "--b", "", "hi", "--b--"), [[b"hi"]]),
    # an outer delimiter ends an inner multipart
    (multipart("--b", "Content-Type: multipart/mixed; boundary=c", "", "--c", "", "hi", "--b", "", "yo"), [[b"hi"], b"yo"]),
    (multipart("--b", "Content-Type: message/rfc822", "", "Subject: x", "", "hi", "--b--"), [{"message": b"hi"}]),
    (multipart("--b", "", "Subject: x", "", "hi", "--b--", kind="multipart/digest; boundary=b"), [{"message": b"hi"}]),
    (multipart("--bc", "", "hi", "--bc--", kind="multipart/mixed; boundary*0=b; boundary*1=c"), [b"hi"]),
    (multipart("--b c", "", "hi", "--b c--", kind="multipart/mixed; boundary*=us-ascii''b%20c"), [b"hi"]),
    (multipart("--b/=?", "", "hi", "--b/=?--", kind="multipart/mixed; boundary=b/=?"), [b"hi"]),
    (multipart("--b", "", "hi", "--b--", kind='multipart/mixed; boundary="b "'), [b"hi"]),
    (multipart("--b", "", "hi", "--b--").replace(b"\r\n", b"\n"), [b"hi"]),
])  # fmt: skip
def test_parts_are_found(octets, found):
    assert tree(structure.parse(octets), octets) == found


@pytest.mark.parametrize(("head", "told"), [
    ("Content-Type: text/plain", '"text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0' + _TAIL),
    ("Content-Type: Text/HTML; Charset=X", '"Text" "HTML" ("Charset" "X") NIL NIL "7bit" 1 0' + _TAIL),
    ("X: y", '"text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0' + _TAIL),
    ("Content-Type: a/b; n*0=x; n*1=y", '"a" "b" ("n" "xy") NIL NIL "7bit" 1' + _TAIL),
    ("Content-Type: a/b; n*0*=u'x'%41; n*1=y", '"a" "b" ("n*" "u\'x\'%41y") NIL NIL "7bit" 1' + _TAIL),
    ("Content-Type: a/b\r\nContent-Transfer-Encoding: (x) BASE64 (y)", '"a" "b" NIL NIL NIL "BASE64" 1' + _TAIL),
    ("Content-Type: a/b\r\nContent-Disposition: Foo; a=b", '"a" "b" NIL NIL NIL "7bit" 1 NIL ("Foo" ("a" "b")) NIL NIL'),
    ("Content-Type: a/b\r\nContent-Language: nb, en (x)", '"a" "b" NIL NIL NIL "7bit" 1 NIL NIL ("nb" "en") NIL'),
])  # fmt: skip
def test_bodystructure_tells_what_is_written(head, told):
    octets = f"{head}\r\n\r\nx".encode()
    assert serialize_bodystructure(octets, structure.parse(octets)).decode() == f"({told})"


@pytest.mark.parametrize(
    ("value", "is_file"),
    [
        ("inline", False),
        ("Inline; x=y", False),
        ("attachment", True),
        ("foo", True),
        ("", False),
    ],
)
def test_an_unknown_disposition_is_an_attachment(value, is_file):
    """RFC 2183 section 2.8."""
    part = structure.parse(f"Content-Disposition: {value}\r\n\r\nx".encode())
    assert (part.disposition is not None and part.disposition[0] == "attachment") is is_file


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        "--b\r\n",
        "\r\n--",
        "--b--\r\n",
        "--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n",
        "\r\n--x",
        "--b\r\nContent-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n\r\n",
        "--b\r\nContent-Type: message/rfc822\r\n\r\n",
    ],
)
def test_a_megabyte_of_delimiters_costs_what_its_length_costs(body):
    structure.parse(multipart(body * (10**6 // len(body))))


def test_what_is_a_multipart_by_its_meaning_alone_is_a_text_for_imap_and_has_parts_for_people():
    octets = multipart("--b", "", "hi", "--b", "", "yo", "--b--", kind="multipart; boundary=b")
    root = structure.parse(octets)
    assert [tree(part, octets) for part in root.contents] == [b"hi", b"yo"]
    assert (root.children, structure.section(root, (2,))) == ((), None)
    assert structure.section(root, (1,)) is root
    assert serialize_bodystructure(octets, root).startswith(b'("text" "plain" ("boundary" "b" "charset" "us-ascii")')


@pytest.mark.parametrize(("written", "meant"), [
    ("html", "text/html"),
    ("text html; charset=utf-8", "text/html"),
    ("Content-Type: text/html", "text/html"),
    ("HTML/text", "text/html"),
    ("text/htm", "text/html"),
    ("image jpeg", "image/jpeg"),
    ("pdf", "text/plain"),
    ("multipart", "text/plain"),  # nothing in it is a boundary
    ("multipart; boundary=c", "text/plain"),
])  # fmt: skip
def test_a_type_is_read_as_it_was_meant_where_it_is_none(written, meant):
    root = structure.parse(multipart("--b", "no part", kind=written))
    assert f"{root.type}/{root.subtype}" == meant
    assert not root.guessed


@pytest.mark.parametrize("boundary", ["b", "b1"])
def test_the_empty_line_before_a_boundary_like_the_outer_one_ends_the_fields(boundary):
    kind = f"Content-Type: multipart/mixed; boundary={boundary}"
    octets = multipart("--b", kind, "", f"--{boundary}", "", "hi", f"--{boundary}--", "--b--")
    [inner] = structure.parse(octets).children
    assert octets[inner.header_start : inner.body_start] == f"{kind}\r\n\r\n".encode()
    assert octets[inner.body_start : inner.end] == f"--{boundary}\r\n\r\nhi\r\n--{boundary}--".encode()
