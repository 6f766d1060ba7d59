"""Bounds of processor time: what strangers' input may cost, measured so that only the work itself counts.

A bound is seconds of the processor that wrote it down.  Another may be slower, for good or for the moment, because others
share its caches and its clock; so MARGIN times the bound is allowed.  What these tests are there to find, work that grows
faster than its input, passes that too.
"""

import contextlib
import gc
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

MARGIN = 3


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
    """Return by how much the seconds `spent` are above a bound and its margin, or ""."""
    if spent < seconds * MARGIN:
        return ""
    return f"took {spent:.2f} s of the processor: {seconds:.2f} s are wanted, {MARGIN} times as long is allowed"


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
