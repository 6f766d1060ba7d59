"""Waking on changes.  This process's own commits wake at once; those of others are seen by a cheap poll, or when asked for.

A wake-up says only "look": what changed is read from the change log, so a lost or doubled one does no harm (order 4).
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable

from mailcore.domain import AccountId

POLL_SECONDS = 0.25
Wake = Callable[[], None]
Poll = Callable[[int], tuple[int, set[AccountId]]]


class Feed:
    """Watchers of accounts in this process, woken when an account changes."""

    def __init__(self) -> None:
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
        """Wake the watchers of `accounts`; may be called from any thread."""
        loop = self._loop
        if loop is not None and self._watchers:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._wake, tuple(accounts))

    def look(self) -> None:
        """Wake now whom changes of other processes concern; on the event loop.

        What somebody was answered OK for is to be seen by the next command of anybody else, whichever process serves it.
        """
        if self._poll is not None:
            with contextlib.suppress(Exception):  # a database that is busy now is asked by the next poll
                newest, accounts = self._poll(self._last)
                self._last = max(self._last, newest)
                self._wake(accounts)

    def start(self, poll: Poll | None, run: Callable[..., object]) -> None:
        """Begin to wake on this loop.

        Args:
            poll: gives the newest change number and the accounts changed after the number it is given.
            run: awaits `poll` in a thread.
        """
        self._loop = asyncio.get_running_loop()
        self._poll = poll
        self.look()  # what is there now is the beginning
        if poll is not None:
            self._task = self._loop.create_task(self._poll_forever(poll, run))

    def stop(self) -> None:
        self._poll = None
        if self._task is not None:
            self._task.cancel()
        self._loop = None

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
