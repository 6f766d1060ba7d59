"""Fields and bodies as we write them, by example."""

import email
import email.policy
from datetime import UTC, datetime

import pytest

from mailcore.mail.reading.lines import lines_of, one_line
from mailcore.mail.writing import composer, encoded_words, entities, fields_out
from mailcore.mail.writing.composer import Heading
from mailcore.mail.writing.fields_out import NameAddr, people_field, text_field
from tests.readers import READERS, faults


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("a", ["a"]),
        ("a\n", ["a"]),
        ("a\r\nb\rc\nd", ["a", "b", "c", "d"]),
        ("\n", [""]),
        ("a\n\n", ["a", ""]),
        ("a\x0bb\x0cc\x1cd\x1de\x1ef\x85g\u2028h\u2029i", ["a\x0bb\x0cc\x1cd\x1de\x1ef\x85g\u2028h\u2029i"]),
    ],
)
def test_a_line_ends_with_crlf_lf_or_cr_and_nothing_else(text, lines):
    assert lines_of(text) == lines


def test_a_value_is_one_line_for_everybody():
    assert one_line("a\x0bb\x0cc\x1cd\x85e\u2028f\r\ng\0h\ud800 ") == "a b c d e f  g h\ufffd"


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("Hei", b"Subject: Hei\r\n"),
        ("", b"Subject:\r\n"),
        ("Re: Møte i Ås kl. 12", b"Subject: Re: =?utf-8?q?M=C3=B8te_i_=C3=85s?= kl. 12\r\n"),
        ("日本語のメール", b"Subject: =?utf-8?b?5pel5pys6Kqe44Gu44Oh44O844Or?=\r\n"),
        ("what is =?utf-8?q?x?= here", b"Subject: what is =?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?= here\r\n"),
        ("a\r\nBcc: evil@x.example", b"Subject: a  Bcc: evil@x.example\r\n"),
        ("ord " * 30, b"Subject:" + b" ord" * 17 + b"\r\n" + b" ord" * 13 + b"\r\n"),
    ],
)
def test_a_subject(text, field):
    assert text_field("Subject", text) == field


@pytest.mark.parametrize("text", [
    "x" * 2000, "æ" * 2000, "😀" * 500, "日" * 700, "Møte " * 300, "a " * 3000 + "æ", " " * 4000 + "x" + " " * 4000 + "y",
    "=?" * 900, "x" * 75, "x" * 68, "ord " * 16 + "å", "\u0301" * 400,
])  # fmt: skip
def test_a_long_subject_is_folded_and_comes_back(text):
    octets = text_field("Subject", text)
    assert faults(octets + b"\r\n") == []
    assert max(map(len, octets.split(b"\r\n"))) <= 78
    message = email.message_from_bytes(octets + b"\r\n", policy=email.policy.default)
    assert " ".join(message["subject"].split()) == " ".join(text.split())


@pytest.mark.parametrize(("name", "field"), [
    ("", b"From: ola@alumni.example\r\n"),
    ("Ola Nordmann", b"From: Ola Nordmann <ola@alumni.example>\r\n"),
    ("Nordmann, Ola", b'From: "Nordmann, Ola" <ola@alumni.example>\r\n'),
    ('Ola "O" N\\', b'From: "Ola \\"O\\" N\\\\" <ola@alumni.example>\r\n'),
    ("Åse Ås", b"From: =?utf-8?q?=C3=85se_=C3=85s?= <ola@alumni.example>\r\n"),
    ("Nordmann, Kåre", b"From: =?utf-8?q?Nordmann=2C_K=C3=A5re?= <ola@alumni.example>\r\n"),
    ("kari@x.example", b'From: "kari@x.example" <ola@alumni.example>\r\n'),
    ("=?utf-8?q?x?=", b"From: =?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?= <ola@alumni.example>\r\n"),
])  # fmt: skip
def test_a_display_name(name, field):
    assert people_field("From", [NameAddr("ola@alumni.example", name)]) == field


@pytest.mark.parametrize(("spec", "written"), [
    ("a@b.example", "a@b.example"), ("a b@b.example", '"a b"@b.example'), ('"a b"@b.example', '"a b"@b.example'),
    ("a..b@b.example", '"a..b"@b.example'), ("a@[192.0.2.1]", "a@[192.0.2.1]"), ("a@blåbær.example", "a@xn--blbr-roah.example"),
    ("kåre@b.example", "kåre@b.example"), ("a", ""), ("@b", ""), ("a@", ""), ("a@b c", ""), ("a@b>", ""), ("a@b\r\nBcc: x@y", ""),
    ("x" * 950 + "@b.example", ""),
])  # fmt: skip
def test_an_address(spec, written):
    assert fields_out.addr_spec(spec) == written


