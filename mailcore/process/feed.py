"""Waking on changes.  This process's own commits wake at once; those of others are seen by a cheap poll, or when asked for.

Whether there is anything to see is told by counts in memory that all processes share (process/change_counts.py).

A wake-up says only "look": what changed is read from the change log, so a lost or doubled one does no harm (order 4).
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable

from mailcore.domain import AccountId
from mailcore.process.change_counts import ChangeCounts

POLL_SECONDS = 0.25
Wake = Callable[[], None]
Poll = Callable[[int], tuple[int, set[AccountId]]]


class Feed:
    """Watchers of accounts in this process, woken when an account changes."""

    def __init__(self, counts: ChangeCounts | None = None) -> None:
        self._counts = counts
        self._seen: dict[int, int] = {}  # by cell, the count up to which all watchers are woken
        self._watchers: dict[AccountId, set[Wake]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._poll: Poll | None = None
        self._last = -1  # the newest entry of the change log whose watchers are woken

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

    def changed(self, accounts: Iterable[AccountId]) -> None:
        """Count the change and wake the watchers of `accounts`; in the writer's thread, after its commit."""
        accounts = tuple(accounts)
        if self._counts is not None:
            self._counts.add(accounts)
        loop = self._loop
        if loop is not None and self._watchers:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._wake, accounts)

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
            newest, accounts = self._poll(self._last)
            self._last = max(self._last, newest)
            self._wake(accounts)
            return True
        return False

    def start(self, poll: Poll | None, run: Callable[..., object]) -> None:
        """Begin to wake on this loop.

        Args:
            poll: gives the newest change number and the accounts changed after the number it is given.
            run: awaits `poll` in a thread.
        """
        self._loop = asyncio.get_running_loop()
        self._poll = poll
        self._ask()  # what is there now is the beginning
        if poll is not None:
            self._task = self._loop.create_task(self._poll_forever(poll, run))

    def stop(self) -> None:
        self._poll = None
        self._seen.clear()
        if self._task is not None:
            self._task.cancel()
        self._loop = None

    def close(self) -> None:
        """Give the counts back, once nothing is written any more."""
        if self._counts is not None:
            self._counts.close()
            self._counts = None

    async def _poll_forever(self, poll: Poll, run: Callable[..., object]) -> None:
        while True:
            with contextlib.suppress(Exception):  # a database that is busy now is asked again
                newest, accounts = await run(poll, self._last)  # type: ignore[misc]  # Threads.run, which this floor may not name
                self._last = max(self._last, newest)
                self._wake(accounts)
            await asyncio.sleep(POLL_SECONDS)

    def _wake(self, accounts: Iterable[AccountId]) -> None:
        for account in accounts:
            for wake in tuple(self._watchers.get(account, ())):
                wake()
