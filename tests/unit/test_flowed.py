"""Paragraphs that were broken for transport (RFC 3676)."""

import pytest

from mailcore.mail.showing.flowed import unflowed
from tests.processor import costs_under


@pytest.mark.parametrize(("written", "read"), [
    ("en \nto\n", "en to\n"),
    ("en\nto\n", "en\nto\n"),
    ("Vennlig hilsen \n-- \nOla", "Vennlig hilsen\n-- \nOla"),
    ("-- \nOla \nNordmann", "-- \nOla Nordmann"),
    ("> a \n> -- \n> Ola", "> a\n> -- \n> Ola"),
    ("> a \n> b\nc", "> a b\nc"),
    ("> a \n>> b", "> a\n>> b"),
    (" >not quoted\n From here\n  two", ">not quoted\nFrom here\n two"),
    (">> a \n>> b", ">> a b"),
    ("> \n> a", "> \n> a"),
    (" \n\nx", "\n\nx"),
    ("last ", "last "),
    ("a \n\nb", "a\n\nb"), ("> a \n>\n> b", "> a\n> \n> b"),  # an empty line parts paragraphs whatever stands before it
])  # fmt: skip
def test_lines_flow_as_the_standard_has_it(written, read):
    assert unflowed(written) == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("ord \ndeling", "orddeling"),
        ("et  \nord", "et ord"),
        ("a \n-- \nb", "a\n-- \nb"),
        ("> 日 \n> 本", "> 日本"),
    ],
)
def test_a_space_that_is_no_part_of_the_text_goes(written, read):
    assert unflowed(written, delsp=True) == read


def test_one_paragraph_of_a_megabyte_is_read_in_linear_time():
    with costs_under(2):
        assert len(unflowed("word \n" * 200_000)) == 1_000_000
