"""News of the change log: whose mail has changed since the last look, whatever the order in which transactions commit.

With one writer the newest entry tells it all.  Where transactions write side by side, one that numbered its entries first may
commit last.  So what was read is read again, until every transaction that was running at that time has ended; entries that were
seen are left out.
"""

import threading
import time
from collections import deque

from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx

BEGIN_WITH = 10_000  # entries before the first look, of which a transaction that runs may still owe some
LATE = 200  # the same for a look without a memory; to look for nothing harms nobody
LONGEST_SECONDS = 600  # somebody else's transaction that goes on for longer is not one of ours


class News:
    """One reader's memory; several threads may look."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._floor = -1  # everything up to this entry has been seen
        self._seen: set[int] = set()  # entries above it that have been seen
        # a transaction, the newest entry when it had not begun yet, and when that was
        self._marks: deque[tuple[int, int, float]] = deque()

    def read(self, tx: Tx, last: int) -> tuple[int, set[AccountId]]:
        """Return the newest entry of the log, and whose mail changed after the entry `last` (-1: nobody's)."""
        horizon = tx.horizon()
        if horizon is None:
            return _read_in_order(tx, last)
        with self._lock:
            if self._floor < 0:
                self._begin(tx, horizon[1])
            return self._read_window(tx, *horizon)

    def _begin(self, tx: Tx, next_one: int) -> None:
        newest = find_newest(tx)
        self._floor = max(0, newest - BEGIN_WITH)
        self._seen = {row[0] for row in tx.rows("SELECT id FROM change WHERE id>?", self._floor)}
        self._marks.append((next_one, newest, time.monotonic()))

    def _read_window(self, tx: Tx, oldest: int, next_one: int) -> tuple[int, set[AccountId]]:
        rows = tx.rows("SELECT id, account_id FROM change WHERE id>?", self._floor)
        newest = max((row[0] for row in rows), default=self._floor)
        accounts = {AccountId(row[1]) for row in rows if row[0] not in self._seen}
        self._seen.update(row[0] for row in rows)
        old = time.monotonic() - LONGEST_SECONDS
        while self._marks and (self._marks[0][0] <= oldest or self._marks[0][2] < old):
            self._floor = self._marks.popleft()[1]
        self._seen = {entry for entry in self._seen if entry > self._floor}
        if newest > (self._marks[-1][1] if self._marks else self._floor):
            self._marks.append((next_one, newest, time.monotonic()))
        return newest, accounts


def find_newest(tx: Tx) -> int:
    """Return the number of the newest entry of the log."""
    top = tx.row("SELECT COALESCE(MAX(id),0) FROM change")
    return int(top[0]) if top else 0


def has_changed(tx: Tx, account: AccountId, since: int) -> bool:
    """Has the account's mail perhaps changed after the entry `since`?"""
    since -= LATE if tx.horizon() else 0
    return tx.row("SELECT 1 FROM change WHERE account_id=? AND id>? LIMIT 1", account, since) is not None


def _read_in_order(tx: Tx, last: int) -> tuple[int, set[AccountId]]:
    newest = find_newest(tx)
    if last < 0 or newest == last:
        return newest, set()
    return newest, {AccountId(row[0]) for row in tx.rows("SELECT DISTINCT account_id FROM change WHERE id>?", last)}
