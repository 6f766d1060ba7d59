"""Password strength: a password must be long, and not what others would try.  Composition does not count.

`common_passwords.txt.gz` holds the 30,000 most used passwords of public breaches (the list of zxcvbn 4.5.0, MIT licence)
and Norwegian words that people here take.  Guessers take one or two of them and add years and signs, and they know the
site and whose account it is: so what consists of nothing else is refused, however long it is.  A sentence of several
words passes.
"""

import gzip
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources
from urllib.parse import urlsplit

from mailcore.config import Config
from mailcore.domain import Account
from mailcore.errors import WeakPassword
from mailcore.services.credentials.passwords import MAX_LENGTH, is_allowed, prepare_password

MIN_LENGTH = 12
_FEW = 5  # different characters
_SHORTEST, _LONGEST_COMMON = 3, 32
_REPEATED, _PIECE = 6, 6  # a short piece again and again, such as `lalala`: the least in all, and the longest piece
_RUNS = (
    "abcdefghijklmnopqrstuvwxyzæøå",
    "01234567890",
    "qwertyuiopå",
    "asdfghjkløæ",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv5tgb6yhn",
)
_DISGUISE = str.maketrans("013457@$!", "oieastasi")  # leetspeak
_DISGUISES = (_DISGUISE, _DISGUISE | {ord("1"): "l", ord("!"): "l"})
_FOLD = str.maketrans({"æ": "ae", "ø": "o", "å": "a", "ö": "o", "ä": "a", "ü": "u"})
_SITE = ("alumnimail", "alumni", "webmail", "password", "passord", "http", "https", "www")


@cache
def _common() -> frozenset[str]:
    packed = resources.files("mailcore.services.credentials") / "common_passwords.txt.gz"
    words = gzip.decompress(packed.read_bytes()).decode().split("\n")
    ways = (way for run in _RUNS for way in (run, run[::-1]))
    runs = (way[at:end] for way in ways for at in range(len(way)) for end in range(at + _SHORTEST, len(way) + 1))
    return frozenset((*(word for word in words if len(word) >= _SHORTEST), *runs))


def check_strength(password: str, account: Account, site: frozenset[str] = frozenset()) -> None:
    """Check that the account may have this password.

    Args:
        site: words that everybody knows who wants in (`list_site_words`).

    Raises:
        WeakPassword: the text says why.
    """
    if not is_allowed(password):
        raise WeakPassword("the password holds characters that cannot be used")
    password = prepare_password(password)
    if len(password) < MIN_LENGTH:
        raise WeakPassword(f"the password is too short; use at least {MIN_LENGTH} characters, a sentence for example")
    if len(password) > MAX_LENGTH:
        raise WeakPassword(f"the password is too long; use at most {MAX_LENGTH} characters")
    if is_guessable(password, {account.name, account.display_name, account.contact.partition("@")[0], *site}):
        raise WeakPassword("the password is too common; others would guess it")


def list_site_words(config: Config) -> frozenset[str]:
    """List the site's names: of its domain, its host and its pages."""
    hosts = (*config.mail_domains, config.host, urlsplit(config.url).hostname or "")
    parents = (host.partition(".")[2] for host in hosts)
    return frozenset((*hosts, *(parent for parent in parents if "." in parent), *_SITE))


def is_guessable(password: str, own: Iterable[str] = ()) -> bool:
    """Say if it consists of few words that others would try, runs of keys, repetition, digits and signs.

    Two common words are few; so is any number of the person's and the site's with one common word.

    Args:
        own: names that belong to the person or the site, as they are written.
    """
    lowered = unicodedata.normalize("NFC", password.lower())
    if len(set(lowered)) < _FEW:
        return True
    known, own_words = _common(), frozenset(variant for name in own for variant in _variants(name))
    if lowered in known or lowered in own_words:
        return True
    longest = max((_LONGEST_COMMON, *map(len, own_words)))
    bare = "".join(sign for sign in lowered if sign.isalnum())  # names with other signs between their parts
    return any(
        _words_needed(text, written, known, own_words, longest, own_costs=costs) <= most
        for written in dict.fromkeys((lowered, bare))
        for text in dict.fromkeys((written, *(written.translate(disguise) for disguise in _DISGUISES)))
        for costs, most in ((1, 2), (0, 1))
    )


def _variants(name: str) -> Iterator[str]:
    """Yield a name, its parts, and what people make of it: without signs, backwards, without æøå, in leetspeak."""
    lowered = unicodedata.normalize("NFC", name.lower()).strip()
    parts = "".join(sign if sign.isalnum() else " " for sign in lowered).split()
    for plain in {lowered, "".join(parts), *parts}:
        for word in {plain, plain.translate(_FOLD), plain.translate(_DISGUISE)}:
            if len(word) >= _SHORTEST:
                yield from (word, word[::-1])


def _words_needed(
    text: str, written: str, known: frozenset[str], own: frozenset[str], longest: int, *, own_costs: int
) -> int:
    """Count the fewest words as which it can be read, digits and signs between them; a large number where it cannot.

    From the left, once: for each place the fewest words that lead there.

    Args:
        written: the same before leetspeak was read in it; a digit there may be a digit, too.
    """
    none = len(text) + 1
    fewest = [0] + [none] * len(text)
    again = [_repetition(text, size) for size in range(1, _PIECE + 1)]
    for at in range(len(text)):
        words = fewest[at]
        if words > 2:
            continue
        if not (text[at].isalpha() and written[at].isalpha()):
            fewest[at + 1] = min(fewest[at + 1], words)
        for end in range(at + _SHORTEST, min(at + longest, len(text)) + 1):
            piece = text[at:end]
            if piece in own:
                fewest[end] = min(fewest[end], words + own_costs)
            elif piece in known:
                fewest[end] = min(fewest[end], words + 1)
        for same in again:
            if same[at] >= _REPEATED:
                fewest[at + same[at]] = min(fewest[at + same[at]], words + 1)
    return fewest[-1]


def _repetition(text: str, size: int) -> list[int]:
    """Return for each place how far its `size` characters are repeated, themselves included; 0 for once."""
    same = [0] * (len(text) + 1)
    for at in range(len(text) - size - 1, -1, -1):
        same[at] = same[at + 1] + 1 if text[at] == text[at + size] else 0
    return [size * (1 + same[at] // size) if same[at] >= size else 0 for at in range(len(text))]
