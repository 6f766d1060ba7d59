"""Throw mutations of the seeds at a target for some seconds, and keep what it fails on as a file.

What fails: another error than the documented ones, an assertion, and an input that takes longer than its size allows.
"""

import functools
import gc
import hashlib
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.processor import find_excess, measure_cost

FINDINGS = Path(__file__).parent / "findings"
SLOW = 2.0  # seconds of processor time for an input of at most MOST_OCTETS
MOST_OCTETS = 64 * 1024
ODD = (
    b"\0", b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"\r\n.\r\n", b" ", b"\t", b'"', b"\\", b"(", b")", b"{", b"}", b"<", b">", b"[",
    b"]",
    b":", b";", b",", b"=", b"=?", b"?=", b"%", b"&", b"*", b"+", b"-", b"--", b"/", b"..", b"~", b"\xff", b"\xfe\xff", b"\xc3",
    b"\xe2\x80\xa8", b"\xed\xa0\x80", b"\xc2\xb2", b"0", b"-1", b"4294967296", b"18446744073709551616", b"9" * 30, b"9" * 5000,
    b"1e9", b"\xd9\xa3", b"()" * 50,
    b"(" * 300, b"[" * 300, b'"' * 99, b"a" * 300, b"a." * 100, b"a@b.example", b"<script>", b"${a}",
    b"{9+}\r\n", b"%00", b"=00", b"&#0;", b"\x1b$B", b"+ADw-",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Finding:
    octets: bytes
    problem: str


def mutations(seeds: list[bytes], chance: random.Random) -> Iterator[bytes]:
    """Seeds as they are, then ever more changed ones, without end."""
    yield from seeds
    kept = list(seeds)
    while True:
        octets = bytearray(chance.choice(kept))
        for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
            _change(octets, kept, chance)
        made = bytes(octets[:MOST_OCTETS])
        if len(kept) < 4000 and chance.random() < 0.1:
            kept.append(made)
        yield made


def _change(octets: bytearray, kept: list[bytes], chance: random.Random) -> None:
    at, length = chance.randrange(len(octets) + 1), chance.choice((1, 1, 2, 4, 16, 200))
    match chance.randrange(9):
        case 0:
            octets[at:at] = chance.choice(ODD)
        case 1:
            octets[at : at + length] = chance.choice(ODD)
        case 2:
            del octets[at : at + length]
        case 3 if octets:
            octets[at % len(octets)] = chance.randrange(256)
        case 4 if octets:
            octets[at % len(octets)] ^= 1 << chance.randrange(8)
        case 5:
            octets[at:at] = octets[at : at + length] * chance.choice((1, 2, 10, 100))
        case 6:
            other = chance.choice(kept)
            start = chance.randrange(len(other) + 1)
            octets[at : at + length] = other[start : start + chance.choice((4, 20, 200))]
        case 7:
            lines = bytes(octets).split(b"\n")
            line = lines.pop(chance.randrange(len(lines)))
            lines.insert(chance.randrange(len(lines) + 1), line)
            octets[:] = b"\n".join(lines)
        case _:
            octets[at:at] = chance.randbytes(length)


def try_one(target: Callable[[bytes], None], octets: bytes) -> Finding | None:
    began = time.thread_time()
    try:
        target(octets)
    except Exception as problem:
        return Finding(octets, f"{type(problem).__name__}: {problem}")
    took = time.thread_time() - began
    if took > SLOW:
        # what was collected meanwhile is not the input's, nor is a slow machine; a cache may not answer in its place
        _clear_caches()
        if excess := find_excess(measure_cost(lambda: target(octets)), SLOW):
            return Finding(octets, f"it takes too long: {excess}")
    return None


def _clear_caches() -> None:
    """Let every function forget what it has answered."""
    for thing in gc.get_objects():
        if type(thing) is functools._lru_cache_wrapper:
            thing.cache_clear()


def hunt(
    target: Callable[[bytes], None], seeds: list[bytes], seconds: float, seed: int, inputs: int = 0
) -> tuple[int, Finding | None]:
    """Return how many inputs were tried, and the first that failed, as small as it easily gets.

    Args:
        inputs: so many are tried, however long that takes; 0 = as many as can be in `seconds`.
    """
    end, count = time.monotonic() + seconds, 0
    for count, octets in enumerate(mutations(seeds, random.Random(seed)), 1):
        found = try_one(target, octets)
        if found is not None:
            return count, shrink(target, found)
        if count == inputs or (not inputs and time.monotonic() > end):
            break
    return count, None


def shrink(target: Callable[[bytes], None], found: Finding) -> Finding:
    """Leave out halves, quarters ... as long as the same kind of problem stays."""
    kind, step = found.problem.partition(":")[0], len(found.octets) // 2
    while step and not kind.startswith("it takes"):
        at = 0
        while at < len(found.octets):
            smaller = try_one(target, found.octets[:at] + found.octets[at + step :])
            if smaller is not None and smaller.problem.partition(":")[0] == kind:
                found = smaller
            else:
                at += step
        step //= 2
    return found


def keep(name: str, found: Finding) -> Path:
    """Write the input where the tests find it: it is tried with each run from then on."""
    FINDINGS.mkdir(exist_ok=True)
    file = FINDINGS / f"{name}-{hashlib.sha256(found.octets).hexdigest()[:12]}"
    file.write_bytes(found.octets)
    return file
