"""Threads for what blocks.  The event loop only waits for the network.  What they do stays within the budget of who asks.

What waits for others (DNS, the directory) has threads of its own: a silent server must not keep anybody from
reading mail.  So have log-ins, which wait for a processor or the directory: a thousand of them must not keep mail from coming in.
"""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from mailcore.process import budget
from mailcore.process.waits import Wait, Waits

T = TypeVar("T")


class Threads:
    """A small pool for work (files, reads of the database), a larger one for waiting, one for log-ins."""

    def __init__(self, workers: int = 8, waiters: int = 32, waits: Waits | None = None) -> None:
        self.waits = waits or Waits()
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="work")
        self._waiting = ThreadPoolExecutor(waiters, thread_name_prefix="wait")
        self._logging_in = ThreadPoolExecutor(max(1, waiters // 2), thread_name_prefix="log in")

    async def run(self, fn: Callable[..., T], *args: object) -> T:
        asked, bound, note = time.perf_counter(), budget.bound(fn), self.waits.note

        def begin() -> T:
            note(Wait.THREAD_WAIT, time.perf_counter() - asked)
            return bound(*args)

        return await asyncio.get_running_loop().run_in_executor(self._pool, begin)

    async def run_waiting(self, fn: Callable[..., T], *args: object) -> T:
        """The same for what may wait seconds for another server."""
        return await asyncio.get_running_loop().run_in_executor(self._waiting, budget.bound(fn), *args)

    async def log_in(self, fn: Callable[..., T], *args: object) -> T:
        """The same for a log-in."""
        return await asyncio.get_running_loop().run_in_executor(self._logging_in, budget.bound(fn), *args)

    def close(self) -> None:
        self._logging_in.shutdown(wait=True, cancel_futures=True)
        self._waiting.shutdown(wait=True, cancel_futures=True)
        self._pool.shutdown(wait=True, cancel_futures=True)
