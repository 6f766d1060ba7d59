"""vCards as address books write them: read rightly, and never with an error."""

# ruff: noqa: E501 - tables of files, a case on a line

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.mail.moving import vcard
from mailcore.mail.moving.vcard import Card


def card(*lines: bytes | str, version: str = "4.0") -> bytes:
    octets = (line.encode() if isinstance(line, str) else line for line in lines)
    return b"\r\n".join((b"BEGIN:VCARD", f"VERSION:{version}".encode(), *octets, b"END:VCARD", b""))


READ = [
    # quoted values of parameters (RFC 6350 section 3.3)
    (card("FN:Per", 'EMAIL;X-LABEL="home:main":per@x.example'), Card("Per", ("per@x.example",))),
    (card("FN:Per", 'EMAIL;X-LABEL="a;b:c";TYPE=work:per@x.example'), Card("Per", ("per@x.example",))),
    (card("FN:Per", 'EMAIL;TYPE="home:per@x.example'), Card("Per", ("per@x.example",))),  # a quote that never ends
    (card('FN;SORT-AS="Aas:Per";LANGUAGE=nb:Per Ås', "EMAIL:per@x.example"), Card("Per Ås", ("per@x.example",))),
    # what stands for a name, and for an address
    (card("ORG:Foreningen;Styret", "EMAIL:per@x.example"), Card("Foreningen, Styret", ("per@x.example",))),
    (card("NICKNAME:Per", "N:;;;;", "EMAIL:per@x.example"), Card("Per", ("per@x.example",))),
    (card("FN:Per", "EMAIL:Per Ås <per@x.example>"), Card("Per", ("per@x.example",))),
    # groups
    (card("item1.FN:Per", "item1.EMAIL;type=INTERNET:per@x.example", "item1.X-ABLabel:EMAIL"), Card("Per", ("per@x.example",))),
    (card("fn:Per", "email:a@x.example", "EMail:b@x.example"), Card("Per", ("a@x.example", "b@x.example"))),
    # escapes of 3.0 and 4.0 (section 3.4), of which 2.1 knows few
    (card(r"FN:Per\, jr.\; Ås\\", "EMAIL:per@x.example", r"NOTE:a\nb\Nc"), Card("Per, jr.; Ås\\", ("per@x.example",), "a\nb\nc")),
    (card(r"NOTE:C:\new\;x", "FN:Per", "EMAIL:p@x.example", version="2.1"), Card("Per", ("p@x.example",), "C:\\new;x")),
    (card(r"N:Ås\;Li;Per;;;", "EMAIL:per@x.example", version="3.0"), Card("Per Ås;Li", ("per@x.example",))),
    (card("N:Ås", "EMAIL:per@x.example"), Card("Ås", ("per@x.example",))),
    (card("FN:", "N:Ås;Per", "EMAIL:per@x.example"), Card("Per Ås", ("per@x.example",))),
    (card("FN:Per", "EMAIL:MAILTO:per@x.example", "EMAIL: ", "EMAIL:"), Card("Per", ("per@x.example",))),
    # folds (section 3.2), also within a character
    (card("FN:Pe", " r", "\tsen", "EMAIL:per", " @x.example"), Card("Persen", ("per@x.example",))),
    (card(b"FN:Per \xc3", b" \x85s", "EMAIL:p@x.example"), Card("Per Ås", ("p@x.example",))),
    (card("FN:Per", " Ås", "EMAIL:p@x.example", version="2.1"), Card("Per Ås", ("p@x.example",))),
    # quoted-printable and charsets of 2.1
    (card("FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:Per =C3=85s", "EMAIL:p@x.example", version="2.1"), Card("Per Ås", ("p@x.example",))),
    (card("FN;ENCODING=QUOTED-PRINTABLE;CHARSET=ISO-8859-1:Per =C5s", "EMAIL:p@x.example", version="2.1"), Card("Per Ås", ("p@x.example",))),
    (card("N;CHARSET=Windows-1252;QUOTED-PRINTABLE:=C5s=80;Per", "EMAIL:p@x.example", version="2.1"), Card("Per Ås€", ("p@x.example",))),
    (card(b"FN;CHARSET=ISO-8859-15:Per \xa4", "EMAIL:p@x.example", version="2.1"), Card("Per €", ("p@x.example",))),
    (card(b"FN;CHARSET=KOI8-R:\xf0\xc5\xd4\xd2", "EMAIL:p@x.example", version="2.1"), Card("Петр", ("p@x.example",))),
    (card(b"FN:Per \xc5s", "EMAIL:p@x.example"), Card("Per Ås", ("p@x.example",))),  # undeclared and no UTF-8
    (card("NOTE;ENCODING=QUOTED-PRINTABLE:one=0D=0A=", "two=3D=", " three", "FN:P", "EMAIL:p@x.example", version="2.1"),
     Card("P", ("p@x.example",), "one\r\ntwo= three")),
    (card("NOTE;ENCODING=QUOTED-PRINTABLE:ends so=", "", "FN:P", "EMAIL:p@x.example", version="2.1"), Card("P", ("p@x.example",), "ends so")),
    (card("FN:1 + 1 =", "EMAIL:p@x.example"), Card("1 + 1 =", ("p@x.example",))),  # no quoted-printable: an = is an =
    # base64 of texts, as some programs write what is beyond ASCII
    (card("FN:Per", "NOTE;ENCODING=b:RU1BSUw=", "EMAIL:p@x.example", version="3.0"), Card("Per", ("p@x.example",), "EMAIL")),
    (card("FN;ENCODING=b:UGVyIMOFcw==", "EMAIL:p@x.example", version="3.0"), Card("Per Ås", ("p@x.example",))),
    (card("N;CHARSET=ISO-8859-1;ENCODING=BASE64:xXM7UGVy", "EMAIL;BASE64:cEB4LmV4YW1wbGU=", version="2.1"), Card("Per Ås", ("p@x.example",))),
    (card("FN;BASE64:UGVy", " IMOFcw", "EMAIL:p@x.example", version="2.1"), Card("Per Ås", ("p@x.example",))),  # folded, no padding
    (card("FN;ENCODING=b:*", "N:Ås;Per", "EMAIL:p@x.example", version="3.0"), Card("Per Ås", ("p@x.example",))),
    # pictures and agents are no text
    (card("FN:Per", "PHOTO;ENCODING=b:RU1BSUw=", "EMAIL:p@x.example", version="3.0"), Card("Per", ("p@x.example",))),
    (card("FN:Per", "EMAIL:p@x.example", "X-PICTURE;BASE64:", " RU1BSUw6eEB5", "", version="2.1"), Card("Per", ("p@x.example",))),
    # marks of an encoding
    (b"\xef\xbb\xbf" + card("FN:Å", "EMAIL:p@x.example"), Card("Å", ("p@x.example",))),
    (card("FN:Å", "EMAIL:p@x.example").decode().encode("utf-16"), Card("Å", ("p@x.example",))),
    (card("FN:Å", "EMAIL:p@x.example").decode().encode("utf-16-be"), Card("Å", ("p@x.example",))),
    # ends of lines, blanks, what is not ended
    (card("FN:Å", "EMAIL:p@x.example").replace(b"\r\n", b"\n"), Card("Å", ("p@x.example",))),
    (card("FN:Å", "EMAIL:p@x.example").replace(b"\r\n", b"\r"), Card("Å", ("p@x.example",))),
    (b"begin:vcard \r\nFN : Per\r\nEMAIL ;TYPE=x: p@x.example \r\n", Card("Per", ("p@x.example",))),
    (card(b"FN:a\0b", "EMAIL:p@x.example"), Card("a\ufffdb", ("p@x.example",))),
]  # fmt: skip


