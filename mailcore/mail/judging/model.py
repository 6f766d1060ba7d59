"""The start-up model: counts of signs that come with the program, so that the first day has a filter.  Made by tools/train-spam.

model  = "alumnimail-spam-2" LF zlib-stream
stream = spam ham bias n                  messages of each kind, the bias, and how many signs follow; 32 bits, big-endian
         n * sign                         numbers in rising order, 32 bits
         n * spam, n * ham, n * weight    sightings of each, and weights of regression in its units, 16 bits
"""

import sys
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MAGIC = b"alumnimail-spam-2\n"
MAX_SIZE = 8 * 2**20  # octets when it is unpacked
BEGINNING_BITS = 16  # of a sign's number are not looked at to find its place
_MOST_SIGHTINGS, _MOST_WEIGHT = 65_535, 32_767


def number_of(sign: str) -> int:
    """Return the number that stands for a sign in rows and models."""
    return zlib.crc32(sign.encode("utf-8", "replace"))


class BrokenModel(ValueError):
    """A model that cannot be read."""


@dataclass(frozen=True, slots=True)
class SignCounts:
    """Counts in little memory: four arrays, in the order of the signs' numbers, and where each beginning of these stands."""

    signs: "array[int]"
    spam: "array[int]"
    ham: "array[int]"
    weights: "array[int]"
    beginnings: "array[int]"

    def find(self, numbers: Iterable[int]) -> dict[int, tuple[float, float, float]]:
        """Return the counts of those signs that are known."""
        signs, beginnings = self.signs, self.beginnings
        known: dict[int, tuple[float, float, float]] = {}
        for number in numbers:
            beginning = number >> BEGINNING_BITS
            # one or two signs have the same beginning: looking at each is quicker than a search by halves
            for at in range(beginnings[beginning], beginnings[beginning + 1]):
                if signs[at] == number:
                    known[number] = self.spam[at], self.ham[at], self.weights[at]
        return known

    def __len__(self) -> int:
        return len(self.signs)


@dataclass(frozen=True, slots=True)
class Model:
    """`spam` and `ham` are how many messages were counted; `bias` is that of regression."""

    counts: SignCounts
    spam: int
    ham: int
    bias: int = 0


def _array(code: str, values: Iterable[int]) -> "array[int]":
    return array(code, values)


def _count_signs(parts: "list[array[int]]") -> SignCounts:
    signs, spam, ham, weights = parts
    places = (bisect_left(signs, beginning << BEGINNING_BITS) for beginning in range(2 ** (32 - BEGINNING_BITS) + 1))
    return SignCounts(signs, spam, ham, weights, _array("I", places))


# without signs each beginning stands at 0: nothing is searched for, as every process imports this
EMPTY = Model(
    SignCounts(
        _array("I", ()),
        _array("H", ()),
        _array("H", ()),
        _array("h", ()),
        _array("I", [0]) * (2 ** (32 - BEGINNING_BITS) + 1),
    ),
    spam=0,
    ham=0,
)


def read_model(octets: bytes) -> Model:
    """Read a model.  Raises BrokenModel."""
    if not octets.startswith(MAGIC):
        raise BrokenModel("it is no model of this version")
    try:
        unpacked = zlib.decompressobj().decompress(octets[len(MAGIC) :], MAX_SIZE)
    except zlib.error as problem:
        raise BrokenModel("it is damaged") from problem
    head = [int.from_bytes(unpacked[at : at + 4], "big", signed=at == 8) for at in (0, 4, 8, 12)]
    spam, ham, bias, length = head
    if len(unpacked) != 16 + 10 * length:
        raise BrokenModel("it is cut off")
    parts: list[array[int]] = []
    at = 16
    for code, width in (("I", 4), ("H", 2), ("H", 2), ("h", 2)):
        part = _array(code, ())
        part.frombytes(unpacked[at : at + width * length])
        at += width * length
        if sys.byteorder == "little":
            part.byteswap()
        parts.append(part)
    return Model(_count_signs(parts), spam, ham, bias)


def write_model(counts: Mapping[int, tuple[int, int, int]], spam: int, ham: int, bias: int = 0) -> bytes:
    """Write a model."""
    order = sorted(counts)
    stream = b"".join(number.to_bytes(4, "big", signed=number < 0) for number in (spam, ham, bias, len(order)))
    parts = (
        _array("I", order),
        _array("H", (min(counts[one][0], _MOST_SIGHTINGS) for one in order)),
        _array("H", (min(counts[one][1], _MOST_SIGHTINGS) for one in order)),
        _array("h", (max(min(counts[one][2], _MOST_WEIGHT), -_MOST_WEIGHT) for one in order)),
    )
    for part in parts:
        if sys.byteorder == "little":
            part.byteswap()
        stream += part.tobytes()
    return MAGIC + zlib.compress(stream, 9)
