"""Texts that may take a pattern long, from the pattern itself: what it almost matches, again and again.

For each place in the pattern there is what leads to it once or many times, with any of the characters that the place takes
repeated, and an end that it cannot take; beside that, blanks and signs that mail is full of.
"""

import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from itertools import islice, pairwise
from typing import Any

from tests.attacks.growth import Pump

# what `re` itself reads patterns with; by name, as type checkers know these modules now and then
parser: Any = import_module("re._parser")
C: Any = import_module("re._constants")
COMMON = (
    " ", "\t", "\n", "\r\n", "\n ", "a", "A", "0", ".", "-", "<", ">", '"', "\\", "(", ",", ";", "=", "@", "/", "a.", "a ", " a",
    "<a", "&", "\u00a0", "é",
)  # fmt: skip
ENDS = ("", "\x01", "\n", "x", "@", " x", '"')
CATEGORIES = {
    C.CATEGORY_DIGIT: "07",
    C.CATEGORY_NOT_DIGIT: "a ",
    C.CATEGORY_SPACE: " \n\t",
    C.CATEGORY_NOT_SPACE: "a.<",
    C.CATEGORY_WORD: "a0_",
    C.CATEGORY_NOT_WORD: " .-<",
}
MOST = 250


def members(items: Iterable[Any]) -> str:
    """Some characters that a class takes."""
    items = list(items)
    if items and items[0][0] is C.NEGATE:
        refused = set(members(items[1:]))
        return "".join(c for c in 'a .<-@,0"\n\\x' if c not in refused)[:5]
    found = ""
    for op, value in items:
        if op is C.LITERAL:
            found += chr(value)
        elif op is C.RANGE:
            found += chr(value[0]) + chr(value[1])
        elif op is C.CATEGORY:
            found += CATEGORIES[value]
    return found


def pieces(tree: Any) -> list[list[str]]:
    """For each part of a sequence some texts that it takes."""
    found: list[list[str]] = []
    for op, value in tree:
        match str(op):
            case "LITERAL":
                found.append([chr(value)])
            case "NOT_LITERAL":
                found.append([c for c in "a .<" if c != chr(value)][:2])
            case "ANY":
                found.append(["a", " ", "."])
            case "IN":
                found.append(list(members(value))[:6] or ["a"])
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT":
                low, _, inner = value
                within = joined(pieces(inner))
                found.append(([""] if not low else []) + [one * max(1, min(low, 50)) for one in within])
            case "SUBPATTERN":
                found += pieces(value[-1])
            case "ATOMIC_GROUP":
                found += pieces(value)
            case "BRANCH":
                found.append([one for branch in value[1] for one in joined(pieces(branch))[:3]][:8])
            case "ASSERT" | "ASSERT_NOT" | "AT" | "GROUPREF" | "GROUPREF_EXISTS":
                pass
    return found


def joined(parts: list[list[str]]) -> list[str]:
    """A few texts that a sequence takes: in each, one part varies."""
    usual = [next((one for one in part if one), "") for part in parts]
    found = ["".join(usual)]
    for n, part in enumerate(parts):
        found += ["".join([*usual[:n], one, *usual[n + 1 :]]) for one in part[:6]]
    return list(dict.fromkeys(one for one in found if one))[:12]


def units(parts: list[list[str]]) -> Iterator[str]:
    for part in parts:
        yield from part
    for a, b in pairwise(parts):
        yield from (x + y for x in a[:4] for y in b[:4])
    usual = [next((one for one in part if one), "") for part in parts]
    for n in range(1, len(parts) + 1):
        yield "".join(usual[:n])
        yield "".join(usual[:n]) + " "


def pumps(pattern: "re.Pattern[Any]") -> list[Pump]:
    parts = pieces(parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG))
    usual = [next((one for one in part if one), "") for part in parts]
    found: dict[Pump, None] = {}
    for unit in dict.fromkeys(one for one in units(parts) if one):
        found[Pump("", unit, "")] = None
        found[Pump("", unit, "\x01")] = None
    for n, part in enumerate(parts):
        before = "".join(usual[:n])
        for unit in part:
            if unit:
                for end in ENDS:
                    found[Pump(before, unit, end)] = None
    for unit in COMMON:
        for end in ENDS:
            found[Pump("", unit, end)] = None
    return list(islice(found, MOST))
