"""Count the changes of each account, in memory that all processes on one database share.

Who has committed a change counts it before anybody is answered; who finds the same count as last time need not ask the
database.  A count means nothing but whether it is the same, so each is a number by chance: two processes that count in the same
moment, without a lock, both leave another one.  Accounts that share a cell cost a look for nothing, never one too few.  A
process that dies between its commit and its count has answered nobody, and the next poll finds what it wrote.

The memory is a file beside the database, as SQLite's own `-shm` is: a command that runs beside the server counts, too.
"""

import logging
import mmap
import os
from collections.abc import Iterable
from pathlib import Path
from random import getrandbits

from mailcore.domain import AccountId

log = logging.getLogger(__name__)
CELLS = 16_384
_SIZE = 4 * CELLS


class ChangeCounts:
    """Raises OSError: the file cannot be had."""

    def __init__(self, path: Path) -> None:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            if os.geteuid() == 0:  # a command of the administrator's must not shut the server out
                owner = path.parent.stat()
                os.fchown(file, owner.st_uid, owner.st_gid)
            os.posix_fallocate(file, 0, _SIZE)  # a page without its block would end the process on a full disk
            self._memory = mmap.mmap(file, _SIZE)
        finally:
            os.close(file)
        self._cells = memoryview(self._memory).cast("I")

    def add(self, accounts: Iterable[AccountId]) -> None:
        """Count a change of each."""
        cells = self._cells
        for account in accounts:
            at = account % CELLS
            cells[at] = getrandbits(32)

    def cell(self, account: AccountId) -> tuple[int, int]:
        """Return which cell counts for the account, and its count."""
        at = account % CELLS
        return at, self._cells[at]

    def close(self) -> None:
        self._cells.release()
        self._memory.close()


def open_counts(database: Path) -> ChangeCounts | None:
    """Open the counts of a database; None where they cannot be had, and then the database is asked each time."""
    path = database.with_name(database.name + "-changes")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return ChangeCounts(path)
    except OSError as problem:
        log.warning("changes are not counted in %s: %s", path, problem.strerror)
        return None
