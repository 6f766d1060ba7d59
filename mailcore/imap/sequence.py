"""Sets of message numbers, `2,4:7,*` (RFC 9051 section 9, sequence-set)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from mailcore.store.mail.uidset import Ranges, merged, places_in, ranges_of
from mailcore.wire.reader import Reader, SyntaxProblem

STAR = 0  # stands for `*`: the largest number in use


def _number(read: Reader) -> int:
    if read.take_word(b"*"):
        return STAR
    number = read.number()
    if not 0 < number < 2**32:
        raise SyntaxProblem("a message number is from 1 to 4294967295")
    return number


def write_ranges(spans: Ranges) -> bytes:
    return b",".join(b"%d" % a if a == b else b"%d:%d" % (a, b) for a, b in spans)


def write_set(numbers: Iterable[int]) -> bytes:
    """Write a set as the wire has it; runs only where the numbers follow each other as given."""
    return write_ranges(ranges_of(numbers))


@dataclass(frozen=True, slots=True)
class NumberSet:
    """Ranges as written, both ends included.  The numbers are never listed one by one."""

    ranges: tuple[tuple[int, int], ...]
    saved: bool = False  # `$`: the result that SEARCH saved (RFC 5182)

    @classmethod
    def parse(cls, read: Reader) -> Self:
        if read.take_word(b"$"):
            return cls((), saved=True)
        ranges = []
        while True:
            first = _number(read)
            ranges.append((first, _number(read) if read.take_word(b":") else first))
            if not read.take_word(b","):
                return cls(tuple(ranges))

    def spans(self, top: int) -> Ranges:
        """Return low and high ends, `*` being `top`."""
        return merged((min(p, q), max(p, q)) for p, q in ((a or top, b or top) for a, b in self.ranges))

    def places_in(self, uids: Sequence[int]) -> list[range]:
        """Find where the ascending `uids` are in this set: runs of places, counted from 0."""
        return places_in(uids, self.spans(uids[-1])) if uids else []
