"""The turn of those who write: one process at a time.

SQLite would ask again after ever longer sleeps; this wakes at once.  The lock of a killed process is the kernel's to give back.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self


class Turn:
    """One user's hold on the lock; a thread that takes turns with others of its own process needs one of its own."""

    def __init__(self, folder: Path) -> None:
        self._lock = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)  # the folder: nothing new that somebody would own

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for the writers of other processes, and keep them waiting."""
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock, fcntl.LOCK_UN)

    def close(self) -> None:
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
