"""PostgreSQL, by psycopg: a small pool of readers, and one writer a process.

Writes that name their accounts lock these rows, and run beside those of other accounts, of this process's group and of other
processes'.  All others take the *turn*: nobody else writes meanwhile, so who reads and then writes has read the latest, as with
SQLite's only writer.  The turn is a lock on a table that only migrations write; the server gives it in the order of asking.

A write may be run twice: one that the server broke off (40001, 40P01) is rolled back and run again.
"""

import contextlib
import logging
import queue
import random
import time
from collections.abc import Callable, Collection, Iterator
from typing import Any, TypeVar

import psycopg
from psycopg import errors, pq
from psycopg.types.numeric import Int8BinaryDumper

from mailcore.domain import AccountId
from mailcore.errors import Busy
from mailcore.process.threads import Threads
from mailcore.store.engine.db import Answer, Db, Row, Tx, Write, all_busy
from mailcore.store.engine.postgres_connection import (
    WAIT_SECONDS,
    begin_on,
    connect,
    describe,
    make_ready,
    measure_trip,
    mend,
)
from mailcore.store.engine.postgres_news import NewsWire
from mailcore.store.engine.postgres_tx import PgTx
from mailcore.store.engine.write_watch import end_process

T = TypeVar("T")
log = logging.getLogger(__name__)

READERS = 8  # connections that read, of one process
FAR_SECONDS = 0.0003  # to the server and back
AGAIN = (errors.SerializationFailure, errors.DeadlockDetected)
PAUSES = (0.0, 0.005, 0.02, 0.08, 0.2, 0.2, 0.2)  # seconds before a write is run again
# nobody else writes; and: nobody writes who must be alone
TURN = "LOCK TABLE migration IN SHARE ROW EXCLUSIVE MODE"
BESIDE = "LOCK TABLE migration IN ROW EXCLUSIVE MODE"
MAX_GROUP = 32  # writes in one commit: others wait for the accounts that it has locked
_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


def _locking(accounts: Collection[AccountId]) -> str:
    """Lock rows of accounts, all in one order: so nobody waits for somebody who waits for them."""
    ids = ",".join(map(str, sorted({int(account) for account in accounts})))
    return f"SELECT 1 FROM account WHERE id IN ({ids}) ORDER BY id FOR NO KEY UPDATE"  # noqa: S608 - numbers


