"""How long this process lets people wait, by cause: histograms that the metrics show, of all processes of the service.

Each process counts in a row of its own of a file beside the database, which all of them map (`share`), so nothing is locked
between processes.  A row belongs to whoever has the kernel's lock on its first octet, which ends with the process, however
that ends.  A process that shares nothing, such as a command, counts for itself.
"""

import asyncio
import fcntl
import logging
import mmap
import os
import struct
import threading
import time
from bisect import bisect_left
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

log = logging.getLogger(__name__)
LOOK_SECONDS = 0.1  # between two looks at the event loop
BOUNDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)  # seconds; what took longer counts above all
ROWS = 128
_OCTETS = 8
_WIDTH = len(BOUNDS) + 2  # counts by bound, counts above all, the sum of seconds
_ROW = 64  # numbers: the process, then each cause


class Wait(IntEnum):
    """Causes of waiting."""

    LOOP_LAG = 0  # how late the event loop is
    THREAD_WAIT = 1  # until a thread takes the work
    WRITE_WAIT = 2  # until a write begins: for the writes before it and for writers of other processes
    COMMIT = 3  # until a group of writes has run and is on disk


@dataclass(frozen=True, slots=True)
class Histogram:
    """`counts` of what took at most as long as each of BOUNDS and longer than the one before; the last, longer than all."""

    counts: tuple[int, ...]
    seconds: float


class Waits:
    """Used by all threads of a process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cells = memoryview(bytearray(_ROW * _OCTETS)).cast("d")
        self._file = -1

    def note(self, wait: Wait, seconds: float) -> None:
        start = 1 + wait * _WIDTH
        with self._lock:
            cells = self._cells
            cells[start + bisect_left(BOUNDS, seconds)] += 1
            cells[start + _WIDTH - 1] += seconds

    async def watch_loop(self) -> None:
        """Note how late the running event loop is, until cancelled."""
        while True:
            began = time.perf_counter()
            await asyncio.sleep(LOOK_SECONDS)
            # its clock counts milliseconds, so it may be early
            self.note(Wait.LOOP_LAG, max(0.0, time.perf_counter() - began - LOOK_SECONDS))

    def share(self, database: Path) -> None:
        """Count where the metrics see it; where that cannot be had, they miss this process."""
        try:
            self._file = _open(database)
            row = _claim(self._file)
            shared = memoryview(mmap.mmap(self._file, _ROW * _OCTETS * ROWS)).cast("d")[row * _ROW : (row + 1) * _ROW]
        except OSError as problem:
            log.warning("what people wait for is not in the metrics: %s", problem.strerror)
            if self._file >= 0:  # and the lock of its row with it
                os.close(self._file)
                self._file = -1
            return
        with self._lock:
            self._cells[0] = os.getpid()
            shared[:] = self._cells
            self._cells = shared

    def close(self) -> None:
        """Give the row back; what is noted from now on is seen by nobody."""
        with self._lock:
            self._cells = memoryview(bytearray(_ROW * _OCTETS)).cast("d")
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def read_shared(database: Path) -> dict[int, dict[Wait, Histogram]]:
    """Return the histograms of each process by its id; also of some that have ended."""
    try:
        octets = _path(database).read_bytes()
    except OSError:
        return {}
    cells = memoryview(octets[: len(octets) // _OCTETS * _OCTETS]).cast("d")
    starts = range(0, len(cells) - _ROW + 1, _ROW)
    return {int(cells[at]): {wait: _read(cells, at + 1 + wait * _WIDTH) for wait in Wait} for at in starts if cells[at]}


def _read(cells: "memoryview[float]", start: int) -> Histogram:
    *counts, seconds = cells[start : start + _WIDTH].tolist()
    return Histogram(tuple(map(int, counts)), seconds)


def _path(database: Path) -> Path:
    return database.with_name(database.name + "-waits")


def _open(database: Path) -> int:
    file = os.open(_path(database), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        os.posix_fallocate(file, 0, _ROW * _OCTETS * ROWS)  # as in change_counts
    except BaseException:
        os.close(file)
        raise
    return file


def _claim(file: int) -> int:
    """Take a row that no living process has; the lock is this open file's and goes with it.

    Raises OSError: there is none.
    """
    for row in range(ROWS):
        # struct flock of fcntl(2): one octet from the row's first
        octet = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, row * _ROW * _OCTETS, 1, 0)
        try:
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, octet)
        except BlockingIOError:
            continue
        return row
    raise OSError(0, "too many processes")
