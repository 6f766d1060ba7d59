"""One destination domain: items that wait, how many connections are allowed, how long it rests when unreachable.

Connections begin at a few and grow by one with every connection's worth of messages that goes well (as TCP does);
a host that cannot be reached or closes halves them.
"""

import asyncio
from collections import deque

from mailcore.domain import QueueItem
from mailcore.queue.client import Answer

FIRST_CONNECTIONS = 5
MOST_WAITING = 500  # of one domain in memory; the rest stays in the database
REST_SECONDS, MOST_REST_SECONDS = 60, 1800


def rest_seconds(failures: int) -> int:
    """Return the rest after so many failures in a row: 1, 2, 4 ... minutes, half an hour at most."""
    return min(REST_SECONDS * 2 ** min(failures - 1, 10), MOST_REST_SECONDS)


class Destination:
    """Items that wait for one domain, and the connections to it."""

    def __init__(self, most_connections: int) -> None:
        self.waiting: deque[tuple[float, QueueItem]] = deque()  # with the loop's time of the claim
        self.news = asyncio.Event()
        self.connections = 0  # connections at work or kept open
        self.idle = 0  # of them, those that have nothing to send yet
        self.failures = 0
        self._most = most_connections
        self._allowed = float(min(FIRST_CONNECTIONS, most_connections))

    def add(self, claimed_at: float, item: QueueItem) -> None:
        self.waiting.append((claimed_at, item))
        self.news.set()

    @property
    def is_full(self) -> bool:
        return len(self.waiting) >= MOST_WAITING

    def wants_connection(self) -> bool:
        return len(self.waiting) > self.idle and self.connections < int(self._allowed)

    def may_keep_connections(self) -> bool:
        """Say if all connections that are open may stay open."""
        return self.connections <= int(self._allowed)

    def record_reply(self, answer: Answer) -> None:
        if answer.ok or answer.permanent:
            self._allowed = min(self._most, self._allowed + 1 / self._allowed)
        elif answer.code in (0, 421):
            self._allowed = max(1.0, self._allowed / 2)
