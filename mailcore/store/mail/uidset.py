"""Sets of UIDs as text, `3:9,12`: how the change log keeps them, and how SQL is asked for them."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence

Ranges = Sequence[tuple[int, int]]


def ranges_of(uids: Iterable[int]) -> list[tuple[int, int]]:
    """Ascending UIDs as runs, both ends included."""
    found: list[tuple[int, int]] = []
    first = last = -1
    for uid in uids:
        if uid == last + 1 and first >= 0:
            last = uid
            continue
        if first >= 0:
            found.append((first, last))
        first = last = uid
    if first >= 0:
        found.append((first, last))
    return found


def within(known: Ranges) -> Callable[[int], bool]:
    """A test for being in one of these ranges, which are ascending and apart: a client may name ten thousand."""
    starts = [first for first, _ in known]

    def is_within(uid: int) -> bool:
        at = bisect_right(starts, uid)
        return at > 0 and uid <= known[at - 1][1]

    return is_within


def text(uids: Iterable[int]) -> str:
    return ",".join(f"{a}:{b}" if b > a else str(a) for a, b in ranges_of(uids))


def numbers(written: str) -> list[int]:
    found: list[int] = []
    for part in written.split(","):
        first, _, last = part.partition(":")
        found.extend(range(int(first), int(last or first) + 1))
    return found
