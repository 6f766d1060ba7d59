"""Training of a model from messages of a corpus, for tools/train-spam and bench/spam.py."""

import random
from collections.abc import Iterable, Sequence

from mailcore.mail.judging.arithmetic import RATE, UNIT, find_length, to_probability
from mailcore.mail.judging.model import number_of, write_model
from mailcore.mail.judging.signs import is_shipped, list_signs
from mailcore.mail.reading.message import Message

LEAST_SIGHTINGS = 3  # rarer signs are left out: they are most of a model's size, and say little
MARGIN = 2.0  # log odds of what is right, from which a message teaches nothing more
ROUNDS = 3  # in which regression sees every message, each time in another order
BIAS_SHARE = 0.02  # of a step: spam is no more likely because the last message was
Lesson = tuple[Sequence[int], bool]  # the signs of a message, and whether it is spam


def train_model(messages: Iterable[tuple[bytes, bool]]) -> bytes:
    """Make a model of messages, each with whether it is spam.  The same messages give the same octets."""
    lessons: list[Lesson] = [
        (sorted({number_of(sign) for sign in list_signs(Message(octets)) if is_shipped(sign)}), is_spam)
        for octets, is_spam in messages
    ]
    counts: dict[int, tuple[int, int]] = {}
    for numbers, is_spam in lessons:
        for number in numbers:
            in_spam, in_ham = counts.get(number, (0, 0))
            counts[number] = in_spam + is_spam, in_ham + (not is_spam)
    frequent = {number: seen for number, seen in counts.items() if sum(seen) >= LEAST_SIGHTINGS}
    frequent_lessons = [([one for one in numbers if one in frequent], is_spam) for numbers, is_spam in lessons]
    weights, bias = _train_weights(frequent_lessons)
    rows = {number: (*seen, round(UNIT * weights.get(number, 0.0))) for number, seen in frequent.items()}
    spam = sum(is_spam for _, is_spam in lessons)
    return write_model(rows, spam, len(lessons) - spam, round(UNIT * bias))


def _train_weights(lessons: Sequence[Lesson]) -> tuple[dict[int, float], float]:
    """Logistic regression by gradient descent, each message of length one however many signs it has."""
    weights: dict[int, float] = {}
    bias, order = 0.0, list(lessons)
    for turn in range(ROUNDS):
        random.Random(turn).shuffle(order)  # noqa: S311 - the same order each time
        for numbers, is_spam in order:
            length = find_length(len(numbers))
            odds = sum(weights.get(one, 0.0) for one in numbers) / length + bias
            if (odds if is_spam else -odds) > MARGIN:
                continue
            wrong = is_spam - to_probability(odds)
            step = RATE * wrong / length
            for one in numbers:
                weights[one] = weights.get(one, 0.0) + step
            bias += BIAS_SHARE * RATE * wrong
    return weights, bias
