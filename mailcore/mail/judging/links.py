"""Real targets of links, and names that only look like another: people are warned of them, and they count as signs."""

import json
import re
import unicodedata
from collections.abc import Iterable
from functools import cache, lru_cache
from importlib import resources
from itertools import islice
from urllib.parse import urlsplit

from mailcore.mail.reading.organisation import organisational
from mailcore.mail.showing import html_scan

LONG = 6  # letters of a name in which one that differs is overlooked
MAX_LINKS = 2000  # of one message that are looked at
MAX_MISMATCHES = 5  # that are told
MAX_HOST = 255  # characters; longer ones are no names, and cost the square of their length to decode
# words that name a place: an address of the web, or a bare host name with a known kind of ending
_HOST = re.compile(r"(?i)(?:[\w-]{1,63}\.){1,20}[a-z]{2,24}")
_HOST_END = re.compile(r"[/:?#\\]")
_ENDINGS = re.compile(r"(?i)\.(?:com|net|org|edu|gov|io|no|se|dk|fi|is|de|uk|eu|example|fr|nl|info|biz|app|dev)$")
# digits and signs that are read as a Latin letter; letters of other scripts are read by the list of Unicode
_LIKE = str.maketrans(
    {"0": "o", "1": "l", "|": "l", "5": "s", "ℓ": "l", "ø": "o", "æ": "ae", "ł": "l", "ı": "i", "đ": "d"}
    | {"κ": "k", "τ": "t", "к": "k", "м": "m", "т": "t", "в": "b", "н": "h"}  # which the list reads as small capitals
)


@cache
def load_confusables() -> dict[int, str]:
    """Read which letters look like Latin ones: Unicode's list (UTS 39), as confusable-homoglyphs brings it."""
    octets = (resources.files("confusable_homoglyphs") / "confusables.json").read_bytes()
    like: dict[int, str] = {}
    for letter, others in json.loads(octets).items():
        plain = _without_marks(others[0]["c"].casefold()) if len(letter) == 1 and not letter.isascii() else ""
        if plain.isascii() and plain.isalnum():
            like[ord(letter)] = plain
    return like


def _without_marks(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def host(address: str) -> str:
    """Return the host of a web address in readable letters, "" if there is none."""
    try:
        found = (urlsplit(address.strip()).hostname or "").rstrip(".").lower()
    except ValueError:
        return ""
    return readable(found)


def readable(domain: str) -> str:
    """Return a domain with its own letters instead of xn--."""
    try:
        return domain.encode("ascii").decode("idna") if "xn--" in domain and len(domain) <= MAX_HOST else domain
    except UnicodeError:
        return domain


def unmistakable(domain: str) -> str:
    """Return a domain in its own letters, and as the DNS has it beside these where they may be taken for others."""
    own = readable(domain)
    if own.isascii():
        return own
    try:
        return f"{own} ({own.encode('idna').decode('ascii')})"
    except UnicodeError:
        return own


def named_host(words: str) -> str:
    """Return the host that the words of a link name, or ""."""
    words = words.strip().lower()
    scheme, _, rest = words.partition("://")
    has_scheme = scheme in ("http", "https") and bool(rest)
    name = _HOST_END.split((rest if has_scheme else words)[: MAX_HOST + 1], maxsplit=1)[0]
    if len(name) > MAX_HOST or any(map(str.isspace, words)) or not _HOST.fullmatch(name):
        return ""
    return name if has_scheme or _ENDINGS.search(name) else ""


def is_mismatch(words: str, target: str) -> bool:
    """Say if the words of a link name another organisation's place than it leads to."""
    named, real = named_host(words), host(target)
    return bool(named and real) and organisational(named.removeprefix("www.")) != organisational(real)


def mismatches(html: str) -> tuple[tuple[str, str], ...]:
    """Return (words, real host) of links whose words name another place."""
    found: list[tuple[str, str]] = []
    for words, target in islice(html_scan.links(html), MAX_LINKS):
        if is_mismatch(words, target) and (words, host(target)) not in found:
            found.append((words, host(target)))
            if len(found) == MAX_MISMATCHES:
                break
    return tuple(found)


@lru_cache(maxsize=4096)
def skeleton(domain: str) -> str:
    """Reduce a domain to what a hurried reader sees."""
    plain = _without_marks(readable(domain).casefold())
    if not plain.isascii():
        plain = _without_marks(plain.translate(load_confusables()))
    return plain.translate(_LIKE).replace("rn", "m").replace("vv", "w").replace("-", "")


def looks_like(domain: str, known: Iterable[str]) -> str:
    """Return the known domain that this one could be taken for, or ""."""
    mine = organisational(domain.lower())
    others = {organisational(one.lower()) for one in known}
    if mine in others:
        return ""
    seen, seen_rest = _labels(mine)
    for other in sorted(others):
        wanted, wanted_rest = _labels(other)
        if seen_rest == wanted_rest and (
            seen == wanted or (min(len(seen), len(wanted)) >= LONG and _is_one_step(seen, wanted))
        ):
            return other
    return ""


def _labels(domain: str) -> tuple[str, str]:
    """Split a domain into an organisation's own label, as a hurried reader sees it, and the rest."""
    label, _, rest = readable(domain).partition(".")
    return skeleton(label), rest


def _is_one_step(a: str, b: str) -> bool:
    """Say if two words differ by one letter more, less or other, or by two swapped neighbours."""
    if abs(len(a) - len(b)) > 1:
        return False
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    rest_a, rest_b = a[start:], b[start:]
    if len(a) == len(b):
        return rest_a[1:] == rest_b[1:] or (rest_a[:2] == rest_b[1::-1] and rest_a[2:] == rest_b[2:])
    return rest_a[1:] == rest_b if len(a) > len(b) else rest_b[1:] == rest_a
