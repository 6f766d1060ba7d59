"""Waking on changes, of this process and of others.

Who commits wakes all processes of the machine (process/wakes.py), and each looks into the change log for whom it concerns.
Whether there is anything new for an account is told by counts in memory that all processes share (process/change_counts.py).

A wake-up says only "look": what changed is read from the change log, so a lost or doubled one does no harm (order 4).  One is
lost with a process that dies between its commit and its wake-up; a look now and then finds what it wrote.
"""

import asyncio
import contextlib
import logging
import math
import threading
from collections import deque
from collections.abc import Callable, Iterable

from mailcore.domain import AccountId
from mailcore.process.change_counts import ChangeCounts
from mailcore.process.wakes import Wakes

log = logging.getLogger(__name__)
POLL_SECONDS = 0.25  # where no process wakes another
SELDOM_SECONDS = 1.0  # where they do, and there is no other machine
FAR_SECONDS = 0.03  # between two looks into a database on another machine
GATHER_SECONDS = (
    0.003  # between two looks that commits ask for: a burst of them is one look, and one by itself waits for nothing
)
Wake = Callable[[], None]
Poll = Callable[[int], tuple[int, set[AccountId]]]


class Feed:
    """Watchers of accounts in this process, woken when an account changes."""

    def __init__(self, counts: ChangeCounts | None = None, wakes: Wakes | None = None) -> None:
        self._counts, self._wakes = counts, wakes
        self._inbox = -1
        self._seen: dict[int, int] = {}  # by cell, the count up to which all watchers are woken
        self._on_count: dict[
            AccountId, tuple[int, Wake]
        ] = {}  # who is woken by a count alone, with that of the last time
        self._watchers: dict[AccountId, set[Wake]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._poll: Poll | None = None
        self._is_near = True
        self._wanted = asyncio.Event()  # of the loop that runs: a look in a thread is asked for
        self._looked_at = -math.inf  # by the loop's clock
        self._next_look: asyncio.TimerHandle | None = None  # of a burst
        self._last = -1  # the newest entry of the change log that was read
        self._reading = threading.Lock()
        self._unwoken: deque[set[AccountId]] = deque()  # whom entries that were read concern, until watchers are woken

    def watch(self, account: AccountId, wake: Wake) -> Callable[[], None]:
        """Call `wake` on the event loop after changes in `account`, until the returned function is called."""
        self._watchers.setdefault(account, set()).add(wake)

        def unwatch() -> None:
            waiting = self._watchers.get(account)
            if waiting is not None:
                waiting.discard(wake)
                if not waiting:
                    del self._watchers[account]

        return unwatch

    def watch_count(self, account: AccountId, wake: Wake) -> bool:
        """Call `wake` on the event loop whenever a change of `account` is counted, until the feed stops.

        For what has no entries in the change log, such as the queue.

        Returns:
            False: other processes do not tell of it, so that one has to look now and then.
        """
        self._on_count[account] = self._count_of(account), wake
        return self._counts is not None and self._inbox >= 0

    def _count_of(self, account: AccountId) -> int:
        return self._counts.cell(account)[1] if self._counts is not None else 0

    def _wake_on_counts(self) -> None:
        for account, (before, wake) in self._on_count.items():
            if (count := self._count_of(account)) != before:
                self._on_count[account] = count, wake
                wake()

    def changed(self, accounts: Iterable[AccountId]) -> None:
        """Count the change, and wake watchers here and in other processes; in the writer's thread, after its commit."""
        self.hear_changes(accounts)
        if self._wakes is not None:
            self._wakes.send()

    def hear_changes(self, accounts: Iterable[AccountId]) -> None:
        """Count the change, and wake watchers here: another node has made it, and each process hears of that by itself."""
        accounts = tuple(accounts)
        if self._counts is not None:
            self._counts.add(accounts)
        loop = self._loop
        if loop is not None and (self._watchers or self._on_count):
            with contextlib.suppress(RuntimeError):  # the loop has ended
                if not self._is_near:
                    loop.call_soon_threadsafe(self._wake, accounts)
                elif self._next_look is None:  # else that look finds this change, too: it forgets itself, then it reads
                    # the log is read up to here, so that no later look finds the same again
                    loop.call_soon_threadsafe(self._look)

    def refresh(self, account: AccountId) -> None:
        """Wake now whom changes concern, if any process has changed the account; on the event loop.

        What somebody was answered OK for is to be seen by the next command of anybody else, whichever process serves it.
        """
        if self._counts is None:
            self._ask()
            return
        cell, count = self._counts.cell(account)
        # counted after the commit: what is counted now is seen by what is read after it
        if self._seen.get(cell) != count and self._ask():
            self._seen[cell] = count

    def _ask(self) -> bool:
        """Wake whom the entries of the change log since the last time concern; False if it cannot be read now."""
        if self._poll is None:
            return False
        with contextlib.suppress(Exception):  # a database that is busy now is asked by the next poll
            self._read_log(self._poll)
            self._wake_unwoken()
            return True
        return False

    def _read_log(self, poll: Poll) -> None:
        """Read what is new in the change log, in any thread.

        What a thread has read no later reading finds again: who asks meanwhile waits for it, and wakes whom it concerns.
        """
        with self._reading:
            newest, accounts = poll(self._last)
            self._last = max(self._last, newest)
            self._unwoken.append(accounts)

    def _wake_unwoken(self) -> None:
        """Wake whom entries concern that were read, on the event loop."""
        accounts: set[AccountId] = set()
        while self._unwoken:
            accounts |= self._unwoken.popleft()
        self._wake(accounts)

    def _look(self) -> None:
        """Wake whom changes concern, at once; where a look has just been, with what else is committed in this moment."""
        if self._loop is None or self._next_look is not None:
            return
        wait = self._looked_at + GATHER_SECONDS - self._loop.time()
        if wait <= 0:
            self._look_now()
        else:
            self._next_look = self._loop.call_later(wait, self._look_now)

    def _look_now(self) -> None:
        """Look on the event loop, where a look into a file takes less time than a hop to a thread."""
        self._next_look = None
        if self._loop is not None:
            self._looked_at = self._loop.time()
        self._wake_on_counts()
        if self._watchers and not (self._is_near and self._ask()):
            self._wanted.set()

    def _on_wake(self) -> None:
        if self._wakes is not None:
            self._wakes.empty_inbox()
            self._look()

    def start(self, poll: Poll | None, run: Callable[..., object], *, is_near: bool = True) -> None:
        """Begin to wake on this loop.

        Args:
            poll: gives the newest change number and the accounts changed after the number it is given.
            run: awaits `poll` in a thread.
            is_near: the database is a file, and not a server.
        """
        self._loop = asyncio.get_running_loop()
        self._poll, self._is_near, self._wanted = poll, is_near, asyncio.Event()
        self._ask()  # what is there now is the beginning
        if self._wakes is not None and poll is not None:
            try:
                self._inbox = self._wakes.open_inbox()
                self._loop.add_reader(self._inbox, self._on_wake)
            except OSError as problem:
                log.warning("other processes do not wake this one: %s", problem.strerror)
        if poll is not None:
            self._task = self._loop.create_task(self._poll_forever(poll, run))

    def stop(self) -> None:
        self._poll = None
        self._seen.clear()
        self._on_count.clear()
        if self._loop is not None and self._inbox >= 0:
            self._loop.remove_reader(self._inbox)
            self._inbox = -1
        if self._wakes is not None:
            self._wakes.close_inbox()
        if self._task is not None:
            self._task.cancel()
        if self._next_look is not None:
            self._next_look.cancel()
            self._next_look = None
        self._loop = None

    def close(self) -> None:
        """Give back what is shared, once nothing is written any more."""
        if self._wakes is not None:
            self._wakes.close()
            self._wakes = None
        if self._counts is not None:
            self._counts.close()
            self._counts = None

    async def _poll_forever(self, poll: Poll, run: Callable[..., object]) -> None:
        while True:
            self._wanted.clear()
            with contextlib.suppress(Exception):  # a database that is busy now is asked again
                await run(self._read_log, poll)  # type: ignore[misc]  # Threads.run, which this floor may not name
                self._wake_unwoken()
            if not self._is_near:
                await asyncio.sleep(FAR_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SELDOM_SECONDS if self._is_near and self._inbox >= 0 else POLL_SECONDS):
                    await self._wanted.wait()

    def _wake(self, accounts: Iterable[AccountId]) -> None:
        self._wake_on_counts()
        for account in accounts:
            for wake in tuple(self._watchers.get(account, ())):
                wake()
