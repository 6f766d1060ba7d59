"""Turns at what waits for strangers' servers, in one process: some at once, some more that wait, and nobody has all of them.

Whoever waits holds a thread of the web server, of which there are 128: the threads that all together may hold are bounded.
"""

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator

from mailcore.errors import TooMany


class Turns:
    """Turns at one kind of work.

    Args:
        at_once: how many work; `of_one` of them for the same account.
        here: how many work or wait; `here_of_one` of them for the same account.
        seconds: how long anybody waits.
    """

    def __init__(self, *, at_once: int, of_one: int, here: int, here_of_one: int, seconds: float) -> None:
        self._at_once, self._of_one = at_once, of_one
        self._most_here, self._here_of_one, self._seconds = here, here_of_one, seconds
        self._changed = threading.Condition()
        self._here: Counter[int] = Counter()
        self._working: Counter[int] = Counter()

    @contextlib.contextmanager
    def wait_for_turn(self, account: int) -> Iterator[None]:
        """Wait for a turn, and hold it.  Raises TooMany: at once where enough wait already, or after the time."""
        with self._enter(account):
            with self._changed:
                if not self._changed.wait_for(lambda: self._is_free(account), self._seconds):
                    raise TooMany("enough of these at once")
                self._working[account] += 1
            try:
                yield
            finally:
                with self._changed:
                    self._working -= Counter({account: 1})
                    self._changed.notify_all()

    @contextlib.contextmanager
    def _enter(self, account: int) -> Iterator[None]:
        with self._changed:
            if self._here.total() >= self._most_here or self._here[account] >= self._here_of_one:
                raise TooMany("enough of these wait")
            self._here[account] += 1
        try:
            yield
        finally:
            with self._changed:
                self._here -= Counter({account: 1})

    def _is_free(self, account: int) -> bool:
        return self._working.total() < self._at_once and self._working[account] < self._of_one
