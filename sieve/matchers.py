"""Matchers: closures that compare the values of a message with the keys of a test (RFC 5228 section 2.7).

Each spends steps of the run for what it compares.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sieve import limits, regex
from sieve.interpreter import Matcher, State, Text, Texts
from sieve.match import FOLDS, NUMERIC, RELATIONS, glob, numeric
from sieve.parser import ScriptError
from sieve.phrase import Phrase
from sieve.signature import Bound


def is_any(fold: Callable[[str], str], wanted: Texts, fixed: tuple[str, ...] | None) -> Matcher:
    known = None if fixed is None else frozenset(fixed)

    def compare(state: State, values: Iterable[str]) -> bool:
        keys = known if known is not None else frozenset(map(fold, wanted(state)))
        for value in values:
            state.spend(1 + len(value) // limits.STEP_CHARACTERS)
            if fold(value) in keys:
                return True
        return False

    return compare


def contains_any(fold: Callable[[str], str], wanted: Texts, fixed: tuple[str, ...] | None) -> Matcher:
    def compare(state: State, values: Iterable[str]) -> bool:
        keys = fixed if fixed is not None else tuple(map(fold, wanted(state)))
        for value in values:
            state.spend((1 + len(value) // limits.STEP_CHARACTERS) * len(keys))
            folded = fold(value)
            for key in keys:
                if key in folded:
                    return True
        return False

    return compare


def matches_any(fold: Callable[[str], str], wanted: Texts) -> Matcher:
    """`:matches`; what the wildcards took becomes ${1} and so on (RFC 5229 section 3.2)."""

    def compare(state: State, values: Iterable[str]) -> bool:
        globs = tuple(glob(fold(key)) for key in wanted(state))
        for value in values:
            folded = fold(value)
            for each in globs:
                state.spend(1 + each.searches * limits.SEARCH_STEPS + len(value) * each.cost // limits.STEP_CHARACTERS)
                taken = each.match(folded, value)
                if taken is not None:
                    state.matched = (value, *taken[: limits.MAX_MATCH_VARIABLE])
                    return True
        return False

    return compare


def matches_regex(ignore_case: bool, made: Sequence[tuple[int, Any] | Text]) -> Matcher:
    def known(state: State, one: tuple[int, Any] | Text) -> tuple[int, Any]:
        if isinstance(one, tuple):
            return one
        text = one(state)
        state.spend(limits.PATTERN_STEPS)
        return len(text), regex.pattern(text, ignore_case)

    def compare(state: State, values: Iterable[str]) -> bool:
        try:
            patterns = [known(state, one) for one in made]
        except ValueError:
            return False  # a variable that is no pattern matches nothing; a constant one is refused beforehand
        for value in values:
            for length, pattern in patterns:
                state.spend(1 + len(value) * (1 + length) // limits.STEP_CHARACTERS)
                if found := pattern.search(value):
                    groups = found.groups()[: limits.MAX_MATCH_VARIABLE]
                    state.matched = (found.group(0), *(group or "" for group in groups))
                    return True
        return False

    return compare


def is_in_list(wanted: Texts) -> Matcher:
    """`:list` (RFC 6134 section 2.7)."""
    return lambda state, values: any(state.ask().list_holds(name, v) for v in values for name in wanted(state))


def equals_number(wanted: Texts) -> Matcher:
    def compare(state: State, values: Iterable[str]) -> bool:
        keys = frozenset(map(numeric, wanted(state)))
        for value in values:
            state.spend(1)
            if numeric(value) in keys:
                return True
        return False

    return compare


def relates(bound: Bound, kind: str, comparator: str, wanted: Texts) -> Matcher:
    """RFC 5231: `:value "gt"` on each value, `:count "gt"` on how many there are."""
    sign = (bound.tag_string(kind) or "").lower()
    relation = RELATIONS.get(sign)
    if relation is None:
        problem = Phrase("unknown relation '%(sign)s'; known: %(known)s", sign=sign, known=", ".join(RELATIONS))
        raise ScriptError(bound.line, problem)
    fold: Callable[[str], object] = numeric if comparator == NUMERIC else FOLDS[comparator]

    def compare(state: State, values: Iterable[str]) -> bool:
        given = list(values)
        state.spend(len(given))
        found = [str(len(given))] if kind == "count" else given
        keys = tuple(map(fold, wanted(state)))
        state.spend((len(found) + sum(map(len, found)) // limits.STEP_CHARACTERS) * len(keys) + 1)
        return any(relation(fold(value), key) for value in found for key in keys)

    return compare
