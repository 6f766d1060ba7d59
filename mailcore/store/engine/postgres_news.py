"""Hints between the processes of a cluster, by NOTIFY and LISTEN: whose mail has changed.

A hint says only "look".  One that is lost costs a moment, for the change log is polled as well.  They are sent after commits, by
a connection of their own: within a data transaction each would take one lock of the whole server at its commit.
"""

import logging
import os
import secrets
import threading
from collections.abc import Callable

import psycopg

from mailcore.domain import AccountId
from mailcore.store.engine.postgres_connection import describe

log = logging.getLogger(__name__)
CHANNEL = "alumnimail_news"
GATHER_SECONDS = 0.03  # hints of so long go out together
LOOK_SECONDS = 0.5  # for the end
AGAIN_SECONDS = 1.0
MOST = 500  # accounts in a hint, of at most 8,000 octets


class NewsWire:
    """Tell others, and hear them, in two threads.

    Args:
        connect: opens a connection of its own.
        heard: called with the accounts that another process has changed.
    """

    def __init__(
        self, connect: Callable[[], "psycopg.Connection[tuple[object, ...]]"], heard: Callable[[set[AccountId]], None]
    ) -> None:
        self._connect, self._heard = connect, heard
        self._name = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._lock, self._wanted, self._over = threading.Lock(), threading.Event(), threading.Event()
        self._changed: set[AccountId] = set()
        self._threads = [
            threading.Thread(target=work, name=name, daemon=True)
            for work, name in ((self._tell_forever, "herald"), (self._listen_forever, "listener"))
        ]
        for thread in self._threads:
            thread.start()

    def send_soon(self, accounts: set[AccountId]) -> None:
        """Tell others soon; after the commit."""
        with self._lock:
            self._changed |= accounts
        self._wanted.set()

    def close(self) -> None:
        self._over.set()
        self._wanted.set()
        for thread in self._threads:
            thread.join()

    def _take(self) -> list[AccountId]:
        with self._lock:
            changed, self._changed = sorted(self._changed), set()
        return changed

    def _tell_forever(self) -> None:
        connection: psycopg.Connection[tuple[object, ...]] | None = None
        while not self._over.is_set():
            self._wanted.wait()
            self._over.wait(GATHER_SECONDS)
            self._wanted.clear()
            accounts = self._take()
            try:
                if accounts and (connection is None or connection.closed):
                    connection = self._connect()
                for at in range(0, len(accounts), MOST):
                    text = f"{self._name}:{','.join(map(str, accounts[at : at + MOST]))}"
                    connection.execute("SELECT pg_notify($1, $2)", (CHANNEL, text))  # type: ignore[union-attr]  # opened above
            except psycopg.Error:  # who polls finds what changed
                _closed(connection)
                connection = None
        _closed(connection)

    def _listen_forever(self) -> None:
        while not self._over.is_set():
            connection: psycopg.Connection[tuple[object, ...]] | None = None
            try:
                connection = self._connect()
                connection.execute(f"LISTEN {CHANNEL}".encode())
                while not self._over.is_set():
                    for notice in connection.notifies(timeout=LOOK_SECONDS):
                        self._hear(notice.payload)
            except psycopg.Error as problem:
                log.info("no hints of others' changes: %s", describe(problem))
            finally:
                _closed(connection)
            self._over.wait(AGAIN_SECONDS)

    def _hear(self, text: str) -> None:
        name, _, accounts = text.partition(":")
        if name == self._name:
            return
        try:
            self._heard({AccountId(int(account)) for account in accounts.split(",")})
        except Exception:  # a hint may be lost: the poll finds what changed
            log.exception("a hint was not heard")


def _closed(connection: "psycopg.Connection[tuple[object, ...]] | None") -> None:
    if connection is not None:
        connection.close()
