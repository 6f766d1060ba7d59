"""Marks of texts: one or two thousand octets for each message by which a search rules most of them out without reading any.

A mark has a bit for each four octets in a row of the folded texts (text.fold, in UTF-8), by a hash: whatever stands in the
text has all of its bits, so a text that is looked for and lacks one is not there.  A mark has four times as many bits as there
are fours, so that one in four is set: a word of eight letters is looked for in vain in one text of a thousand.
"""

import sys
from itertools import chain

VERSION = 1 if sys.byteorder == "little" else 2  # of what a mark says; the search index has one of what is read
MOST_OCTETS, LEAST_OCTETS = 8192, 64
MOST_CHARACTERS = 2_000_000  # of a text that is marked
BITS_FOR_EACH = 4
ANYTHING = b""  # of a text that is too long: it is never ruled out
_SPREAD = 0x9E3779B1  # 2**32 by the golden section
_SHIFT = 19


def make_mark(*texts: str) -> bytes:
    """Make the mark of a message from its folded texts."""
    if sum(map(len, texts)) > MOST_CHARACTERS:
        return ANYTHING
    fours = set(chain.from_iterable(map(_fours, texts)))
    octets = LEAST_OCTETS
    while octets * 8 < len(fours) * BITS_FOR_EACH and octets <= MOST_OCTETS:
        octets *= 2
    if octets > MOST_OCTETS:
        return ANYTHING
    mask, bits = octets * 8 - 1, bytearray(b"0") * (octets * 8)
    for place in {(four * _SPREAD >> _SHIFT) & mask for four in fours}:
        bits[~place] = 49  # "1": the last digit of a number is place 0
    return int(bits, 2).to_bytes(octets, "little")


def _fours(text: str) -> set[int]:
    """Return each four octets in a row as a number."""
    octets = memoryview(text.encode("utf-8", "surrogatepass"))
    found = set[int]()
    for start in range(4):
        found.update(octets[start : start + (max(len(octets) - start, 0) & ~3)].cast("I"))
    return found


class MarkLook:
    """A look for one folded text."""

    def __init__(self, wanted: str) -> None:
        self._hashes = [four * _SPREAD >> _SHIFT for four in _fours(wanted)]
        self._places: dict[int, tuple[tuple[int, int], ...]] = {0: ()}

    @property
    def is_useful(self) -> bool:
        """Say if anything can be ruled out."""
        return bool(self._hashes)

    def may_have(self, mark: bytes) -> bool:
        """Say if a message with this mark may have the text."""
        places = self._places.get(len(mark))
        if places is None:
            found = [one & (len(mark) * 8 - 1) for one in self._hashes]
            places = self._places[len(mark)] = tuple((place >> 3, 1 << (place & 7)) for place in found)
        for at, bit in places:  # noqa: SIM110 - a hundred thousand times a search: a generator takes twice the time
            if not mark[at] & bit:
                return False
        return True
