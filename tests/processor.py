"""Bounds of processor time: what strangers' input may cost, measured so that only the work itself counts.

A bound is seconds of the processor that wrote it down.  Another may be slower, for good or because others share its caches
and its clock, so that what is above the bound is compared with how long a piece of work takes that is always the same.
"""

import contextlib
import gc
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

YARDSTICK_SECONDS = 0.0007  # for `_measure_yardstick` where the bounds were written down


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
    assert is_under(spent, seconds), f"took {spent:.2f} s of the processor, {seconds} s are allowed"


def measure_cost(work: Callable[[], object]) -> float:
    """Measure the seconds of this thread's processor time that `work` takes."""
    with without_collecting():
        begun = time.thread_time()
        work()
        return time.thread_time() - begun


def is_under(spent: float, seconds: float) -> bool:
    """Is it less than `seconds` of the processor that the bound was written down for?"""
    return spent < seconds or spent < seconds * _measure_slowness()


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
