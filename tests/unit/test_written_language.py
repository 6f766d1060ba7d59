"""The language of a message is told where there is no doubt, and never otherwise."""

from pathlib import Path

import pytest

from mailcore.mail.judging.written_language import find_language, guess_language

NOTICES = Path(__file__).parents[2] / "templates" / "notices"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Hei! Jeg har ikke hørt noe fra deg etter møtet. Hva gjør vi nå?", "nb"),
        ("Hei! Eg har ikkje høyrt noko frå deg etter møtet. Kva gjer vi no?", "nn"),
        ("Hi, the meeting has been moved to Thursday. Please tell me if you can not come.", "en"),
        ("Hej! Jeg har ikke hørt noget fra dig efter mødet. Hvad gør vi nu?", ""),
        ("Hej! Jag har inte hört något från dig efter mötet. Vad gör vi nu?", ""),
        ("Takk for sist", ""),
        ("Møte torsdag kl. 12 i auditorium 3", ""),
        (
            "Wir haben die Rechnung an Sie gesendet und hoffen, dass alles in Ordnung ist. Bitte antworten Sie nicht.",
            "",
        ),
        ("Beste klant, hierbij ontvangt u de factuur. We hebben het met de post verzonden en is in orde.", ""),
        (
            "Hei! Jeg har ikke hørt noe fra deg etter møtet. The meeting has been moved, please tell me if you can not come.",
            "",
        ),
        ("> Hi, the meeting has been moved to Thursday. Please tell me if you can not come.\n" * 9 + "Takk", ""),
        ("", ""),
    ],
)
def test_it_is_sure_or_silent(text: str, code: str) -> None:
    assert guess_language(text) == code


def test_our_own_letters_are_never_taken_for_another_language() -> None:
    guesses = [(path.suffixes[-2][1:], guess_language(path.read_text())) for path in sorted(NOTICES.glob("*.txt"))]
    assert all(guess in ("", code) for code, guess in guesses)
    assert sum(guess == code for code, guess in guesses) > len(guesses) * 0.7


@pytest.mark.parametrize(
    ("declared", "code"),
    [(("nn",), "nn"), (("de-AT",), "de-AT"), (("no", "en"), ""), (("x_y",), ""), (("",), ""), ((), "")],
)
def test_what_the_sender_declares_counts_where_it_is_one_tag(declared: tuple[str, ...], code: str) -> None:
    assert find_language(declared, "Takk") == code
