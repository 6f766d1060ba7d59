"""Sets of UIDs as ranges, as SQL is asked for them, and as text, `3:9,12`, as the change log has them."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence

Ranges = Sequence[tuple[int, int]]  # first and last, ascending and apart


def ranges_of(uids: Iterable[int]) -> list[tuple[int, int]]:
    """Return ascending UIDs as runs, both ends included."""
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


def merged(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Put ranges in order, without overlap; neighbours become one."""
    ordered: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if ordered and first <= ordered[-1][1] + 1:
            ordered[-1] = (ordered[-1][0], max(last, ordered[-1][1]))
        else:
            ordered.append((first, last))
    return ordered


def without(ranges: Ranges, uids: Sequence[int]) -> list[tuple[int, int]]:
    """Take these ascending UIDs out of the ranges."""
    rest: list[tuple[int, int]] = []
    for first, last in ranges:
        low = first
        for uid in uids[bisect_left(uids, first) : bisect_right(uids, last)]:
            if uid > low:
                rest.append((low, uid - 1))
            low = uid + 1
        if low <= last:
            rest.append((low, last))
    return rest


def places_in(uids: Sequence[int], ranges: Ranges) -> list[range]:
    """Find which of the ascending `uids` are in these ranges: runs of places, counted from 0, as few as can be."""
    runs: list[range] = []
    for first, last in ranges:
        start, end = bisect_left(uids, first), bisect_right(uids, last)
        if runs and start == runs[-1].stop:
            runs[-1] = range(runs[-1].start, end)
        elif start < end:
            runs.append(range(start, end))
    return runs


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
