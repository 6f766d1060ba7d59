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
_MOST_SIGHTINGS, _MOST_WEIGHT = 65_535, 32_767


def number_of(sign: str) -> int:
    """Return the number that stands for a sign in rows and models."""
    return zlib.crc32(sign.encode("utf-8", "replace"))


class BrokenModel(ValueError):
    """A model that cannot be read."""


@dataclass(frozen=True, slots=True)
class SignCounts:
    """Counts in little memory: four arrays, in the order of the signs' numbers."""

    signs: "array[int]"
    spam: "array[int]"
    ham: "array[int]"
    weights: "array[int]"

    def get(self, number: int, /) -> tuple[float, float, float] | None:
        """Return the counts of a sign, or None."""
        signs = self.signs
        at = bisect_left(signs, number)
        if at < len(signs) and signs[at] == number:
            return self.spam[at], self.ham[at], self.weights[at]
        return None

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


EMPTY = Model(SignCounts(_array("I", ()), _array("H", ()), _array("H", ()), _array("h", ())), 0, 0)


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
    return Model(SignCounts(*parts), spam, ham, bias)


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
