"""Work that takes a processor for long and that somebody waits for, but not everybody: hashes of passwords.

It runs in a few threads of its own, which give way to all others: a hundred people who log in at once wait for each other, and
nobody else waits for them.  Linux has a nice value for each thread; elsewhere there are few threads, and no more.
"""

import contextlib
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

T = TypeVar("T")
NICE = 5  # a thread without it has three times the weight; more would starve log-ins on a machine that has other work
MOST = 4


def run_gently(fn: Callable[..., T], *args: object) -> T:
    """Run `fn` in one of these threads, and wait for it."""
    return _start_pool().submit(fn, *args).result()


def count_threads() -> int:
    """Count them: as many as there are processors, and MOST at the most."""
    return min(MOST, os.cpu_count() or 1)


@lru_cache(maxsize=1)
def _start_pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count_threads(), "gentle", initializer=_give_way)


def _give_way() -> None:
    thread = threading.get_native_id()
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + NICE)


# a process that was forked has none of these threads
os.register_at_fork(after_in_child=_start_pool.cache_clear)
