"""Signs added up by two learners, which err on different messages, and by what was laid down or is remembered of the sender.

Naive Bayes for each sign and Fisher's method for all of them is the way of Robinson ("A statistical approach to the spam
problem", 2003) and of SpamBayes.  A sign that was never seen says nothing.  Of the others the strongest count, against
each other: a message full of good words beside bad ones is unsure, not good.  Logistic regression gives each sign a
weight, which is learned from what was judged wrongly or nearly so.  docs/decisions/023 has the figures by which both were chosen.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mailcore.mail.judging.signs import is_portable

STRENGTH, NEUTRAL = 0.2, 0.5  # how many sightings an unknown sign is worth, and for what
GIVEN = STRENGTH * NEUTRAL
MOST, LEAST = 40, 0.2  # signs that count, and how far from neutral they must be
LEAST_FORM = 50  # messages of each kind from which the form of mail says something
DEPENDENCE = 0.3  # signs of one message repeat each other: so much of each is taken for independent
BAYES_SHARE = 0.5  # of the logarithm of Bayes' odds
RATE = 8.0  # how far one lesson moves the sum of weights where nothing was known
SHORT = 150  # signs: a message of fewer has not more to say about each of them
DOUBT = 15  # signs: of a message that has so many, half is believed, and half is that
INNOCENCE = -2.0  # nothing known speaks against it
UNIT = 4096  # weights are integers of so many to one
SURE = 20.0  # no logarithm of odds is larger
Evidence = Sequence[tuple[str, float]]
# sightings in spam, in other mail, and the weight (in UNIT) of signs by their numbers
Counts = Mapping[int, tuple[float, float, float]]


@dataclass(frozen=True, slots=True)
class Source:
    """Signs that were counted somewhere.

    Attributes:
        counts: of the signs of one message at least.
        spam, ham: messages that were counted.
        weight: of one of these messages, for Bayes.
        has_form: it is a collection of both kinds, so that the form of its mail says something, too.
        bias: what regression adds whatever the signs are, in UNIT.
    """

    counts: Counts
    spam: float
    ham: float
    weight: float = 1.0
    has_form: bool = False
    bias: float = 0.0


@dataclass(frozen=True, slots=True)
class Judgement:
    """Result for one message.

    Attributes:
        probability: that it is spam, 0 to 1.
        reasons: the signs that said most, strongest first, each with its own probability.
        by_weights: what regression alone says, 0 to 1; a lesson corrects that.
    """

    probability: float
    reasons: tuple[tuple[str, float], ...] = ()
    by_weights: float = NEUTRAL


@dataclass(slots=True)
class _Sums:
    """Sums of all sources over the signs of a message."""

    weighed: list[tuple[float, float, str]]
    weights: float = 0.0
    size: int = 0


def judge(signs: Sequence[tuple[str, int]], sources: Iterable[Source], evidence: Evidence = ()) -> Judgement:
    """Judge a message by its signs, each with its number, as several sources have counted them.

    Args:
        evidence: what is said of it by a rule or remembered of its sender, each with the logarithm of its odds.
    """
    known = [one for one in sources if one.spam or one.ham]
    if not known:
        return Judgement(NEUTRAL, tuple((name, to_probability(odds)) for name, odds in evidence))
    sums = _look_up(signs, known)
    sums.weighed.sort(reverse=True)
    strongest = sums.weighed[:MOST]
    by_weights = (sums.weights / find_length(sums.size) + sum(one.bias for one in known)) / UNIT
    odds = BAYES_SHARE * to_odds(_combine([one[1] for one in strongest])) + by_weights
    odds = (odds * sums.size + INNOCENCE * DOUBT) / (sums.size + DOUBT)
    said = [(name, to_probability(one)) for name, one in evidence if abs(one) >= LEAST]
    said += [(name, p) for _, p, name in strongest]
    total = odds + sum(one for _, one in evidence)
    return Judgement(to_probability(total), tuple(said), to_probability(by_weights))


def _look_up(signs: Sequence[tuple[str, int]], known: Sequence[Source]) -> _Sums:
    portable = [sign for sign in signs if is_portable(sign[0])]
    sums = _Sums([], 0.0, len(portable))
    _add_up(sums, portable, known)
    if with_form := [one for one in known if one.has_form and min(one.spam, one.ham) >= LEAST_FORM]:
        _add_up(sums, [sign for sign in signs if not is_portable(sign[0])], with_form)
    return sums


def _add_up(sums: _Sums, signs: Sequence[tuple[str, int]], known: Sequence[Source]) -> None:
    all_spam, all_ham = _add_totals(known)
    gets = [(one.counts.get, one.weight) for one in known]
    for name, number in signs:
        spam = ham = 0.0
        for get, weight in gets:
            if counted := get(number):
                spam += counted[0] * weight
                ham += counted[1] * weight
                sums.weights += counted[2]
        sightings = spam + ham
        if sightings <= 0:
            continue
        spam /= all_spam
        probability = (GIVEN + sightings * spam / (spam + ham / all_ham)) / (STRENGTH + sightings)
        distance = abs(probability - NEUTRAL)
        if distance >= LEAST:
            sums.weighed.append((distance, probability, name))


def find_step(judgement: Judgement, size: int, *, is_spam: bool) -> int:
    """Return by how much a lesson moves the weight of each sign of a message, in UNIT.

    Args:
        size: how many signs it has that owners teach.
    """
    return round(UNIT * RATE * (is_spam - judgement.by_weights) / find_length(size))


def find_length(size: int) -> float:
    """Return by what the weights of so many signs are divided, so that messages count alike."""
    return math.sqrt(max(size, SHORT))


def to_odds(probability: float) -> float:
    """Return the logarithm of the odds, at most SURE."""
    least = 1 / (1 + math.exp(SURE))
    sure = min(max(probability, least), 1 - least)
    return math.log(sure / (1 - sure))


def to_probability(odds: float) -> float:
    return 1 / (1 + math.exp(-min(max(odds, -SURE), SURE)))


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