class PgDb(Db):
    """One PostgreSQL database, as one process sees it.

    Args:
        url: as libpq reads it, `postgresql://user@host/name`.
        listen_url: where LISTEN works, if not there, as a pooler may stand between.
    """

    whole_group = PgTx.whole_group

    def __init__(
        self,
        url: str,
        threads: Threads,
        woken: Callable[[set[AccountId]], None],
        on_end: Callable[[], None] = end_process,
        listen_url: str = "",
    ) -> None:
        self.url, self._listen_url = url, listen_url or url
        self._idle: queue.LifoQueue[psycopg.Connection[Row] | None] = queue.LifoQueue()
        for _ in range(READERS):
            self._idle.put(None)  # a place for one that is not open yet
        self._writing: psycopg.Connection[Row] | None = None
        self._trip_seconds: float | None = None
        super().__init__(threads, woken, on_end)

    def _read(self, fn: Callable[[Tx], T]) -> T:
        try:
            with self._reader() as connection:
                self._here.tx = tx = PgTx(connection, begin=_SNAPSHOT)
                try:
                    if not self._is_far(connection):
                        tx.finish()
                    return fn(tx)
                finally:
                    self._here.tx = None
        except psycopg.Error as problem:
            log.error("read failed: %s", describe(problem))
            raise Busy("the database did not answer") from problem

    def _is_far(self, connection: psycopg.Connection[Row]) -> bool:
        """Say if a round trip costs more than what a pipeline does, by the fastest of some at the first reading."""
        if self._trip_seconds is None:
            self._trip_seconds = min(measure_trip(connection) for _ in range(5))
        return self._trip_seconds > FAR_SECONDS

    @contextlib.contextmanager
    def _reader(self) -> Iterator[psycopg.Connection[Row]]:
        """Give a connection of the pool; what it has begun is ended."""
        try:
            connection = self._idle.get(timeout=WAIT_SECONDS)
        except queue.Empty:
            raise Busy("all connections to the database are in use") from None
        try:
            connection = make_ready(self.url, connection)
            yield connection
            if connection.pgconn.transaction_status != pq.TransactionStatus.IDLE:
                connection.pgconn.send_query(b"COMMIT")  # whoever reads next takes the answer
                connection.pgconn.flush()
        except BaseException:
            connection = mend(connection)
            raise
        finally:
            self._idle.put(connection)

    def close(self) -> None:
        super().close()
        for _ in range(READERS):
            with contextlib.suppress(queue.Empty):
                connection = self._idle.get(timeout=WAIT_SECONDS)
                if connection is not None:
                    connection.close()

    @contextlib.contextmanager
    def peewee_database(self, *, read_only: bool = False) -> Iterator[Any]:  # Any: peewee has no types
        """Give the models a connection of their own; psycopg is its driver, too."""
        from playhouse.postgres_ext import Psycopg3Database

        parts: dict[str, Any] = dict(psycopg.conninfo.conninfo_to_dict(self.url))  # Any: numbers and texts
        name, parts["prepare_threshold"] = parts.pop("dbname", ""), None  # there may be a pooler
        if read_only:
            parts["options"] = f"{parts.get('options', '')} -c default_transaction_read_only=on".strip()
        database = Psycopg3Database(name, **parts)
        database.connect()
        try:
            database.connection().adapters.register_dumper(bool, Int8BinaryDumper)  # as our columns are
            yield database
        finally:
            database.close()

    def run_apart(self, fn: Callable[[Tx], T], *, pause_seconds: int = 0) -> T:
        """Run `fn` in a transaction on a connection of its own, without a turn: whoever writes or hangs does not hold it up."""
        try:
            with connect(self.url) as connection, connection.transaction():
                if pause_seconds:
                    connection.execute(f"SET LOCAL idle_in_transaction_session_timeout='{pause_seconds:d}s'".encode())
                result = fn(tx := PgTx(connection))
                tx.finish()
                return result
        except psycopg.Error as problem:
            raise Busy(f"the database did not answer: {describe(problem)}") from problem

    def exchange_news(self, heard: Callable[[set[AccountId]], None]) -> NewsWire:
        """Tell other nodes what changes, and hear of theirs, until it is closed."""
        wire = NewsWire(lambda: connect(self._listen_url), heard)
        own = self._woken

        def woken(changed: set[AccountId]) -> None:
            own(changed)
            wire.send_soon(changed)

        self._woken = woken
        return wire

    def _let_go(self) -> None:
        if self._writing is not None:
            self._writing.close()
            self._writing = None

    def _commit(self, group: list[Write]) -> list[Answer]:
        """One transaction for those who write beside others, one for the rest; nobody is answered before both are over."""
        beside = [write for write in group if write.of is not None]
        others = [write for write in group if write.of is None]
        parts = [part[at : at + MAX_GROUP] for part in (beside, others) for at in range(0, len(part), MAX_GROUP)]
        return [answer for part in parts for answer in self._commit_part(part)]

    def _commit_part(self, group: list[Write]) -> list[Answer]:
        try:
            answers, changed = self._attempt(group)
        except AGAIN as problem:
            log.info("a transaction is run again: %s", describe(problem))
            if len(group) > 1:
                return [answer for write in group for answer in self._commit_part([write])]
            return self._run_again(group)
        except Exception as problem:
            return self._failed(group, problem)
        self._wake(changed)
        return answers

    def _run_again(self, group: list[Write]) -> list[Answer]:
        """Run one write that met others, with ever longer pauses."""
        for pause in PAUSES:
            time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            try:
                answers, changed = self._attempt(group)
            except AGAIN:
                continue
            except Exception as problem:
                return self._failed(group, problem)
            self._wake(changed)
            return answers
        return self._failed(group, Busy("the write met others each time"))

    def _failed(self, group: list[Write], problem: Exception) -> list[Answer]:
        known = isinstance(problem, psycopg.Error | Busy)
        reason = describe(problem) if isinstance(problem, psycopg.Error) else problem
        log.error("commit failed: %s", reason, exc_info=None if known else problem)
        with contextlib.suppress(Exception):  # the next group begins on a connection that owes nothing to this one
            self._let_go()
        return all_busy(group)

    def _attempt(self, group: list[Write]) -> tuple[list[Answer], set[AccountId]]:
        answers: list[Answer] = []
        changed: set[AccountId] = set()
        self._writing = connection = begin_on(self.url, self._writing, _opening(group))
        try:
            parts = [PgTx(connection, write.of) for write in group]
            for tx, write in zip(parts, group, strict=True):
                answers.append(self._run_one(connection, tx, write, changed, alone=len(group) == 1))
            # one who was alone and raised has ended it
            if connection.info.transaction_status != pq.TransactionStatus.IDLE:
                self._slow.record(parts[-1])
                parts[-1].commit()
        except BaseException:
            self._writing = mend(connection)
            raise
        return answers, changed


def _opening(group: list[Write]) -> str:
    """Begin the transaction of a group, with all locks that it is known to need."""
    if group[0].of is None:
        return f"BEGIN; {TURN}"
    accounts = {account for write in group for account in write.of or ()}
    return f"BEGIN; {BESIDE}" + (f"; {_locking(accounts)}" if accounts else "")
