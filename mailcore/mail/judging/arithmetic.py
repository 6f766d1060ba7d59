"""Signs added up: naive Bayes for each sign, Fisher's method for all of them.

It is the way of Robinson ("A statistical approach to the spam problem", 2003) and of SpamBayes.
A sign that was never seen says nothing.  Of the others the strongest count, against each other: a message full of good words
beside bad ones is unsure, not good.  docs/decisions/023 has the figures by which it was chosen.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mailcore.mail.judging.signs import is_portable

STRENGTH, NEUTRAL = 0.45, 0.5  # how many sightings an unknown sign is worth, and for what
MOST, LEAST = 80, 0.2  # signs that count, and how far from neutral they must be
LEAST_FORM = 50  # messages of each kind from which the form of mail says something
DEPENDENCE = 0.3  # signs of one message repeat each other: so much of each is taken for independent


class Counts(Protocol):
    """Sightings of signs in spam and in other mail."""

    def get(self, number: int, /) -> tuple[float, float] | None:
        """Return the sightings of the sign with this number, or None."""
        ...

    def __len__(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Source:
    """Signs that were counted somewhere.

    Attributes:
        spam, ham: messages that were counted.
        weight: of one of these messages.
        has_form: it is a collection of both kinds, so that the form of its mail says something, too.
    """

    counts: Counts
    spam: float
    ham: float
    weight: float = 1.0
    has_form: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """`probability` that a message is spam, 0 to 1, and the signs that said most, strongest first, each with its own."""

    probability: float
    reasons: tuple[tuple[str, float], ...] = ()


def judge(signs: Sequence[tuple[str, int]], sources: Iterable[Source]) -> Judgement:
    """Judge a message by its signs, each with its number, as several sources have counted them."""
    known = [one for one in sources if len(one.counts)]
    with_form = [one for one in known if one.has_form and min(one.spam, one.ham) >= LEAST_FORM]
    totals, totals_of_form = _add_totals(known), _add_totals(with_form)
    weighed: list[tuple[float, float, str]] = []
    for name, number in signs:
        spam = ham = 0.0
        portable = is_portable(name)
        all_spam, all_ham = totals if portable else totals_of_form
        for source in known if portable else with_form:
            if counted := source.counts.get(number):
                spam += counted[0] * source.weight
                ham += counted[1] * source.weight
        sightings = spam + ham
        if sightings <= 0:
            continue
        spam, ham = spam / all_spam, ham / all_ham
        probability = (STRENGTH * NEUTRAL + sightings * spam / (spam + ham)) / (STRENGTH + sightings)
        if abs(probability - NEUTRAL) >= LEAST:
            weighed.append((abs(probability - NEUTRAL), probability, name))
    weighed.sort(reverse=True)
    strongest = weighed[:MOST]
    return Judgement(_combine([one[1] for one in strongest]), tuple((name, p) for _, p, name in strongest))


def _add_totals(sources: Iterable[Source]) -> tuple[float, float]:
    totals = [(one.spam * one.weight, one.ham * one.weight) for one in sources]
    return max(sum(spam for spam, _ in totals), 1.0), max(sum(ham for _, ham in totals), 1.0)


def _combine(probabilities: Sequence[float]) -> float:
    if not probabilities:
        return NEUTRAL
    freedom = max(1, round(len(probabilities) * DEPENDENCE))
    spam = _tail(-DEPENDENCE * sum(math.log(1 - one) for one in probabilities), freedom)
    ham = _tail(-DEPENDENCE * sum(map(math.log, probabilities)), freedom)
    return (1 + ham - spam) / 2


def _tail(half: float, pairs: int) -> float:
    """Return the chance that chi-square of 2 * `pairs` degrees exceeds 2 * `half`.  `half` is below 600, by MOST."""
    term = total = math.exp(-half)
    for number in range(1, pairs):
        term *= half / number
        total += term
    return min(total, 1.0)
