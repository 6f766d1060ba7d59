"""Rate limits that hold over all processes.

A process takes its share of a count in portions, so that most questions cost no write; a limit is exceeded by nobody,
and reached at most a portion per process too early.
"""

from collections import OrderedDict

from mailcore.core import Core
from mailcore.store.engine.db import Tx
from mailcore.store.site import rates as store

REMEMBERED = 20_000
DAY = 86_400
GREY_KNOWN_SECONDS = 36 * DAY  # after this time unseen, somebody waits again
GREY_RETRY_SECONDS = 2 * DAY  # within which a retry counts as one


class Portions:
    """Portions of a count that this process took and has not used, by key."""

    def __init__(self) -> None:
        self._left: OrderedDict[str, tuple[int, int]] = OrderedDict()  # key -> (valid until, portions left)

    async def count_use(self, core: Core, key: str, *, limit: int, window_seconds: int) -> bool:
        """Count one more; False where the limit of the window is reached.  A limit of 0 is none.  Raises Busy."""
        if not limit:
            return True
        now = core.clock.seconds()
        until, left = self._left.get(key, (0, 0))
        if until > now and left:
            if left > 0:
                self._left[key] = (until, left - 1)
            return left > 0  # less than nothing: it was refused a moment ago
        return await self._fetch(core, key, limit, window_seconds, now)

    def is_spent(self, core: Core, key: str) -> bool:
        """Say if a request was refused a moment ago, without asking the database."""
        until, left = self._left.get(key, (0, 0))
        return left < 0 and until > core.clock.seconds()

    async def _fetch(self, core: Core, key: str, limit: int, window_seconds: int, now: int) -> bool:
        portion = max(1, limit // 100)

        def ask(tx: Tx) -> int:
            for amount in dict.fromkeys((portion, 1)):
                if store.count_if_allowed(tx, key, amount, limit, window_seconds, now):
                    return amount
            return 0

        granted = await core.db.awrite(ask, of=())
        # a refusal is remembered for a while, so that a flood costs no writes
        self._left[key] = (
            (now + min(window_seconds, 60), granted - 1) if granted else (now + max(5, window_seconds // 60), -1)
        )
        while len(self._left) > REMEMBERED:
            self._left.popitem(last=False)
        return granted > 0


def expire_counts(core: Core) -> None:
    """Delete counts whose window is over and greylist entries past their time, as a job."""
    now = core.clock.seconds()
    core.db.write(
        lambda tx: store.delete_expired(tx, now - 2 * DAY, now - GREY_RETRY_SECONDS, now - GREY_KNOWN_SECONDS)
    )