LONG = "<AM0PR05MB6834D2C88EE7DD0B43CC6B35E8A0A@AM0PR05MB6834.eurprd05.prod.outlook.com>"


def test_an_identifier_is_never_encoded_and_never_cut():
    """`cases/reply-to-long-message-id`: as an encoded word nobody knew the message by it."""
    assert fields_out.ids_field("In-Reply-To", [LONG]) == f"In-Reply-To: {LONG}\r\n".encode()
    assert fields_out.ids_field("References", [LONG, LONG]) == f"References: {LONG}\r\n {LONG}\r\n".encode()


@pytest.mark.parametrize(("value", "found"), [
    ("<a@b>", ["<a@b>"]), ("<a@b><c@d>", ["<a@b>", "<c@d>"]), ("<a@b>,\r\n <c@d> (x)", ["<a@b>", "<c@d>"]), ("a@b", ["<a@b>"]),
    ("<a\r\n b@c>", ["<ab@c>"]), ("hello", []), ("mail of a@b", []), ("<å@b>", []), ("<>", []), ("", []),
    ("<" + "x" * 2000 + "@b> <c@d>", ["<c@d>"]), ("a@b, c@d e@f", ["<a@b>", "<c@d>", "<e@f>"]),
])  # fmt: skip
def test_identifiers_in_a_field(value, found):
    assert fields_out.identifiers(value) == found


@pytest.mark.parametrize(("name", "value", "written"), [
    ("X-A", "a  b", b"X-A: a  b\r\n"), ("X-A", "=?utf-8?q?x?=", b"X-A: =?utf-8?q?x?=\r\n"), ("X-A", "", b"X-A:\r\n"),
    ("List-Post", f"<https://x.example/{'y' * 100}>", b"List-Post: <https://x.example/" + b"y" * 100 + b">\r\n"),
    ("X-A", "\u00e6\u2028b: c", b"X-A: =?utf-8?b?w6Y=?= b: c\r\n"), ("X-A", "a\x0bX-Evil: y", b"X-A: a X-Evil: y\r\n"),
    ("From", "\u00c5se \u00c5s <a@b.example>, c@d.example", b"From: =?utf-8?q?=C3=85se_=C3=85s?= <a@b.example>, c@d.example\r\n"),
    ("From", "\u00c5se", b"From: =?utf-8?q?=C3=85se?=\r\n"), ("References", "<a@b> <c@d>", b"References: <a@b> <c@d>\r\n"),
])  # fmt: skip
def test_a_field_that_a_script_adds(name, value, written):
    """An address in an encoded word is none: the library encoded the whole value."""
    assert fields_out.script_field(name, value) == written


@pytest.mark.parametrize(
    "value", ["x" * 2000, "x" * 899 + " " + "y" * 899, "a" + " " * 3000 + "b", "\ud800", "\u00e6" * 3000]
)
def test_no_field_of_a_script_is_too_long(value):
    assert faults(fields_out.script_field("X-A", value) + b"\r\n") == []


def test_of_long_references_the_first_and_the_last_ones_stay():
    ids = [f"<{number:03}.{'x' * 60}@x.example>" for number in range(200)]
    kept = fields_out.references(" ".join(ids), "<parent@x.example>")
    assert kept == (ids[0], *ids[-18:], "<parent@x.example>")
    long = [f"<{number}{'x' * 890}@x>" for number in range(30)]
    kept = fields_out.references(" ".join(long[:-1]), long[-1])
    assert (kept[0], kept[-1]) == (long[0], long[-1])
    assert sum(map(len, kept)) <= fields_out.MOST_IDS_OCTETS
    assert fields_out.references("<p@x> <q@x>", "<p@x>") == ("<q@x>", "<p@x>")


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("plan.pdf", b"Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=plan.pdf\r\n"),
        (
            "min plan.pdf",
            b'Content-Type: application/pdf\r\nContent-Disposition: attachment; filename="min plan.pdf"\r\n',
        ),
        (
            "rømmegrøt – æ.pdf",
            b'Content-Type: application/pdf; name="rommegrot - ae.pdf"\r\nContent-Disposition: attachment;\r\n'
            b" filename*=utf-8''r%C3%B8mmegr%C3%B8t%20%E2%80%93%20%C3%A6.pdf\r\n",
        ),
        (
            "日本語.pdf",
            b"Content-Type: application/pdf; name=___.pdf\r\nContent-Disposition: attachment;\r\n"
            b" filename*=utf-8''%E6%97%A5%E6%9C%AC%E8%AA%9E.pdf\r\n",
        ),
        (
            "æ" * 20 + ".pdf",
            b"Content-Type: application/pdf;\r\n name=" + b"ae" * 20 + b".pdf\r\nContent-Disposition: attachment;\r\n"
            b" filename*0*=utf-8''"
            + b"%C3%A6" * 9
            + b";\r\n filename*1*="
            + b"%C3%A6" * 10
            + b";\r\n filename*2*=%C3%A6.pdf\r\n",
        ),
    ],
)
def test_the_name_of_a_file(name, fields):
    assert b"".join(entities.file(name, "application/pdf", [])) == fields + b"Content-Transfer-Encoding: base64\r\n\r\n"


