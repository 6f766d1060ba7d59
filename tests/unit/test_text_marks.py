"""A mark never rules out a text that is there, and rules out nearly all that are not."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailcore.mail.reading.text import fold
from mailcore.mail.showing.text_marks import ANYTHING, MOST_CHARACTERS, MOST_OCTETS, MarkLook, make_mark


@given(st.text(max_size=300), st.text(max_size=30), st.integers(0, 300))
def test_what_is_there_is_never_ruled_out(text: str, word: str, at: int) -> None:
    whole = fold(text[:at] + word + text[at:])
    assert MarkLook(fold(word)).may_have(make_mark("x", whole)) or fold(word) not in whole


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=5000))
def test_every_piece_of_a_text_is_in_its_mark(text: str) -> None:
    folded = fold(text)
    mark = make_mark(folded)
    assert all(MarkLook(folded[at : at + 7]).may_have(mark) for at in range(0, len(folded), 5))


def test_nearly_all_that_are_not_there_are_ruled_out() -> None:
    source = random.Random(1)  # noqa: S311 - not for secrets
    words = ["".join(source.choices("ABCDEFGHIJKLMNOPRSTUV", k=source.randint(3, 9))) for _ in range(3000)]
    marks = [make_mark(" ".join(source.choices(words, k=source.randint(50, 1500)))) for _ in range(300)]
    missed = [f"{word}Q{word[:3]}" for word in words if len(word) > 5][:200]
    vain = sum(MarkLook(word).may_have(mark) for word in missed for mark in marks)
    assert vain < len(missed) * len(marks) * 0.002
    assert all(len(mark) <= MOST_OCTETS for mark in marks)


@pytest.mark.parametrize("short", ["", "A", "ABC"])
def test_a_text_that_is_too_short_is_not_looked_for(short: str) -> None:
    assert not MarkLook(short).is_useful
    assert MarkLook(short).may_have(make_mark("ZZZZZZZ"))


def test_a_text_that_is_too_long_is_never_ruled_out() -> None:
    source = random.Random(1)  # noqa: S311
    for text in ("x" * (MOST_CHARACTERS + 1), "".join(chr(source.randint(0x4E00, 0x9FFF)) for _ in range(60_000))):
        assert make_mark(text) == ANYTHING
    assert MarkLook("WHATEVER").may_have(ANYTHING)
