"""Messages that a session is the first to hear of: \\Recent (RFC 3501 section 2.3.2), which IMAP4rev2 has no more.

A mailbox has one mark, the first UID that no session has claimed.  SELECT claims what is there, and what comes later is
claimed once it is told; EXAMINE only looks.  Two sessions that hear of a message in the same moment may both have it as
recent.  A session keeps what it claimed as a few ranges of UIDs, whatever became of the messages.  No I/O.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

RECENT = "\\Recent"
BIT = 1 << 20  # beside those of store/mail/flags.py, in what FETCH writes

Claimed = tuple[tuple[int, int], ...]  # ranges of UIDs, ascending


def extended(claimed: Claimed, added: Sequence[int], mark: int) -> Claimed:
    """Add those of `added` (ascending, all above the ranges) that no session had claimed."""
    fresh = bisect_left(added, mark)
    if fresh == len(added):
        return claimed
    first, last = added[fresh], added[-1]
    if claimed and claimed[-1][1] >= first - 1:
        return (*claimed[:-1], (claimed[-1][0], max(last, claimed[-1][1])))
    return (*claimed, (first, last))


def count(claimed: Claimed, uids: Sequence[int]) -> int:
    """Count the \\Recent messages among `uids` (ascending)."""
    return sum(bisect_right(uids, last) - bisect_left(uids, first) for first, last in claimed)


def has(claimed: Claimed, uid: int) -> bool:
    return any(first <= uid <= last for first, last in claimed)


def bits(claimed: Claimed, uids: Sequence[int], flags: Iterable[int]) -> list[int]:
    """Add BIT to the flags of messages (by uid, ascending) where one is recent."""
    found = list(flags)
    for first, last in claimed:
        start, end = bisect_left(uids, first), bisect_right(uids, last)
        found[start:end] = [own | BIT for own in found[start:end]]
    return found
