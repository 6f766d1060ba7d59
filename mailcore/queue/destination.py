"""One domain that mail is on its way to: what waits, how many connections it bears, how long it rests when away.

Connections begin at a few and grow by one with every connection's worth of messages that goes well (as TCP does);
a host that cannot be reached or closes halves them.
"""

import asyncio
from collections import deque

from mailcore.domain import QueueItem
from mailcore.queue.client import Answer

FIRST_LANES = 5
MOST_WAITING = 500  # of one domain in memory; the rest stays in the database
REST_SECONDS, MOST_REST_SECONDS = 60, 1800


def rest_seconds(failures: int) -> int:
    """Return the rest after so many failures in a row: 1, 2, 4 ... minutes, half an hour at most."""
    return min(REST_SECONDS * 2 ** min(failures - 1, 10), MOST_REST_SECONDS)


class Destination:
    def __init__(self, most_lanes: int) -> None:
        self.waiting: deque[tuple[float, QueueItem]] = deque()  # with the loop's time of the claim
        self.news = asyncio.Event()
        self.lanes = 0  # connections at work or kept open
        self.idle = 0  # of them, those that have nothing to send yet
        self.failures = 0
        self._most = most_lanes
        self._bears = float(min(FIRST_LANES, most_lanes))

    def add(self, claimed_at: float, item: QueueItem) -> None:
        self.waiting.append((claimed_at, item))
        self.news.set()

    @property
    def is_full(self) -> bool:
        return len(self.waiting) >= MOST_WAITING

    def wants_lane(self) -> bool:
        return len(self.waiting) > self.idle and self.lanes < int(self._bears)

    def may_stay(self) -> bool:
        """May all the connections there are go on?"""
        return self.lanes <= int(self._bears)

    def heard(self, answer: Answer) -> None:
        if answer.ok or answer.permanent:
            self._bears = min(self._most, self._bears + 1 / self._bears)
        elif answer.code in (0, 421):
            self._bears = max(1.0, self._bears / 2)
