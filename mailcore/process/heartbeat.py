"""Notice a process whose event loop stands still in one call of C code, and end it.

Such a call may hold Python's lock: then nothing inside the process can end it, neither a budget of processor time
(process/budget.py) nor a handler of a signal.  So each process counts up a number in memory that it shares with its
supervisor, which looks at these numbers and nothing else.
"""

import asyncio
import faulthandler
import os
import signal
import time
from collections.abc import MutableSequence
from typing import Protocol

BEAT_SECONDS = 1.0
ABSENT_SECONDS = 5.0  # without a look: the machine was asleep or overloaded, and no process is to blame for it
DUMP_SECONDS = 1.0  # in which a process writes where its threads are
DUMP_SIGNAL = signal.SIGUSR2


class Process(Protocol):
    """Part of multiprocessing.Process."""

    @property
    def pid(self) -> int | None: ...
    def kill(self) -> None: ...
    def join(self, timeout: float | None = None) -> None: ...


async def beat(table: MutableSequence[int], number: int) -> None:
    """Count up the number of this process until cancelled; a dump of its threads can be asked for from now on."""
    faulthandler.register(DUMP_SIGNAL, all_threads=True)  # in C: it needs no lock of Python's
    while True:
        table[number] = (table[number] + 1) & 0xFFFFFFFF
        await asyncio.sleep(BEAT_SECONDS)


class Watch:
    """The supervisor's side.

    Args:
        table: a number for each process, 0 until its first beat, from when on it is watched.
        seconds: for how long a process may stand still; 0 = for ever.
    """

    def __init__(self, table: MutableSequence[int], seconds: float) -> None:
        self._table, self._seconds = table, seconds
        self._looked = 0.0
        self._seen: dict[int, tuple[int, float]] = {}  # number -> count, and when it was new

    def find_stuck(self, now: float | None = None) -> list[int]:
        """Return the numbers of the processes that have stood still for too long.

        Args:
            now: monotonic seconds.
        """
        now = time.monotonic() if now is None else now
        if now - self._looked > ABSENT_SECONDS:
            self._seen.clear()
        self._looked = now
        stuck = []
        for number, count in enumerate(self._table):
            before, since = self._seen.get(number, (-1, now))
            if count != before:
                self._seen[number] = (count, now)
            elif count and self._seconds and now - since > self._seconds:
                stuck.append(number)
        return stuck

    def forget(self, number: int) -> None:
        """Watch a process anew from its first beat: it was started again."""
        self._table[number] = 0
        self._seen.pop(number, None)


def end(process: Process) -> None:
    """End a process that stands still; where its threads are goes to its standard error."""
    if process.pid:
        os.kill(process.pid, DUMP_SIGNAL)
        process.join(DUMP_SECONDS)
    process.kill()
    process.join()
