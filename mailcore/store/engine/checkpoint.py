"""Checkpoints: copy SQLite's log into the database's own file, in a thread and a connection of their own.

A copy waits for the disk twice, for the log and for the file, and no write waits behind that.  The log is copied while
everybody writes, and begins anew with the next write if all of it is there and nobody reads from it.  Where writers leave no
pause for that, what was written meanwhile is copied in their turn, once the log is long.
"""

import contextlib
import logging
import threading
from pathlib import Path
from typing import Any

import apsw

from mailcore.store.engine.turn import Turn

log = logging.getLogger(__name__)
CHECKPOINT = 4000  # pages in the log
LONG = 4  # times CHECKPOINT: so long a log is worth that writers wait for its last pages
FEW = 200  # pages that are copied while writers wait; more are copied before, beside them
TRIES = 5  # copies beside the writers
LOCK_MILLISECONDS = 10_000
READERS_MILLISECONDS = 100  # that writers wait for those who read from a long log


class Checkpoints:
    """`note_pages` is called by the writer after each commit; the thread begins with the first copy."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._logged, self._due = 0, CHECKPOINT  # pages in the log, and at how many it is copied
        self._wanted = threading.Event()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def note_pages(self, pages: int) -> None:
        if pages < self._logged:  # it has begun anew
            self._due = CHECKPOINT
        self._logged = pages
        if pages >= self._due and not self._wanted.is_set():
            self._wanted.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._copy_forever, name="checkpoints", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Wait for the copy at hand."""
        self._over.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join()

    def _copy_forever(self) -> None:
        while not self._over.is_set():
            self._wanted.wait()
            if self._over.is_set():
                return
            try:
                self._copy()
            except Exception as problem:  # it is tried again; nobody waits for it
                log.warning("the database's log is not copied: %s", problem)
            self._due = self._logged + CHECKPOINT // 4
            self._wanted.clear()

    def _copy(self) -> None:
        """Copy all that no reader holds back.  Another process that copies already does it for all."""
        with contextlib.closing(apsw.Connection(str(self._path))) as connection, Turn(self._path.parent) as turn:
            connection.set_busy_timeout(LOCK_MILLISECONDS)
            connection.execute("PRAGMA synchronous=full")
            before = pages = copied = 0
            for _ in range(TRIES):
                before, (pages, copied) = copied, _copy_once(connection)
                if copied - before <= FEW:
                    break
            # less than before: the log has begun anew; the same: nobody has written; not all: a reader holds it
            if pages >= LONG * CHECKPOINT and before < copied == pages:
                connection.set_busy_timeout(READERS_MILLISECONDS)
                with turn.taken():
                    _copy_once(connection, "RESTART")


def _copy_once(connection: apsw.Connection, mode: str = "PASSIVE") -> tuple[int, int]:
    """Return the pages in the log when it began, and how many of them are copied; both -1 while another process copies.

    With RESTART it waits for those who read from the log; who begins meanwhile reads the database's own file.
    """
    pages: Any  # what a PRAGMA gives has no static type
    copied: Any
    [(_, pages, copied)] = connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
    return int(pages), int(copied)
