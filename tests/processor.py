"""Bounds of processor time: what strangers' input may cost, measured so that only the work itself counts.

A bound is seconds of the processor that wrote it down.  Another may be slower, for good or because others share its caches
and its clock, so that what is above the bound is compared with how long a piece of work takes that is always the same: up to
MOST_SLOWNESS times the bound, as on a machine that is slower still nothing can be told.
"""

import contextlib
import gc
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

YARDSTICK_SECONDS = 0.0007  # for `_measure_yardstick` where the bounds were written down
MOST_SLOWNESS = 3.0


@contextmanager
def without_collecting() -> Iterator[None]:
    """Keep the collector of garbage away: a collection walks through all that the test process holds."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def costs_under(seconds: float) -> Iterator[None]:
    """Assert that the body takes less than `seconds` of this thread's processor time."""
    with without_collecting():
        begun = time.thread_time()
        yield
        spent = time.thread_time() - begun
    assert find_excess(spent, seconds) == ""


def measure_cost(work: Callable[[], object]) -> float:
    """Measure the seconds of this thread's processor time that `work` takes."""
    with without_collecting():
        begun = time.thread_time()
        work()
        return time.thread_time() - begun


def find_excess(spent: float, seconds: float) -> str:
    """Return how it is more than `seconds` of the processor that the bound was written down for, or ""."""
    if spent < seconds:
        return ""
    slowness = _measure_slowness()
    allowed = seconds * min(slowness, MOST_SLOWNESS)
    if spent < allowed:
        return ""
    return f"took {spent:.2f} s of the processor, which is {slowness:.1f} times as slow: {allowed:.2f} s are allowed"


def measure_group(leader: int) -> float:
    """Return the seconds of the processor that the processes of a group have taken so far, those that ended in it too."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # the name, in brackets, may hold anything
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[2]) == leader:
                ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def _measure_slowness() -> float:
    """Measure how many times as long this processor takes just now; never less than once, however quick it is."""
    return max(1.0, sorted(_measure_yardstick() for _ in range(9))[4] / YARDSTICK_SECONDS)


def _measure_yardstick() -> float:
    return measure_cost(lambda: sum(number * number for number in range(20_000)))
