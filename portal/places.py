"""Count who has something now, in this process, so that one cannot have all of it."""

import threading
from collections import Counter
from collections.abc import Callable

Full = Callable[[Counter[str]], bool]


class Places:
    """Places that are taken now, by whom: an account, or the network place of a stranger."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    def enter(self, whose: str, is_full: Full) -> bool:
        """Take a place, unless `is_full` says of those that are taken that there is none.  Who entered must `leave`."""
        with self._lock:
            if is_full(self._taken):
                return False
            self._taken[whose] += 1
            return True

    def leave(self, whose: str) -> None:
        with self._lock:
            self._taken[whose] -= 1
            if not self._taken[whose]:
                del self._taken[whose]
