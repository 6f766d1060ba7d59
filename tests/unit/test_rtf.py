"""RTF as text: what programs of every kind write, and what nobody should see."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.mail.reading.rtf import is_rtf, read_rtf
from mailcore.mail.showing import body
from tests.processor import costs_under

MOST = 100_000
TEXTS = {
    "words": (rb"{\rtf1\ansi\ansicpg1252\pard hello world}", "hello world"),
    "paragraphs": (rb"{\rtf1 one\par two\line three\par\par\par\par four}", "one\ntwo\nthree\n\nfour"),
    "ends of lines are no text": (b"{\\rtf1 on\r\ne\\par\r\ntwo}", "one\ntwo"),
    "letters in hexadecimal": (rb"{\rtf1\ansi\ansicpg1252 bl\'e5b\'e6rsyltet\'f8y}", "blåbærsyltetøy"),
    "another code page": (rb"{\rtf1\ansi\ansicpg1251 \'cf\'f0\'e8\'e2\'e5\'f2}", "Привет"),
    "the font's code page": (
        rb"{\rtf1\ansi{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Arial;}}\f0 \'e5\f1 \'cf\f0 \'e5}",
        "åПå",
    ),
    "letters of two octets": (rb"{\rtf1\ansi\ansicpg932 \'82\'b1\'82\'f1}", "こん"),
    "Unicode": (rb"{\rtf1\uc1 \u229?\u-10179?\u-8704?!}", "å😀!"),
    "Unicode with more for old readers": (rb"{\rtf1\uc2 \u229aa\u8364\'80\'80x{\uc0 \u229 b}}", "å€xåb"),
    "Unicode without": (rb"{\rtf1{\uc0\u229 }b}", "åb"),
    "signs": (rb"{\rtf1 \ldblquote a\rdblquote  \endash  b\~c\tab d \{\\\}}", "“a” – b\u00a0c\td {\\}"),
    "a table": (rb"{\rtf1\trowd a\cell b\cell\row c\cell\row}", "a\tb\t\nc"),
    "fonts, styles, pictures and more": (
        rb"{\rtf1{\fonttbl{\f0 Arial;}}{\colortbl;\red0;}{\stylesheet{\s0 Normal;}}{\info{\title T}}{\*\generator Word;}"
        rb"{\pict\wmetafile8 0102ff}{\header H}words{\*\unknown {deep} x}}",
        "words",
    ),
    "a picture in octets": (b"{\\rtf1 a{\\pict\\bin6 }}{{\\\\}b}", "ab"),
    "a link": (rb'{\rtf1{\field{\*\fldinst HYPERLINK "https://x.example/"}{\fldrslt here}}}', "here"),
    "hidden": (rb"{\rtf1 x{\v secret}y\v c\v0 z}", "xyz"),
    "HTML within": (
        rb"{\rtf1\ansi\fromhtml1{\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 Hei{\*\htmltag84 &amp;}\htmlrtf &\htmlrtf0 deg"
        rb"\htmlrtf\par}\htmlrtf0{\*\htmltag72 </p>}}",
        "Hei&deg",
    ),
    "it breaks": (rb"{\rtf1 a{\b b\'e", "abe"),
    "behind its end": (rb"{\rtf1 a}b", "a"),
    "no RTF": (b"plain", ""),
    "nothing": (b"", ""),
}


@pytest.mark.parametrize("name", TEXTS)
def test_text_is_read_as_it_is_meant(name: str) -> None:
    octets, words = TEXTS[name]
    assert read_rtf(octets, MOST) == words


HOSTILE = {
    "groups": b"{\\rtf1 " + b"{" * 3_000_000,
    "braces": b"{\\rtf1 " + b"{}" * 1_500_000,
    "controls": b"{\\rtf1" + b"\\b" * 1_500_000,
    "signs": b"{\\rtf1" + b"\\par" * 800_000,
    "Unicode": b"{\\rtf1" + b"\\u1?" * 800_000,
    "octets": b"{\\rtf1" + b"\\'e5" * 800_000,
    "a long name": b"{\\rtf1\\" + b"a" * 3_000_000,
    "binary": b"{\\rtf1\\bin9999999999 x",
    "fonts": b"{\\rtf1{\\fonttbl" + b"".join(b"\\f%d\\fcharset204" % number for number in range(150_000)),
    "spaces": b" " * 3_000_000,
    "lines": b"{\\rtf1 a" + b"\n" * 3_000_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents_cost_little(name: str) -> None:
    with costs_under(2):
        words = read_rtf(HOSTILE[name], MOST)
    assert len(words) < 2 * MOST


@given(st.binary(max_size=200))
def test_any_octets_are_read_without_an_error(octets: bytes) -> None:
    words = read_rtf(b"{\\rtf1 " + octets, MOST)
    words.encode()
    assert is_rtf(octets) or read_rtf(octets, MOST) == ""


ONLY = b"From: a@x.example\r\nContent-Type: %b\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n{\\rtf1\\ansi bl=5C'e5}\r\n"


@pytest.mark.parametrize("kind", [b"text/rtf", b"application/rtf", b"application/rtf; name=brev.rtf"])
def test_rtf_as_the_only_text_is_shown_and_is_a_file_too(kind: bytes) -> None:
    octets = ONLY % kind
    assert body.readable(octets) == "blå"
    assert len(body.read(octets).files) == 1


def test_rtf_beside_a_text_or_attached_is_a_file_alone() -> None:
    attached = ONLY.replace(b"\r\n\r\n", b"\r\nContent-Disposition: attachment; filename=a.rtf\r\n\r\n", 1)
    assert body.readable(attached % b"application/rtf").strip() == ""
    both = (
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nwords\r\n--b\r\nContent-Type: application/rtf\r\n\r\n"
        b"{\\rtf1 others}\r\n--b--\r\n"
    )
    assert body.readable(both).strip() == "words"
