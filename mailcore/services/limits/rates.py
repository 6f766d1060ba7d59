"""Rate limits that hold over all processes.

A process takes its share of a count in portions, so that most questions cost no write; a limit is exceeded by nobody,
and reached at most a portion per process too early.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable

from mailcore.core import Core
from mailcore.store.engine.db import Tx
from mailcore.store.site import rates as store

REMEMBERED = 20_000
DAY = 86_400
GREY_KNOWN_SECONDS = 36 * DAY  # after this time unseen, somebody waits again
GREY_RETRY_SECONDS = 2 * DAY  # within which a retry counts as one


class Portions:
    """Portions of a count that this process took and has not used, by key; threads may share them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[int, int]] = OrderedDict()  # key -> (valid until, portions left)

    async def count_use(self, core: Core, key: str, *, limit: int, window_seconds: int) -> bool:
        """Count one more; False where the limit of the window is reached.  A limit of 0 is none.  Raises Busy."""
        now = core.clock.seconds()
        known = self._use_portion(key, now) if limit else True
        if known is None:
            granted = await core.db.awrite(_ask_for_portion(key, limit, window_seconds, now), of=())
            return self._save_portion(key, granted, window_seconds, now)
        return known

    def count_use_in_thread(self, core: Core, key: str, *, limit: int, window_seconds: int) -> bool:
        """Do the same, blocking."""
        now = core.clock.seconds()
        known = self._use_portion(key, now) if limit else True
        if known is None:
            granted = core.db.write(_ask_for_portion(key, limit, window_seconds, now), of=())
            return self._save_portion(key, granted, window_seconds, now)
        return known

    def is_spent(self, core: Core, key: str) -> bool:
        """Say if a request was refused a moment ago, without asking the database."""
        until, left = self._left.get(key, (0, 0))
        return left < 0 and until > core.clock.seconds()

    def _use_portion(self, key: str, now: int) -> bool | None:
        """Use one of what is left; None if the database has to be asked."""
        with self._lock:
            until, left = self._left.get(key, (0, 0))
            if until <= now or not left:
                return None
            if left > 0:
                self._left[key] = (until, left - 1)
            return left > 0  # less than nothing: it was refused a moment ago

    def _save_portion(self, key: str, granted: int, window_seconds: int, now: int) -> bool:
        """Save what was granted, and use one of it."""
        with self._lock:
            until, left = self._left.get(key, (0, 0))
            spare = max(left, 0) if until > now else 0  # of another who asked at the same time
            # a refusal is remembered for a while, so that a flood costs no writes
            self._left[key] = (
                (now + min(window_seconds, 60), spare + granted - 1)
                if granted
                else (now + max(5, window_seconds // 60), -1)
            )
            while len(self._left) > REMEMBERED:
                self._left.popitem(last=False)
            return granted > 0


def _ask_for_portion(key: str, limit: int, window_seconds: int, now: int) -> Callable[[Tx], int]:
    portion = max(1, limit // 100)

    def ask(tx: Tx) -> int:
        for amount in dict.fromkeys((portion, 1)):
            if store.count_if_allowed(tx, key, amount, limit, window_seconds, now):
                return amount
        return 0

    return ask


def expire_counts(core: Core) -> None:
    """Delete counts whose window is over and greylist entries past their time, as a job."""
    now = core.clock.seconds()
    core.db.write(
        lambda tx: store.delete_expired(tx, now - 2 * DAY, now - GREY_RETRY_SECONDS, now - GREY_KNOWN_SECONDS)
    )
