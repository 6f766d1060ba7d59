"""The start-up model: counts of signs that come with the program, so that the first day has a filter.  Made by tools/train-spam.

model  = "alumnimail-spam-1" LF zlib-stream
stream = spam ham n             messages of each kind, and how many signs follow; 32 bits, big-endian
         n * sign               numbers in rising order, 32 bits
         n * spam, n * ham      sightings of each, 16 bits
"""

import sys
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MAGIC = b"alumnimail-spam-1\n"
MAX_SIZE = 8 * 2**20  # octets when it is unpacked
_MOST_SIGHTINGS = 65_535


def number_of(sign: str) -> int:
    """Return the number that stands for a sign in rows and models."""
    return zlib.crc32(sign.encode("utf-8", "replace"))


class BrokenModel(ValueError):
    """A model that cannot be read."""


@dataclass(frozen=True, slots=True)
class SignCounts:
    """Counts in little memory: three arrays, in the order of the signs' numbers."""

    signs: "array[int]"
    spam: "array[int]"
    ham: "array[int]"

    def get(self, number: int, /) -> tuple[float, float] | None:
        """Return the counts of a sign, or None."""
        at = bisect_left(self.signs, number)
        return (self.spam[at], self.ham[at]) if at < len(self.signs) and self.signs[at] == number else None

    def __len__(self) -> int:
        return len(self.signs)


@dataclass(frozen=True, slots=True)
class Model:
    """`spam` and `ham` are how many messages were counted."""

    counts: SignCounts
    spam: int
    ham: int


def _array(code: str, values: Iterable[int]) -> "array[int]":
    return array(code, values)


EMPTY = Model(SignCounts(_array("I", ()), _array("H", ()), _array("H", ())), 0, 0)


def read_model(octets: bytes) -> Model:
    """Read a model.  Raises BrokenModel."""
    if not octets.startswith(MAGIC):
        raise BrokenModel("it is no model of this version")
    try:
        unpacked = zlib.decompressobj().decompress(octets[len(MAGIC) :], MAX_SIZE)
    except zlib.error as problem:
        raise BrokenModel("it is damaged") from problem
    head = [int.from_bytes(unpacked[at : at + 4], "big") for at in (0, 4, 8)]
    spam, ham, length = head
    if len(unpacked) != 12 + 8 * length:
        raise BrokenModel("it is cut off")
    parts: list[array[int]] = []
    at = 12
    for code, width in (("I", 4), ("H", 2), ("H", 2)):
        part = _array(code, ())
        part.frombytes(unpacked[at : at + width * length])
        at += width * length
        if sys.byteorder == "little":
            part.byteswap()
        parts.append(part)
    return Model(SignCounts(*parts), spam, ham)


def write_model(counts: Mapping[int, tuple[int, int]], spam: int, ham: int) -> bytes:
    """Write a model."""
    order = sorted(counts)
    stream = b"".join(number.to_bytes(4, "big") for number in (spam, ham, len(order)))
    parts = (
        _array("I", order),
        _array("H", (min(counts[one][0], _MOST_SIGHTINGS) for one in order)),
        _array("H", (min(counts[one][1], _MOST_SIGHTINGS) for one in order)),
    )
    for part in parts:
        if sys.byteorder == "little":
            part.byteswap()
        stream += part.tobytes()
    return MAGIC + zlib.compress(stream, 9)
