"""SQLite: readers on a connection per thread, and a writer whose commit is one fsync (WAL with synchronous=FULL).

What the log has gathered is copied into the database's own file by a thread of its own (store/engine/checkpoint.py).
"""

import contextlib
import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import apsw
from playhouse.apsw_ext import APSWDatabase

from mailcore.domain import AccountId
from mailcore.errors import Busy
from mailcore.process.threads import Threads
from mailcore.store.engine.checkpoint import Checkpoints
from mailcore.store.engine.db import Answer, Db, Row, Statement, Tx, Write, all_busy
from mailcore.store.engine.turn import Turn
from mailcore.store.engine.write_watch import end_process

T = TypeVar("T")
log = logging.getLogger(__name__)

# KiB of pages for each connection.  A process has a hundred threads that read, and what they keep stands in the kernel's cache
# as well; the writer is one, and sees pages that nobody else has yet.
READER_CACHE, WRITER_CACHE = 4_000, 32_000
# octets of one process that SQLite keeps pages in, all connections together: then they reuse their own
HEAP = 128 * 2**20
_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": "full",
    "foreign_keys": 0,  # orders are kept by our statements; a sweep and `check` look after them
    "cache_size": -READER_CACHE,
    "mmap_size": 256 * 2**20,
    "temp_store": "memory",
    "wal_autocheckpoint": 0,  # Checkpoints does it
    # a log that a backup's reader or a wave of mail has made long is cut to this when it begins anew; SQLite would keep the file
    "journal_size_limit": 64 * 2**20,
}

# disk full, I/O error, locked: the whole group must hear of it
WHOLE_GROUP = (
    apsw.FullError, apsw.IOError, apsw.BusyError, apsw.LockedError, apsw.ReadOnlyError, apsw.CantOpenError,
    apsw.CorruptError, apsw.NotADBError, apsw.NoMemError,
)  # fmt: skip


class SqliteTx(Tx):
    __slots__ = ("_connection", "_execute", "_executemany")
    whole_group = WHOLE_GROUP

    def __init__(self, connection: apsw.Connection, locked: Collection[AccountId] | None = ()) -> None:
        super().__init__(locked)
        self._connection = connection
        self._execute = connection.execute
        self._executemany = connection.executemany

    def rows(self, sql: str, *params: object) -> list[Row]:
        return self._execute(sql, params).fetchall()

    def row(self, sql: str, *params: object) -> Row | None:
        found: Row | None = self._execute(sql, params).fetchone()
        return found

    def ask(self, statements: Sequence[Statement]) -> list[list[Row]]:
        return [self._execute(sql, params).fetchall() for sql, params in statements]

    def run(self, sql: str, *params: object) -> int:
        """INSERT, UPDATE or DELETE; gives the number of rows changed."""
        self._execute(sql, params)
        return self._connection.changes()

    def insert(self, sql: str, *params: object) -> int:
        """INSERT; gives the rowid of the new row."""
        self._execute(sql, params)
        return self._connection.last_insert_rowid()

    def many(self, sql: str, params: Iterable[Sequence[object]]) -> None:
        self._executemany(sql, params)

    def _command(self, sql: str) -> None:
        self._connection.execute(sql)

    def horizon(self) -> None:
        return None

    def server_time(self) -> float:
        return time.time()

    def columns(self, table: str) -> set[str]:
        return {row[1] for row in self.rows(f"PRAGMA table_info({table})")}

    def damage(self) -> list[str]:
        return [row[0] for row in self.rows("PRAGMA quick_check") if row[0] != "ok"]


class SqliteDb(Db):
    """One SQLite database of one process.

    Args:
        woken: called in the writer thread after a commit with the accounts that changed.
        on_end: called when the writer has ended although nobody closed the database.
    """

    whole_group = SqliteTx.whole_group

    def __init__(
        self,
        path: Path,
        threads: Threads,
        woken: Callable[[set[AccountId]], None],
        on_end: Callable[[], None] = end_process,
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        apsw.soft_heap_limit(HEAP)
        self.peewee = APSWDatabase(str(path), pragmas=_PRAGMAS, timeout=10, autoconnect=False, statementcachesize=256)
        self._lock, self._checkpoints = Turn(path.parent), Checkpoints(path)
        super().__init__(threads, woken, on_end, self._lock.taken)

    @contextlib.contextmanager
    def peewee_database(self, *, read_only: bool = False) -> Iterator[APSWDatabase]:
        self.connection().execute(f"PRAGMA query_only={int(read_only)}")
        try:
            yield self.peewee
        finally:
            self.connection().execute("PRAGMA query_only=0")

    def connection(self) -> apsw.Connection:
        """Return this thread's own connection, opened when first asked for."""
        if self.peewee.is_closed():
            try:
                self.peewee.connect()
            except Exception as problem:
                raise Busy(f"the database {self.peewee.database} cannot be opened: {problem}") from problem
            if getattr(self._here, "writing", False):
                self.peewee.connection().set_wal_hook(self._note_pages)
                self.peewee.connection().execute(f"PRAGMA cache_size=-{WRITER_CACHE}")
        connection: apsw.Connection = self.peewee.connection()
        return connection

    def _note_pages(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._checkpoints.note_pages(pages)
        return apsw.SQLITE_OK

    def _read(self, fn: Callable[[Tx], T]) -> T:
        try:
            connection = self.connection()
            connection.execute("BEGIN")
            self._here.tx = tx = SqliteTx(connection)
            try:
                return fn(tx)
            finally:
                self._here.tx = None
                connection.execute("COMMIT")
        except apsw.Error as problem:
            log.error("read failed: %s", problem)
            raise Busy("the database did not answer") from problem

    def _commit(self, group: list[Write]) -> list[Answer]:
        """One transaction for the whole group; nobody is answered before it is on disk."""
        answers: list[Answer] = []
        changed: set[AccountId] = set()
        try:
            connection = self.connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                for write in group:
                    tx = SqliteTx(connection, write.of)
                    answers.append(self._run_one(connection, tx, write, changed, alone=len(group) == 1))
                if connection.in_transaction:  # a write that was alone and raised has ended it
                    self._slow.record(SqliteTx(connection))
                    connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:  # a full disk has ended it already
                    connection.execute("ROLLBACK")
                raise
        except Exception as problem:
            log.error(
                "commit failed: %s", problem, exc_info=None if isinstance(problem, apsw.Error | Busy) else problem
            )
            with contextlib.suppress(Exception):  # the next group begins on a connection that owes nothing to this one
                self.peewee.close()
            return all_busy(group)
        self._wake(changed)
        return answers

    def close(self) -> None:
        super().close()
        self._checkpoints.stop()
        self._lock.close()
        self.peewee.close()

    def _let_go(self) -> None:
        self.peewee.close()
