"""Watches the writer: while one write runs, nobody else writes, in any process.

A write above the bound is logged with its caller and counted for the metrics; one that goes on and on is logged with the place
where it is.  A process whose writer has ended, or has been at one write for a quarter of an hour, is ended: whoever started it
starts it anew, while by itself it would refuse or hold up every message.
"""

import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable

from mailcore.store.engine.tx import Tx

log = logging.getLogger(__name__)
LOOK_SECONDS = 1.0
LONG_SECONDS = 10.0  # then it is told where the write is, and again after twice the time
STUCK_SECONDS = 900.0
NO_WRITER = 70  # exit status (EX_SOFTWARE)
HOUR = 3600
KEPT_HOURS = 7 * 24

Begun = tuple[float, Callable[..., object]]


def caller_of(fn: Callable[..., object]) -> str:
    """`module:function` of what is written."""
    # functools' partial and wraps
    while (inner := getattr(fn, "func", None) or getattr(fn, "__wrapped__", None)) is not None:
        fn = inner
    name = getattr(fn, "__qualname__", type(fn).__qualname__)
    return f"{getattr(fn, '__module__', '?')}:{name.replace('.<locals>', '')}"


def end_process() -> None:
    """End the process at once: waiting callers have their answer, and nothing left to do could be saved."""
    os._exit(NO_WRITER)


class SlowWrites:
    """Slow writes of this writer, counted by caller and hour in the database, where every process counts."""

    def __init__(self) -> None:
        self._noted: list[tuple[str, int]] = []

    def note(self, caller: str, seconds: float) -> None:
        log.warning("a write held up all others for %.0f ms: %s", seconds * 1000, caller)
        self._noted.append((caller, round(seconds * 1000)))

    def record(self, tx: Tx) -> None:
        """Record the slow writes within the transaction at hand, without a commit of their own."""
        if not self._noted or not tx.columns("slow_write"):  # before the table is there
            return
        noted, self._noted = self._noted, []
        hour = int(time.time()) // HOUR
        tx.many(
            "INSERT INTO slow_write (caller, hour, count, longest) VALUES (?, ?, 1, ?) ON CONFLICT (caller, hour)"
            " DO UPDATE SET count=slow_write.count+1, longest=max(slow_write.longest, excluded.longest)",
            [(caller, hour, longest) for caller, longest in noted],
        )
        tx.run("DELETE FROM slow_write WHERE hour<?", hour - KEPT_HOURS)


class WriteWatch:
    """A thread that looks at the writer once a second."""

    def __init__(self, writer: threading.Thread, on_end: Callable[[], None]) -> None:
        self._writer, self._on_end = writer, on_end
        self._at: Begun | None = None  # the write that runs
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._look_forever, name="write watch", daemon=True)
        self._thread.start()

    def begin(self, fn: Callable[..., object]) -> Begun:
        """Called by the writer."""
        self._at = begun = (time.monotonic(), fn)
        return begun

    def end(self, begun: Begun) -> float:
        """Seconds that it took."""
        self._at = None
        return time.monotonic() - begun[0]

    def stop(self) -> None:
        self._stopped.set()

    def _look_forever(self) -> None:
        told: Begun | None = None
        due = LONG_SECONDS
        while not self._stopped.wait(LOOK_SECONDS):
            if not self._writer.is_alive():
                if not self._stopped.is_set():
                    self._end("there is no writer; the process ends")
                return
            at = self._at
            if at is None:
                continue
            if at is not told:
                told, due = at, LONG_SECONDS
            seconds = time.monotonic() - at[0]
            if seconds >= due:
                due = 2 * seconds
                log.warning("a write has been running for %.0f s: %s\n%s", seconds, caller_of(at[1]), self._place())
            if seconds >= STUCK_SECONDS:
                self._end("the writer is stuck; the process ends")
                return

    def _place(self) -> str:
        """Return the writer's stack, without any value."""
        frame = sys._current_frames().get(self._writer.ident or 0)
        return "".join(traceback.format_stack(frame)) if frame else ""

    def _end(self, why: str) -> None:
        log.critical(why)
        self._on_end()
