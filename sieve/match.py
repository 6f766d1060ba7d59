"""Comparators and match types (RFC 5228 section 2.7, RFC 4790, relational match of RFC 5231).

A glob takes time linear in the text for each part between two stars; there is no way back.
"""

import operator
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


def ascii_casemap(text: str) -> str:
    """i;ascii-casemap: only A-Z change, so the length stays the same."""
    return text.lower() if text.isascii() else text.translate(_LOWER)


def _octet(text: str) -> str:
    return text


def numeric(text: str) -> int | float:
    """i;ascii-numeric: the leading digits; anything else is above every number (RFC 4790 9.1.1)."""
    end = 0
    while end < len(text) and text[end] in "0123456789":
        end += 1
    return int(text[: min(end, 4000)]) if end else float("inf")


def unicode_casemap(text: str) -> str:
    """i;unicode-casemap (RFC 5051), as far as it keeps the length, which wildcards need."""
    folded = text.casefold()
    if len(folded) == len(text):
        return folded
    return "".join(one if len(one := character.casefold()) == 1 else character.lower()[:1] for character in text)


NUMERIC = "i;ascii-numeric"
DEFAULT = "i;ascii-casemap"
OCTET = "i;octet"
FREE = (DEFAULT, OCTET)  # need no require (RFC 5228 section 2.7.3)
FOLDS: dict[str, Callable[[str], str]] = {
    DEFAULT: ascii_casemap,
    OCTET: _octet,
    "i;unicode-casemap": unicode_casemap,
}
COMPARATORS = (*FOLDS, NUMERIC)

# Any: both sides come from one comparator, so they are both str or both numbers.
RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
    "eq": operator.eq,
    "ne": operator.ne,
}

# A part is the text between two stars: literal pieces, each with the "?" that stand before it.
Part = tuple[tuple[int, str], ...]


class Glob:
    """A `:matches` pattern: `*` any characters, `?` one, a backslash takes the next literally."""

    __slots__ = ("_parts", "_widths")

    def __init__(self, pattern: str) -> None:
        parts: list[Part] = []
        pieces: list[tuple[int, str]] = []
        literal, marks = "", 0
        characters = iter(pattern)
        for character in characters:
            if character == "*":
                pieces.append((marks, literal))
                parts.append(tuple(pieces))
                pieces, literal, marks = [], "", 0
            elif character == "?":
                if literal:
                    pieces.append((marks, literal))
                    literal, marks = "", 0
                marks += 1
            else:
                literal += next(characters, "\\") if character == "\\" else character
        pieces.append((marks, literal))
        parts.append(tuple(pieces))
        self._parts = tuple(parts)
        self._widths = tuple(sum(m + len(text) for m, text in part) for part in parts)

    @property
    def cost(self) -> int:
        """Count the looks at one character of text at worst; a part with `?` looks at every piece anew."""
        return sum(len(part) if len(part) == 1 else 4 * len(part) for part in self._parts)

    @property
    def searches(self) -> int:
        """Count the parts between two stars that are looked for by a compiled pattern."""
        return sum(len(part) > 1 for part in self._parts[1:-1])

    def match(self, folded: str, text: str) -> tuple[str, ...] | None:
        """Return the text that each wildcard took, as little as it could, or None if there is no match.

        Args:
            folded: text as the comparator sees it, of the same length.
        """
        first, last = self._parts[0], self._parts[-1]
        if not _stands_at(first, folded, 0):
            return None
        at = self._widths[0]
        if len(self._parts) == 1:
            return tuple(_marks(first, text, 0)) if at == len(folded) else None
        taken = list(_marks(first, text, 0))
        for part, width in zip(self._parts[1:-1], self._widths[1:-1], strict=True):
            found = _find(part, width, folded, at)
            if found < 0:
                return None
            taken += (text[at:found], *_marks(part, text, found))
            at = found + width
        start = len(folded) - self._widths[-1]
        if start < at or not _stands_at(last, folded, start):
            return None
        return (*taken, text[at:start], *_marks(last, text, start))


def _stands_at(part: Part, text: str, at: int) -> bool:
    for marks, literal in part:
        at += marks
        if not text.startswith(literal, at):
            return False
        at += len(literal)
    return at <= len(text)


@lru_cache(maxsize=512)
def _pattern(part: Part) -> re.Pattern[str]:
    """Compile a part with `?` inside: of fixed width, so it never backtracks."""
    return re.compile("".join("." * m + re.escape(text) for m, text in part), re.DOTALL)


def _find(part: Part, _width: int, text: str, at: int) -> int:
    if len(part) > 1:
        met = _pattern(part).search(text, at)
        return met.start() if met else -1
    marks, literal = part[0]
    found = text.find(literal, at + marks)
    return found - marks if found >= 0 else -1


def _marks(part: Part, text: str, at: int) -> list[str]:
    taken: list[str] = []
    for marks, literal in part:
        taken += text[at : at + marks]
        at += marks + len(literal)
    return taken


@lru_cache(maxsize=512)
def glob(pattern: str) -> Glob:
    return Glob(pattern)
