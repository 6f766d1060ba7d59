"""Mail written by a generator, in Norwegian (bokmål and nynorsk) and English: short letters of people, notices, and spam.

The corpus of 2002 has no Norwegian mail and hardly a letter of three lines.  These are sentences of the project's own
(generated_mail.txt), joined at random: they teach the words, and measure nothing but that Norwegian mail is not judged by being
foreign.  `part` 0 and 1 share no sentence.
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
    chosen = sentences[: dice.randint(1, len(sentences))]
    domain = f"offer{number}.example" if is_spam else f"home{number % 40}.example"
    local = f"{name.split()[0].lower()}{number if is_spam else ''}"
    link = f"\r\nhttp://www.{domain}/{number}\r\n" if is_spam else ""
    text = (
        f"{greeting}\r\n\r\n{' '.join(chosen)}\r\n{link}\r\n{dice.choice(_CLOSINGS[language])}\r\n{name.split()[0]}\r\n"
    )
    written = f"From: {name} <{local}@{domain}>\r\nTo: kari@alumni.example\r\nSubject: {subject}\r\n"
    written += "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + text
    return written.encode()
