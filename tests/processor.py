"""Bounds of processor time: what strangers' input may cost, measured so that only the work itself counts."""

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


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
    assert spent < seconds, f"took {spent:.2f} s of the processor, {seconds} s are allowed"


def measure_cost(work: Callable[[], object]) -> float:
    """Measure the seconds of this thread's processor time that `work` takes."""
    with without_collecting():
        begun = time.thread_time()
        work()
        return time.thread_time() - begun
