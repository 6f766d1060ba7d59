"""Mail written by a generator, in Norwegian (bokmål and nynorsk) and English: short letters of people, notices, and spam.

The corpus of 2002 has no Norwegian mail and hardly a letter of three lines.  These are sentences of the project's own
(generated_mail.txt, in the public domain), joined at random, with names, sums and dates put in: they teach the words, and measure
nothing but that Norwegian mail is not judged by being foreign.  `part` 0 and 1 have no letter of that list in common.
"""

import random
from collections.abc import Iterator
from pathlib import Path

LETTERS = Path(__file__).with_suffix(".txt")
NAMES = (
    "Kari Holm",
    "Ola Berg",
    "Siri Dahl",
    "Per Lie",
    "Anne Moe",
    "Nils Vik",
    "Mari Haug",
    "Jon Strand",
    "Eva Lund",
    "Tor Bakke",
)
_MONTHS = {
    "nb": "januar februar mars april mai juni juli august september oktober november desember".split(),  # noqa: SIM905
    "en": "January February March April May June July August September October November December".split(),  # noqa: SIM905
}
_PLACES = ("Bergen", "Oslo", "Voss", "Trondheim", "Bodø", "Florø", "Tromsø", "Stavanger", "Hamar", "Molde")
# how many letters of a hundred have a link, and an author with digits in the address: neither tells the kind
_WITH_LINK, _WITH_DIGITS = {False: 40, True: 75}, {False: 12, True: 35}
_CLOSINGS = {
    "nb": ("Hilsen", "Mvh", "Vennlig hilsen"),
    "nn": ("Helsing", "Vennleg helsing"),
    "en": ("Best", "Regards", "Best regards"),
}


def generate_mail(part: int, count: int) -> Iterator[tuple[bytes, bool]]:
    """Generate so many letters, each with whether it is spam; half of them are.

    Args:
        part: 0 or 1, which have no letter of the lists above in common.
    """
    dice = random.Random(part)  # noqa: S311 - the same letters each time
    letters = {is_spam: _read_letters("spam" if is_spam else "ham")[part::2] for is_spam in (False, True)}
    for number in range(count):
        is_spam = number % 2 == 1
        yield _write(dice, dice.choice(letters[is_spam]), is_spam=is_spam), is_spam


def _read_letters(kind: str) -> list[list[str]]:
    """Return language, subject, greeting and sentences of each letter of this kind."""
    lines = (line.split(" | ") for line in LETTERS.read_text().splitlines())
    return [fields for first, *fields in lines if first == kind]


def _write(dice: random.Random, letter: list[str], *, is_spam: bool) -> bytes:
    language, subject, greeting, *sentences = letter
    name, number = dice.choice(NAMES), dice.randrange(10_000)
    chosen = sentences[: dice.randint(min(2, len(sentences)), len(sentences))]
    domain = f"offer{number}.example" if is_spam else f"home{number % 40}.example"
    local = f"{name.split()[0].lower()}{number if dice.randrange(100) < _WITH_DIGITS[is_spam] else ''}"
    link = f"\r\nhttp://www.{domain}/{number}\r\n" if dice.randrange(100) < _WITH_LINK[is_spam] else ""
    text = (
        f"{greeting}\r\n\r\n{' '.join(chosen)}\r\n{link}\r\n{dice.choice(_CLOSINGS[language])}\r\n{name.split()[0]}\r\n"
    )
    written = (
        f"From: {name} <{local}@{domain}>\r\nTo: kari@alumni.example\r\nSubject: {_fill(dice, subject, language)}\r\n"
    )
    written += "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + _fill(dice, text, language)
    return written.encode()


def _fill(dice: random.Random, text: str, language: str) -> str:
    """Put in what differs from letter to letter."""
    month = dice.choice(_MONTHS["en" if language == "en" else "nb"])
    day = dice.randint(1, 28)
    values = {
        "navn": dice.choice(NAMES).split()[0],
        "måned": month,
        "dato": f"{day} {month}" if language == "en" else f"{day}. {month}",
        "år": str(dice.randint(2020, 2027)),
        "uke": str(dice.randint(1, 52)),
        "sum": f"{dice.randint(1, 98)} {dice.randrange(1000):03}",
        "tall": str(dice.randrange(100, 999_999)),
        "sted": dice.choice(_PLACES),
    }
    return text.format(**values)
