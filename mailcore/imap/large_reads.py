"""Turns of one account's connections to be sent whole messages, in one process.

Each may hold a few MiB that its client has not taken yet, so an account whose clients read slowly, or not at all, makes its
own other connections wait, and nobody's memory grows with their number.
"""

import asyncio
from weakref import WeakValueDictionary

from mailcore.domain import AccountId

AT_ONCE = 16  # connections of one account


class LargeReads:
    """Used by the event loop of one process."""

    def __init__(self) -> None:
        self._turns: WeakValueDictionary[AccountId, asyncio.Semaphore] = WeakValueDictionary()

    def turn(self, account: AccountId) -> asyncio.Semaphore:
        """Return what to hold while octets are read and written."""
        return self._turns.setdefault(account, asyncio.Semaphore(AT_ONCE))
