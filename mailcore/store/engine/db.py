"""The database: readers on a connection per thread, one writer thread with group commit.

The writer takes every write that is waiting, runs each inside a savepoint of one transaction, commits once
(one fsync: WAL with synchronous=FULL), and only then answers them all.  A write that raises is undone alone.
What the log has gathered is copied into the database's own file by a thread of its own (store/engine/checkpoint.py).

Whatever goes wrong in the writer, every write is answered; a process whose writer has ended all the same ends too, since
nothing could be saved there any more (store/engine/write_watch.py).
"""

import asyncio
import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

import apsw
from playhouse.apsw_ext import APSWDatabase

from mailcore.domain import AccountId
from mailcore.errors import Busy
from mailcore.process import budget
from mailcore.process.threads import Threads
from mailcore.store.engine.checkpoint import Checkpoints
from mailcore.store.engine.turn import Turn
from mailcore.store.engine.write_watch import SlowWrites, WriteWatch, caller_of, end_process

T = TypeVar("T")
log = logging.getLogger(__name__)

SLOW_SECONDS = 0.1  # a write that holds up all others for longer is logged and counted
MAX_GROUP = 256  # writes in one commit; more would keep the first peer waiting
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
}

# disk full, I/O error, locked: the whole group must hear of it
_WHOLE_GROUP = (
    apsw.FullError, apsw.IOError, apsw.BusyError, apsw.LockedError, apsw.ReadOnlyError, apsw.CantOpenError,
    apsw.CorruptError, apsw.NotADBError, apsw.NoMemError,
)  # fmt: skip

Row = tuple[Any, ...]  # Any: SQL columns have no static type


class Tx:
    """SQL inside one transaction.  `changed` collects the accounts to wake after the commit."""

    __slots__ = ("_connection", "_execute", "_executemany", "changed")

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._executemany = connection.executemany
        self.changed: set[AccountId] = set()

    def rows(self, sql: str, *params: object) -> list[Row]:
        return self._execute(sql, params).fetchall()

    def row(self, sql: str, *params: object) -> Row | None:
        found: Row | None = self._execute(sql, params).fetchone()
        return found

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


class WriteWithinWrite(RuntimeError):
    """A mistake in the program: only the outermost caller (view, command, job, protocol hook) opens a transaction."""


class _Write:
    __slots__ = ("fn", "future", "loop")

    def __init__(self, fn: Callable[[Tx], Any], future: Any, loop: asyncio.AbstractEventLoop | None) -> None:
        self.fn, self.future, self.loop = fn, future, loop


_Answer = tuple[_Write, Any, BaseException | None]


