"""COPY and MOVE as values: which messages, what they weigh, and what their owner has room for."""

from collections.abc import Sequence
from dataclasses import dataclass

from mailcore.domain import Mailbox
from mailcore.store.engine.db import Row
from mailcore.store.mail.flags import SEEN
from mailcore.store.mail.uidset import Ranges

HEADROOM_PERCENT, HEADROOM_MAX = 5, 200 * 2**20  # how far COPY to Trash may go beyond it (S21)
HEADROOM_LEAST = 50 * 2**20  # the largest message fits, also in a small box


@dataclass(frozen=True, slots=True)
class Measured:
    """Messages of a set, as they were read.

    Attributes:
        counts: how many are in each range.
        size, unseen: their octets, and how many are not \\Seen.
        counted: octets that the quota counts.
    """

    uids: list[int]
    counts: list[int]
    size: int
    unseen: int
    counted: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """Messages that are to be copied or moved, and what that rests on; `room` is octets used and allowed."""

    source: Mailbox
    target: Mailbox
    room: tuple[int, int]
    ranges: Ranges
    measured: Measured


def measure(answers: Sequence[Sequence[Row]]) -> Measured:
    """Add up the rows of each range."""
    uids: list[int] = []
    size = unseen = counted = 0
    for rows in answers:
        for uid, octets, bits, is_uncounted in rows:
            uids.append(uid)
            size += octets
            unseen += not bits & SEEN
            counted += 0 if is_uncounted else octets
    return Measured(uids, [len(rows) for rows in answers], size, unseen, counted)


def find_headroom(target: Mailbox, quota: int) -> int:
    """Return how far COPY may go beyond the quota (S21)."""
    if target.special_use != "\\Trash":
        return 0
    return max(HEADROOM_LEAST, min(quota * HEADROOM_PERCENT // 100, HEADROOM_MAX))
