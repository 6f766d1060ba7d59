"""Training of a model from messages of a corpus, for tools/train-spam and bench/spam.py."""

from collections.abc import Iterable

from mailcore.mail.judging.model import number_of, write_model
from mailcore.mail.judging.signs import is_portable, list_signs
from mailcore.mail.reading.message import Message

LEAST_SIGHTINGS = 3  # rarer signs are left out: they are most of a model's size, and say little


def train_model(messages: Iterable[tuple[bytes, bool]]) -> bytes:
    """Make a model of messages, each with whether it is spam."""
    counts: dict[int, tuple[int, int]] = {}
    spam = ham = 0
    for octets, is_spam in messages:
        spam, ham = spam + is_spam, ham + (not is_spam)
        for number in {number_of(sign) for sign in list_signs(Message(octets)) if is_portable(sign)}:
            in_spam, in_ham = counts.get(number, (0, 0))
            counts[number] = in_spam + is_spam, in_ham + (not is_spam)
    frequent = {number: seen for number, seen in counts.items() if sum(seen) >= LEAST_SIGHTINGS}
    return write_model(frequent, spam, ham)