@pytest.mark.parametrize(("words", "encoding"), [
    ("Hello\nyou", b"7bit"), ("x" * 78, b"7bit"), ("x " * 40, b"quoted-printable"),
    ("x" * 998, b"7bit"), ("x" * 999, b"quoted-printable"), ("Hei æøå", b"quoted-printable"),
    ("От кого это письмо, и кому оно написано? " * 20, b"base64"), ("a\nFrom here", b"quoted-printable"),
    ("a\0b", b"quoted-printable"),
    ("", b"7bit"), ("a\u2028b", b"quoted-printable"), ("x\ud800", b"quoted-printable"),
])  # fmt: skip
def test_a_text_is_written_as_it_fits(words, encoding):
    octets = entities.text(words)
    assert b"\r\nContent-Transfer-Encoding: " + encoding + b"\r\n" in octets
    assert faults(octets) == []


def test_words_and_addresses_of_the_web_stay_whole_in_quoted_lines():
    url = "https://alumni.example/forwarding/confirm/" + "x" * 30
    octets = entities.text(f"Bekreft på {url} i dag, så er alt i orden og du får e-posten din sendt videre. {url} æøå")
    assert octets.count(url.encode()) == 2
    assert b"=\r\nFrom " not in entities.text("æ" + "x" * 70 + " From here" * 20)


@pytest.mark.parametrize(("pieces", "encoding"), [
    ([], "7bit"), ([b"a\r\nb\r\n"], "7bit"), ([b"a\r", b"\nb"], "7bit"), ([b"\xe6\r\n"], "8bit"), ([b"a\nb"], "binary"),
    ([b"a\rb"], "binary"), ([b"a\r", b"b"], "binary"), ([b"a\r"], "binary"), ([b"a\0"], "binary"),
    ([b"x" * 998, b"\r\n"], "7bit"), ([b"x" * 998, b"x\r\n"], "binary"), ([b"x" * 500] * 2, "binary"),
])  # fmt: skip
def test_what_goes_along_as_it_is_says_what_it_is(pieces, encoding):
    assert entities.encoding_of(pieces) == encoding


def test_all_readers_agree_on_a_whole_message():
    heading = Heading(
        NameAddr("ola@alumni.example", "Nordmann, Kåre"),
        (NameAddr("kari@x.example", "Kari Ås"), NameAddr("b@x.example")),
        "Blåbær på Ås",
        datetime(2026, 11, 29, tzinfo=UTC),
        "<1@alumni.example>",
        answers=(LONG, "<2@x.example>"),
    )
    file = entities.file("rømmegrøt.txt", "text/plain", [b"x"])
    octets = composer.compose(heading, entities.multipart([[entities.text("æøå\n> sitert\nFrom her")], file]))
    assert faults(octets) == []
    for read in READERS:
        seen = read(octets)
        assert (seen.subject, seen.author) == ("Blåbær på Ås", ("Nordmann, Kåre", "ola@alumni.example")), read
        assert seen.to == (("Kari Ås", "kari@x.example"), ("", "b@x.example")), read
        assert (seen.in_reply_to, seen.references) == ("<2@x.example>", (LONG, "<2@x.example>")), read
        assert (seen.text, seen.files) == ("æøå\n> sitert\nFrom her", ("rømmegrøt.txt",)), read


def test_the_first_encoded_word_leaves_room_for_what_stands_before_it():
    assert max(map(len, encoded_words.encoded("æ" * 200, 30))) <= 75
    assert len(encoded_words.encoded("æ" * 200, 30)[0]) <= 30
