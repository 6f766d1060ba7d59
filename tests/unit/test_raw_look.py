"""A look at a message's octets rules nothing out that its text has, and most of what it has not (S30)."""

import random
import runpy
from pathlib import Path

import pytest

from mailcore.mail.asking.derived import derive
from mailcore.mail.reading import text
from mailcore.mail.reading.message import Message
from mailcore.mail.showing import raw_look, searchable
from mailcore.mail.showing.raw_look import RawLook
from tests.mail.zoo.animals import all_animals
from tests.portal.test_webmail_reading import html_letter

_BENCH = runpy.run_path(
    str(Path(__file__).parents[2] / "bench" / "corpus.py")
)  # programs that import each other by name
Corpus, RARE = _BENCH["Corpus"], _BENCH["RARE"]
ATTACKS = (Path(__file__).parents[1] / "services" / "attacks.txt").read_text().splitlines()
PIECES = 6  # of each message's text


def may_have(octets: bytes, wanted: str, *, with_header: bool = True) -> bool:
    message = Message(octets)
    derived = derive(message)
    return RawLook(text.fold(wanted)).may_have(
        octets, len(Message(octets).header.block), derived.structure, with_header=with_header
    )


def wrongly_ruled_out(octets: bytes) -> list[str]:
    """Pieces of a message's own text that a look at its octets says are not there."""
    message = Message(octets)
    structure, header = derive(message).structure, message.header.block
    said = searchable.read(octets)
    chance = random.Random(len(octets))  # noqa: S311 - not for secrets
    wrong = []
    for whole, with_header in (
        (said.body, False),
        (said.fields, False),
        (text.fold(text.header_text(header)), True),
    ):
        for _ in range(min(PIECES, len(whole))):
            start = chance.randrange(len(whole))
            piece = whole[start : start + chance.choice((3, 4, 6, 9, 14, 30))]
            if not RawLook(piece).may_have(octets, len(header), structure, with_header=with_header):
                wrong.append(piece)
    return wrong


@pytest.mark.slow  # all of them
@pytest.mark.parametrize("animal", all_animals(), ids=lambda animal: animal.name)
def test_nothing_that_an_animal_of_the_zoo_says_is_ruled_out(animal):
    assert wrongly_ruled_out(animal.octets) == []


@pytest.mark.parametrize("number", range(40))
def test_nothing_that_usual_mail_says_is_ruled_out(number):
    assert wrongly_ruled_out(Corpus((1000, 3000)).message(number)) == []


@pytest.mark.slow
def test_nothing_that_hostile_html_says_is_ruled_out():
    assert {attack: found for attack in ATTACKS if (found := wrongly_ruled_out(html_letter(attack)))} == {}


def letter(body: str, kind: str = "text/plain; charset=utf-8", encoding: str = "8bit", more: str = "") -> bytes:
    return (
        f"From: k@x.example\r\nSubject: x\r\n{more}MIME-Version: 1.0\r\nContent-Type: {kind}\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n{body}\r\n"
    ).encode("utf-8", "surrogateescape")


HTML = "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("octets", "wanted"),
    [
        (letter("Et Kvernbekk til"), "kvernbekk"),
        (letter("kvern=\r\nbekk", encoding="quoted-printable"), "kvernbekk"),
        (letter("kvern=  \r\nbekk", encoding="quoted-printable"), "kvernbekk"),
        (letter("kv=65rnb=65kk", encoding="quoted-printable"), "kvernbekk"),
        (letter("bl=C3=A5b=C3=A6r", encoding="quoted-printable"), "blåbær"),
        (letter("bla=CC=8Ab=C3=A6r", encoding="quoted-printable"), "blåbær"),
        (letter("blåbær"), "BLABÆR"),  # accents apart: the piece of it that is looked for is there
        (letter("<p>kv<b>ern</b>b<i>e</i>kk</p>", HTML), "kvernbekk"),
        (letter("<p>kv<!-- x -->ernbekk</p>", HTML), "kvernbekk"),
        (letter("<p>kv<span style='display:none'>zzz</span>ernbekk</p>", HTML), "kvernbekk"),
        (letter("<p>kv&#101;rn&#x62;ekk</p>", HTML), "kvernbekk"),
        (letter("<p>kvern&shy;bekk</p>", HTML), "kvernbekk"),
        (letter("<p>bl&aring;b&aelig;r</p>", HTML), "blåbær"),
        (letter("=3Cp=3Ekv=3Cb=3Eern=3C/b=3Ebekk=3C/p=3E", HTML, "quoted-printable"), "kvernbekk"),
        (letter("e\ufb03cient o\ufb03ce"), "efficient"),
        (letter("<p>o&ffilig;ce</p>", HTML), "office"),
        (letter("Stra\u00dfe"), "strasse"),
        (letter("Stra\udcdfe", "text/plain; charset=iso-8859-1"), "strasse"),
        (letter("Stra=DFe", "text/plain; charset=iso-8859-1", "quoted-printable"), "strasse"),
        (letter("Stra\udcdfe", "text/plain"), "strasse"),
        (letter("Cola\u2122art"), "colatmart"),
        (letter("a3Zlcm5iZWtr", encoding="base64"), "kvernbekk"),
        (letter("wor \r\nd of", "text/plain; charset=utf-8; format=flowed; delsp=yes"), "word"),
        (letter("x", more="X-Name: =?utf-8?B?a3Zlcm5iZWtr?=\r\n"), "kvernbekk"),
        (letter("x", more="X-Name: =?utf-8?Q?kvern?=\r\n =?utf-8?Q?bekk?=\r\n"), "kvernbekk"),
        (letter("+AGsAdgBlAHIAbgBiAGUAawBr-", "text/plain; charset=utf-7"), "kvernbekk"),
    ],
)
def test_however_it_is_written_it_may_be_there(octets, wanted):
    assert may_have(octets, wanted)


@pytest.mark.parametrize("number", [0, 1, 2, 3, 5, 8])
def test_usual_mail_without_a_word_is_ruled_out(number):
    octets = Corpus((1000, 3000)).message(number)
    assert not may_have(octets, RARE)
    assert not may_have(octets, "kvernbekk og blåbærsyltetøy")


def test_what_is_in_the_header_alone_is_not_in_the_body():
    octets = letter("Hei, hvordan går det?", more="X-Name: kvernbekk\r\n")
    assert may_have(octets, "kvernbekk")
    assert not may_have(octets, "kvernbekk", with_header=False)


def test_characters_that_fold_to_several_letters_stand_in_the_ranges_that_are_looked_at():
    ranges = [range(*one) for one in raw_look._COMPATIBLE]
    missing = []
    for code in (*range(0x80, 0xD800), *range(0xE000, 0x110000)):
        folded = text.fold(chr(code))
        if sum(char.isascii() and char.isalnum() for char in folded) > 1 and not any(code in one for one in ranges):
            missing.append(hex(code))
    assert missing == []


def test_short_words_and_numbers_rule_nothing_out():
    assert not RawLook("").is_useful
    assert not RawLook("OG I").is_useful
    assert not RawLook("2026").is_useful