@pytest.mark.parametrize(("octets", "right"), READ, ids=range(len(READ)))
def test_a_card_is_read_rightly(octets: bytes, right: Card) -> None:
    assert list(vcard.read(octets)) == [right]


def test_an_agents_card_within_another_one_does_not_end_it() -> None:
    octets = card(
        "FN:Per",
        "AGENT:",
        "BEGIN:VCARD",
        "FN:Agent",
        "EMAIL:a@x.example",
        "END:VCARD",
        "EMAIL:p@x.example",
        version="2.1",
    )
    assert list(vcard.read(octets)) == [Card("Agent", ("a@x.example",)), Card("Per", ("p@x.example",))]


def test_a_card_that_does_not_end_keeps_nobody_from_the_others() -> None:
    octets = b"BEGIN:VCARD\nFN:A\nEMAIL:a@x.example\n" + card("FN:B", "EMAIL:b@x.example")
    assert [one.name for one in vcard.read(octets)] == ["A", "B"]


PIECES = st.sampled_from([
    b"BEGIN:VCARD\n", b"END:VCARD\n", b"VERSION:2.1\n", b"VERSION:3.0\n", b"FN", b"EMAIL", b"NOTE", b"N", b"AGENT", b":", b";", b'"', b"=", b"=\n",
    b";ENCODING=QUOTED-PRINTABLE", b";CHARSET=utf-7", b";CHARSET=idna", b";CHARSET=utf-16", b"+2AA-", b"=ED=A0=80", b"a@x.example", b"\\", b"\n", b"\r", b" ", b"\t", b"\0",
    b"\xff\xfe", b"\xd8\x00",
])  # fmt: skip


@given(st.one_of(st.binary(max_size=300), st.lists(PIECES, max_size=40).map(b"".join)))
def test_any_octets_are_read_without_an_error_as_text(octets: bytes) -> None:
    for found in vcard.read(octets):
        for text in (found.name, found.note, *found.addresses):
            text.encode()  # no lone surrogate
            assert "\0" not in text


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=40).map(str.strip)


@given(st.lists(st.tuples(NAMES.filter(bool), NAMES), max_size=4))
def test_what_is_written_is_read(people: list[tuple[str, str]]) -> None:
    cards = [Card(name, (f"p{number}@x.example",), note) for number, (name, note) in enumerate(people)]
    written = vcard.write(cards)
    assert list(vcard.read(written.encode())) == cards
    assert all(len(line.encode()) <= 75 for line in written.split("\r\n"))
