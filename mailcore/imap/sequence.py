"""Sets of message numbers, `2,4:7,*` (RFC 9051 section 9, sequence-set)."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from mailcore.store.mail.uidset import ranges_of
from mailcore.wire.reader import Reader, SyntaxProblem

STAR = 0  # stands for `*`: the largest number in use

Ranges = list[tuple[int, int]]


def _number(read: Reader) -> int:
    if read.take(b"*"):
        return STAR
    number = read.number()
    if not 0 < number < 2**32:
        raise SyntaxProblem("a message number is from 1 to 4294967295")
    return number


def merged(spans: Iterable[tuple[int, int]]) -> Ranges:
    """Ascending, without overlap; neighbours become one."""
    found: Ranges = []
    for low, high in sorted(spans):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return found


def spans_written(spans: Iterable[tuple[int, int]]) -> bytes:
    return b",".join(b"%d" % a if a == b else b"%d:%d" % (a, b) for a, b in spans)


def written(numbers: Iterable[int]) -> bytes:
    """The set as the wire has it; runs only where the numbers follow each other as given."""
    return spans_written(ranges_of(numbers))


def without(ranges: Iterable[tuple[int, int]], numbers: Sequence[int]) -> Ranges:
    """The ranges less these ascending numbers."""
    found: Ranges = []
    for first, last in ranges:
        low = first
        for number in numbers[bisect_left(numbers, first) : bisect_right(numbers, last)]:
            if number > low:
                found.append((low, number - 1))
            low = number + 1
        if low <= last:
            found.append((low, last))
    return found


@dataclass(frozen=True, slots=True)
class NumberSet:
    """Ranges as written, both ends included.  The numbers themselves are never counted out."""

    ranges: tuple[tuple[int, int], ...]
    saved: bool = False  # `$`: the result that SEARCH saved (RFC 5182)

    @classmethod
    def parse(cls, read: Reader) -> Self:
        if read.take(b"$"):
            return cls((), saved=True)
        ranges = []
        while True:
            first = _number(read)
            ranges.append((first, _number(read) if read.take(b":") else first))
            if not read.take(b","):
                return cls(tuple(ranges))

    def spans(self, top: int) -> Ranges:
        """Low and high ends, `*` being `top`; ascending, without overlap."""
        return merged((min(p, q), max(p, q)) for p, q in ((a or top, b or top) for a, b in self.ranges))

    def within(self, numbers: Sequence[int]) -> list[tuple[int, int]]:
        """Slices [from, to) of the ascending `numbers` that this set holds."""
        top = numbers[-1] if numbers else 0
        cuts = ((bisect_left(numbers, a), bisect_right(numbers, b)) for a, b in self.spans(top))
        return [(start, end) for start, end in cuts if start < end]

    def among(self, present: Iterable[int]) -> list[int]:
        """The numbers of this set that are in `present`, ascending."""
        numbers = sorted(present)
        return [n for start, end in self.within(numbers) for n in numbers[start:end]]
