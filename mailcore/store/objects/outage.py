"""A server that does not answer is asked by one at a time, so that nobody else waits for it."""

import threading
import time

from mailcore.errors import Busy

PAUSE_SECONDS = 1.0


class Outage:
    """Remember that a server is away.  Whoever asks then hears Busy at once, but for one each second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._next: float | None = None  # when somebody may try

    def check(self) -> None:
        """Raise Busy while the server is away and somebody tried just now."""
        if self._next is None:
            return
        with self._lock:
            if self._next is not None:
                if time.monotonic() < self._next:
                    raise Busy("the store of large messages does not answer")
                self._next = time.monotonic() + PAUSE_SECONDS

    def begin(self) -> bool:
        """Note a failure; True if it is the first."""
        with self._lock:
            is_first = self._next is None
            self._next = time.monotonic() + PAUSE_SECONDS
            return is_first

    def end(self) -> bool:
        """Note an answer; True if there was none before."""
        if self._next is None:
            return False
        with self._lock:
            was_away, self._next = self._next is not None, None
            return was_away