class Db:
    """One SQLite database of one process.

    Args:
        woken: called in the writer thread after a commit with the accounts that changed.
        on_end: called when the writer has ended although nobody closed the database.
    """

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
        self._threads = threads
        self._woken = woken
        self._here = threading.local()
        self._waiting: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._lock, self._checkpoints = Turn(path.parent), Checkpoints(path)
        self._turn = self._lock.taken  # what comes in while the writer waits for it joins the group
        self._over = False  # nothing is written any more
        self._slow = SlowWrites()
        self._writer = threading.Thread(target=self._write_forever, name="writer", daemon=True)
        self._writer.start()
        self.watch = WriteWatch(self._writer, on_end)

    def connection(self) -> apsw.Connection:
        """Return this thread's own connection, opened when first asked for."""
        if self.peewee.is_closed():
            try:
                self.peewee.connect()
            except Exception as problem:
                raise Busy(f"the database {self.peewee.database} cannot be opened: {problem}") from problem
            if getattr(self._here, "writing", False):
                self.peewee.connection().set_wal_hook(self._hear)
                self.peewee.connection().execute(f"PRAGMA cache_size=-{WRITER_CACHE}")
        connection: apsw.Connection = self.peewee.connection()
        return connection

    def _hear(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self._checkpoints.note_pages(pages)
        return apsw.SQLITE_OK

    def read(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` on one consistent snapshot; inside a write it sees that write's own changes."""
        current: Tx | None = getattr(self._here, "tx", None)
        if current is not None:
            return fn(current)
        try:
            connection = self.connection()
            connection.execute("BEGIN")
            self._here.tx = tx = Tx(connection)
            try:
                return fn(tx)
            finally:
                self._here.tx = None
                connection.execute("COMMIT")
        except apsw.Error as problem:
            log.error("read failed: %s", problem)
            raise Busy("the database did not answer") from problem

    def write(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` in the writer thread; returns when its commit is on disk."""
        self._refuse_within_write()
        future: Future[T] = Future()
        self._put(_Write(budget.bound(fn), future, None))
        return future.result()

    def post(self, fn: Callable[[Tx], object]) -> None:
        """Hand `fn` to the writer and do not wait: for notes whose loss would harm nobody.  A failure is logged."""
        self._refuse_within_write()
        future: Future[object] = Future()
        future.add_done_callback(
            lambda done: log.error("a note was lost", exc_info=p) if (p := done.exception()) else None
        )
        self._put(_Write(budget.bound(fn), future, None))

    def is_readable(self) -> bool:
        """Ask for nothing but an answer."""
        return self.read(lambda tx: tx.row("SELECT 1")) is not None

    async def aread(self, fn: Callable[[Tx], T]) -> T:
        return await self._threads.run(self.read, fn)

    async def awrite(self, fn: Callable[[Tx], T]) -> T:
        self._refuse_within_write()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._put(_Write(budget.bound(fn), future, loop))
        return await future

    def _refuse_within_write(self) -> None:
        """The writer would wait for itself, and joining it in silence would hide who decides what commits together."""
        if getattr(self._here, "writing", False):
            raise WriteWithinWrite("a write was asked for within a write; hand its `tx` down instead")

    def close(self) -> None:
        self.watch.stop()
        self._waiting.put(None)
        self._writer.join()
        self._checkpoints.stop()
        self._lock.close()
        self.peewee.close()

    def _put(self, write: _Write) -> None:
        self._waiting.put(write)
        if self._over:  # the writer may not have seen it
            self._refuse_waiting()

    def _refuse_waiting(self) -> None:
        """Answer those whom no writer will answer."""
        while True:
            try:
                write = self._waiting.get_nowait()
            except queue.Empty:
                return
            if write is not None:
                _answer([(write, None, Busy("the database is closed"))])

    def _write_forever(self) -> None:
        self._here.writing = True
        try:
            self._write_groups()
        except BaseException:  # the watch ends the process
            log.critical("the writer has ended", exc_info=True)
        finally:
            self._over = True
            self._refuse_waiting()
            with contextlib.suppress(Exception):
                self.peewee.close()

    def _write_groups(self) -> None:
        """Write until the end is called for; every group that was taken is answered, whatever happens."""
        ending = False
        while not ending:
            first = self._waiting.get()
            if first is None:
                break
            group = [first]
            answers: list[_Answer] | None = None
            try:
                with self._turn():
                    ending = self._gather(group)
                    answers = self._commit(group)
            # the lock, memory: nothing of this group has been written, unless there are answers
            except Exception as problem:
                log.error("the writer could not write", exc_info=problem)
            finally:
                _answer(_all_busy(group) if answers is None else answers)

    def _gather(self, group: list[_Write]) -> bool:
        """Add every write that waits; tells whether it is the last time."""
        while len(group) < MAX_GROUP:
            try:
                more = self._waiting.get_nowait()
            except queue.Empty:
                break
            if more is None:
                return True
            group.append(more)
        return False

    def _commit(self, group: list[_Write]) -> list[_Answer]:
        """One transaction for the whole group; nobody is answered before it is on disk."""
        answers: list[_Answer] = []
        changed: set[AccountId] = set()
        try:
            connection = self.connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                for write in group:
                    answers.append(self._run_one(connection, write, changed, alone=len(group) == 1))
                if connection.in_transaction:  # a write that was alone and raised has ended it
                    self._slow.record(connection)
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
            return _all_busy(group)
        if changed:
            try:
                self._woken(changed)
            except Exception:
                log.exception("others were not woken; their poll finds what changed")
        return answers

    def _run_one(self, connection: apsw.Connection, write: _Write, changed: set[AccountId], *, alone: bool) -> _Answer:
        """One who is alone needs no savepoint, for which SQLite would copy each page of a newsletter."""
        self._here.tx = tx = Tx(connection)
        if not alone:
            connection.execute("SAVEPOINT one")
        began = self.watch.begin(write.fn)
        try:
            result = write.fn(tx)
        except _WHOLE_GROUP:
            raise
        except BaseException as problem:  # noqa: BLE001 - handed to whoever asked
            connection.execute("ROLLBACK" if alone else "ROLLBACK TO one; RELEASE one")
            return write, None, problem
        finally:
            self._here.tx = None
            if (seconds := self.watch.end(began)) >= SLOW_SECONDS:
                self._slow.note(caller_of(write.fn), seconds)
        if not alone:
            connection.execute("RELEASE one")
        changed |= tx.changed
        return write, result, None


def _all_busy(group: list[_Write]) -> list[_Answer]:
    busy = Busy("the database could not be written")
    return [(write, None, busy) for write in group]


def _answer(answers: list[_Answer]) -> None:
    """Tell everyone; one wake-up per event loop, however many writes it had in the group."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Answer]] = {}
    for answer in answers:
        loop = answer[0].loop
        if loop is not None:
            by_loop.setdefault(loop, []).append(answer)
        else:
            _settle([answer])
    for loop, mine in by_loop.items():
        try:
            loop.call_soon_threadsafe(_settle, mine)
        except RuntimeError:
            log.warning("the event loop was closed before %d writes were answered", len(mine))


def _settle(answers: list[_Answer]) -> None:
    """Hand each its result; one that cannot take its own leaves the others theirs."""
    for write, result, problem in answers:
        future = write.future
        if isinstance(problem, StopIteration):  # which no future of asyncio takes
            problem = _in_words(problem)
        try:
            if future.done():  # the asker was cancelled
                continue
            if problem is not None:
                future.set_exception(problem)
            else:
                future.set_result(result)
        except Exception:
            log.exception("a write was not answered")


def _in_words(problem: BaseException) -> RuntimeError:
    found = RuntimeError("a write raised StopIteration")
    found.__cause__ = problem
    return found
