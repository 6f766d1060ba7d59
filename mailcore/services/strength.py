"""What a password must be: long, and not what others would try.  Composition does not count.

`common_passwords.txt.gz` holds the 30,000 most used passwords of public breaches (the list of zxcvbn 4.5.0, MIT licence)
and Norwegian words that people here take.  Guessers take one or two of them and add years and signs, so what consists of
nothing else is refused, however long it is; a sentence of several words passes.
"""

import gzip
import re
import unicodedata
from functools import cache
from pathlib import Path

from mailcore.domain import Account
from mailcore.errors import WeakPassword
from mailcore.services.passwords import MAX_LENGTH, is_allowed, opaque

MIN_LENGTH = 12
_FEW = 5  # different characters
_RUNS = ("abcdefghijklmnopqrstuvwxyzæøå", "01234567890", "qwertyuiopå", "asdfghjkløæ", "zxcvbnm", "1qaz2wsx3edc4rfv5tgb6yhn")
_DISGUISE = str.maketrans("013457@$!", "oieastasi")  # leetspeak


@cache
def _common() -> frozenset[str]:
    path = Path(__file__).with_name("common_passwords.txt.gz")
    return frozenset(gzip.decompress(path.read_bytes()).decode().split("\n"))


def check(password: str, account: Account) -> None:
    """Raises WeakPassword; the text says why."""
    if not is_allowed(password):
        raise WeakPassword("the password holds characters that cannot be used")
    password = opaque(password)
    if len(password) < MIN_LENGTH:
        raise WeakPassword(f"the password is too short; use at least {MIN_LENGTH} characters, a sentence for example")
    if len(password) > MAX_LENGTH:
        raise WeakPassword(f"the password is too long; use at most {MAX_LENGTH} characters")
    own = {account.name, *account.name.split("."), *account.display_name.split(), account.contact.partition("@")[0]}
    if is_guessable(password, own):
        raise WeakPassword("the password is too common; others would guess it")


def is_guessable(password: str, own: set[str] | frozenset[str] = frozenset()) -> bool:
    """Does it consist of at most two known words, runs of keys, repetition, digits and signs?

    Args:
        own: words that belong to the person, such as the name.
    """
    lowered = password.lower()
    if len(set(lowered)) < _FEW:
        return True
    known = _common() | {word.lower() for word in own if len(word) >= 3}
    if lowered in known:
        return True
    plain = unicodedata.normalize("NFC", lowered)
    return any(_words_left(text, known, 2) for text in {plain, plain.translate(_DISGUISE)})


_FILL = re.compile(r"[\W\d_]*")


def _words_left(text: str, known: frozenset[str] | set[str], words: int) -> bool:
    """Can `text` be read as digits and signs with at most `words` known words between them?"""
    start = _FILL.match(text)
    text = text[start.end() :] if start else text
    if not text:
        return True
    if words == 0:
        return False
    return any(
        _words_left(text[end:], known, words - 1)
        for end in range(len(text), 2, -1)
        if text[:end] in known or _is_run(text[:end]) or _repeats(text[:end])
    )


def _is_run(text: str) -> bool:
    return any(text in run or text in run[::-1] for run in _RUNS)


def _repeats(text: str) -> bool:
    """`lalala`: one short piece again and again."""
    return len(text) >= 6 and any(
        len(text) % size == 0 and text == text[:size] * (len(text) // size) for size in range(1, min(7, len(text) // 2 + 1))
    )
