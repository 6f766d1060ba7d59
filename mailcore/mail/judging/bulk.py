"""Bulk mail: many messages of one sender with nearly the same words within hours are one decision.

A message has some numbers that those like it share with it: each stands for its sender and for the least of its words, by number,
in a few buckets (MinHash with one permutation).  Under them is counted how such messages ended here, and what owners say of them.
"""

from collections.abc import Iterable, Mapping, Sequence

from mailcore.mail.judging.arithmetic import Evidence
from mailcore.mail.judging.history import Past
from mailcore.mail.judging.model import number_of

KEPT_SECONDS = 6 * 3600  # since the last message of its kind
BANDS, ROWS = 4, 4  # of messages that share nine words of ten 98 % have a band in common, of those that share half 23 %
LEAST_WORDS = 20  # a letter of a few words is no bulk mail
LEAST_SEEN, AGREED = 3, 0.9  # from so many messages on, where so much of them ended alike
VOICES = 2  # owners who must say so
_ENDED_AS_SPAM, _ENDED_WELL = ("bulk:others like it are in Junk", 1.5), ("bulk:others like it are not in Junk", -1.0)
_CALLED_SPAM, _CALLED_GOOD = ("bulk:owners call it spam", 4.0), ("bulk:owners call it good", -2.5)
_SAID = 2**32  # words of owners are counted below the messages


def list_bands(sender: str, words: Iterable[int]) -> tuple[int, ...]:
    """List the numbers that a message shares with those like it; none of a short one.  They are negative.

    Args:
        sender: who sent it, as the history of senders knows it.
        words: the numbers of its words.
    """
    least = [2**32] * (BANDS * ROWS)
    seen = 0
    for number in words:
        seen += 1
        # multiplied, as the lowest bits of CRC-32 are those of the last letter
        mixed = number * 0x9E3779B1 & 0xFFFFFFFF
        bucket = mixed >> 28
        least[bucket] = min(least[bucket], mixed)
    if seen < LEAST_WORDS:
        return ()
    return tuple(-1 - number_of(f"bulk {sender} {at} {least[at : at + ROWS]}") for at in range(0, BANDS * ROWS, ROWS))


def number_words_of_owners(bands: Iterable[int]) -> list[int]:
    """Return the numbers under which words of owners on such messages are counted."""
    return [band - _SAID for band in bands]


def weigh_bulk(bands: Sequence[int], pasts: Mapping[int, Past], now: int) -> Evidence:
    """Weigh what became of messages like this one, as log odds: words of several owners, else where they all ended."""
    said = _most(number_words_of_owners(bands), pasts, now)
    if said.spam >= VOICES and said.spam > 2 * said.ham:
        return (_CALLED_SPAM,)
    if said.ham >= VOICES and said.ham > 2 * said.spam:
        return (_CALLED_GOOD,)
    ended = _most(bands, pasts, now)
    seen = ended.spam + ended.ham
    if seen >= LEAST_SEEN and ended.spam >= AGREED * seen:
        return (_ENDED_AS_SPAM,)
    if seen >= LEAST_SEEN and ended.ham >= AGREED * seen:
        return (_ENDED_WELL,)
    return ()


def _most(numbers: Iterable[int], pasts: Mapping[int, Past], now: int) -> Past:
    """Return the count with most messages; nothing of those that are too old."""
    counts = [one for number in numbers if (one := pasts.get(number)) and now - one.at <= KEPT_SECONDS]
    return max(counts, key=lambda one: one.spam + one.ham, default=Past(0.0, 0.0, now))
