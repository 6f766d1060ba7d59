"""Names that a hurried reader takes for another: letters by Unicode's list of confusables, digits, one step of typing."""

import pytest

from mailcore.mail.judging.links import looks_like, skeleton, unmistakable

KNOWN = ("alumni.example", "blåbær.example", "mit.example")


@pytest.mark.parametrize(
    ("domain", "other"),
    [
        ("аlumni.example", "alumni.example"),  # a Cyrillic letter
        ("xn--lumni-3ve.example", "alumni.example"),  # the same as the DNS has it
        ("alumnɩ.example", "alumni.example"),
        ("𝐚lumni.example", "alumni.example"),
        ("alurnni.example", "alumni.example"),
        ("a1umni.example", "alumni.example"),
        ("alunmi.example", "alumni.example"),
        ("alumnni.example", "alumni.example"),
        ("blabaer.example", "blåbær.example"),
        ("mlt.example", ""),  # a short name has many neighbours that mean no harm
        ("mіt.example", "mit.example"),  # but no letters of two scripts
        ("alumni.example", ""),
        ("mail.alumni.example", ""),
        ("alumni.other", ""),
        ("outside.example", ""),
        ("", ""),
    ],
)
def test_a_name_that_could_be_taken_for_a_known_one(domain, other):
    assert looks_like(domain, KNOWN) == other


def test_the_name_that_is_shown_cannot_be_mistaken():
    assert unmistakable("аlumni.example") == "аlumni.example (xn--lumni-3ve.example)"


def test_a_skeleton_is_what_a_hurried_reader_sees():
    assert skeleton("Mοdеrn-Ａrt.example") == skeleton("modemart.example")
