"""Counts of a run, year by year, and the violations of what must never be."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum


class Invariant(StrEnum):
    """Something that must never happen."""

    OPENED = "accounts opened by others"
    LOCKED_OUT = "owners without a way in"
    GIVEN_AWAY = "addresses given to somebody else"
    LOST = "acknowledged messages lost"


@dataclass(frozen=True, slots=True)
class Violation:
    """A breach of an invariant, in the year in which it was seen."""

    invariant: Invariant
    year: int
    what: str


@dataclass(slots=True)
class Tally:
    """Counts of each year, by name; and violations."""

    years: list[Counter[str]] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)

    def begin_year(self) -> None:
        self.years.append(Counter())

    def count(self, name: str, number: int = 1) -> None:
        self.years[-1][name] += number

    def breach(self, invariant: Invariant, what: str) -> None:
        self.violations.append(Violation(invariant, len(self.years), what))

    def total(self, name: str) -> int:
        return sum(year[name] for year in self.years)

    def breaches_of(self, invariant: Invariant) -> list[Violation]:
        return [one for one in self.violations if one.invariant is invariant]
