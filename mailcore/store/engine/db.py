"""The database of a process: readers, and one writer thread with group commit, whatever the engine.

The writer takes every write that is waiting, runs them in one transaction, commits once, and only then answers them all.  A
write that raises is undone alone.  `sqlite.py` and `postgres.py` say how a group is run and how it is read.

Whatever goes wrong in the writer, every write is answered; a process whose writer has ended all the same ends too, since
nothing could be saved there any more (store/engine/write_watch.py).
"""

import asyncio
import contextlib
import logging
import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

from mailcore.domain import AccountId
from mailcore.errors import Busy
from mailcore.process import budget
from mailcore.process.threads import Threads
from mailcore.process.waits import Wait
from mailcore.store.engine.tx import AccountNotLocked as AccountNotLocked
from mailcore.store.engine.tx import Outside as Outside
from mailcore.store.engine.tx import Row as Row
from mailcore.store.engine.tx import Statement as Statement
from mailcore.store.engine.tx import Tx as Tx
from mailcore.store.engine.write_watch import SlowWrites, WriteWatch, caller_of

T = TypeVar("T")
log = logging.getLogger(__name__)

SLOW_SECONDS = 0.1  # a write that holds up all others for longer is logged and counted
MAX_GROUP = 256  # writes in one commit; more would keep the first peer waiting
MAX_OUTSIDE = 200  # times that one transaction may begin anew for what it needs from outside


class WriteWithinWrite(RuntimeError):
    """A mistake in the program: only the outermost caller (view, command, job, protocol hook) opens a transaction."""


class Write:
    """A write that waits.

    Attributes:
        of: the accounts whose mail it writes, and beside which it writes nothing that others read and then write; None =
            nobody else may write while it runs.
        asked: seconds of perf_counter.
    """

    __slots__ = ("asked", "fn", "future", "loop", "of")

    def __init__(
        self,
        fn: Callable[[Tx], Any],
        future: Any,
        loop: asyncio.AbstractEventLoop | None,
        of: Collection[AccountId] | None = None,
    ) -> None:
        self.fn, self.future, self.loop, self.of = fn, future, loop, of
        self.asked = time.perf_counter()


Answer = tuple[Write, Any, BaseException | None]


class Connection(Protocol):
    """A connection of either engine, as far as the writer needs it."""

    def execute(self, statement: str, /) -> object: ...


class NewsExchange(Protocol):
    def close(self) -> None: ...


class Db(ABC):
    """The database of one process.

    Args:
        woken: called in the writer thread after a commit with the accounts that changed.
        on_end: called when the writer has ended although nobody closed the database.
        turn: waits for the writers of other processes.
    """

    whole_group: tuple[type[Exception], ...]  # raised by the engine: every write of the group must hear of it

    def __init__(
        self,
        threads: Threads,
        woken: Callable[[set[AccountId]], None],
        on_end: Callable[[], None],
        turn: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext,
    ) -> None:
        self._threads = threads
        self._turn = turn  # what comes in while the writer waits for it joins the group
        self._woken = woken
        self._here = threading.local()
        self._waiting: queue.SimpleQueue[Write | None] = queue.SimpleQueue()
        self._over = False  # nothing is written any more
        self._slow = SlowWrites()
        self._writer = threading.Thread(target=self._write_forever, name="writer", daemon=True)
        self._writer.start()
        self.watch = WriteWatch(self._writer, on_end)

    def read(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` on one consistent snapshot; inside a write it sees that write's own changes."""
        current: Tx | None = getattr(self._here, "tx", None)
        if current is not None:
            return fn(current)
        for _ in range(MAX_OUTSIDE):
            try:
                return self._read(fn)
            except Outside as need:
                need.work()
        raise Busy("what a read needs does not stay")

    @abstractmethod
    def _read(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` on a snapshot in this thread, which has none."""

    @abstractmethod
    def peewee_database(self, *, read_only: bool = False) -> contextlib.AbstractContextManager[Any]:  # Any: peewee's
        """Give the database as peewee's models take it, for the administrator's shell.

        `read_only` holds for this thread's connection, whatever is asked of it.
        """

    @abstractmethod
    def _commit(self, group: list[Write]) -> list[Answer]:
        """One transaction for the whole group; nobody is answered before it is on disk."""

    def run_apart(self, fn: Callable[[Tx], T], *, pause_seconds: int = 0) -> T:  # noqa: ARG002 - for servers
        """Run a small write that takes no turn, on a connection of its own where the engine has several that write.

        Args:
            pause_seconds: how long `fn` may do something else before the server ends it; 0 = as long as any write.
        """
        return self.write(fn)

    def exchange_news(self, heard: Callable[[set[AccountId]], None]) -> "NewsExchange | None":  # noqa: ARG002 - for nodes alone
        """Tell other nodes what changes, and hear of theirs, where there can be others."""
        return None

    @abstractmethod
    def _let_go(self) -> None:
        """Close what the writer has open."""

    def _run_one(self, connection: Connection, tx: Tx, write: Write, changed: set[AccountId], *, alone: bool) -> Answer:
        """Run one write; who raises is undone, whoever else is in the group.

        One who is alone needs no savepoint, for which SQLite would copy each page of a newsletter.
        """
        self._here.tx = tx
        if not alone:
            tx.begin_part()
        began = self.watch.begin(write.fn)
        try:
            result = self._call(connection, tx, write)
            if not alone:
                tx.end_part()
        except self.whole_group:
            raise
        except BaseException as problem:  # noqa: BLE001 - handed to whoever asked
            if alone:
                connection.execute("ROLLBACK")
            else:
                tx.undo_part()
            return write, None, problem
        finally:
            self._here.tx = None
            if (seconds := self.watch.end(began)) >= SLOW_SECONDS:
                self._slow.note(caller_of(write.fn), seconds)
        changed |= tx.changed
        return write, result, None

    def _call(self, _connection: Connection, tx: Tx, write: Write) -> Any:  # Any: each write has its own result
        """Run what was asked for.  It may be run again after it was undone, so it changes nothing but what `tx` writes."""
        return write.fn(tx)

    def _wake(self, changed: set[AccountId]) -> None:
        if changed:
            try:
                self._woken(changed)
            except Exception:
                log.exception("others were not woken; their poll finds what changed")

    def write(self, fn: Callable[[Tx], T], of: Collection[AccountId] | None = None) -> T:
        """Run `fn` in the writer thread; returns when its commit is on disk.

        Args:
            of: accounts that are locked for it, so that it may write beside writes of other accounts.  For what reads and
                then writes within these accounts alone; None = nobody else writes meanwhile, in any process.
        """
        self._refuse_within_write()
        for _ in range(MAX_OUTSIDE):
            future: Future[T] = Future()
            self._put(Write(budget.bound(fn), future, None, of))
            try:
                return future.result()
            except Outside as need:
                need.work()
        raise Busy("what a write needs does not stay")

    def post(self, fn: Callable[[Tx], object]) -> None:
        """Hand `fn` to the writer and do not wait: for notes whose loss would harm nobody.  A failure is logged."""
        self._refuse_within_write()
        future: Future[object] = Future()
        future.add_done_callback(
            lambda done: log.error("a note was lost", exc_info=p) if (p := done.exception()) else None
        )
        self._put(Write(budget.bound(fn), future, None))

    def is_readable(self) -> bool:
        """Ask for nothing but an answer."""
        return self.read(lambda tx: tx.row("SELECT 1")) is not None

    async def aread(self, fn: Callable[[Tx], T]) -> T:
        for _ in range(MAX_OUTSIDE):
            try:
                return await self._threads.run(self._read, fn)
            except Outside as need:
                work = need.work
            await self._threads.run_waiting(work)
        raise Busy("what a read needs does not stay")

    async def awrite(self, fn: Callable[[Tx], T], of: Collection[AccountId] | None = None) -> T:
        self._refuse_within_write()
        loop = asyncio.get_running_loop()
        for _ in range(MAX_OUTSIDE):
            future: asyncio.Future[T] = loop.create_future()
            self._put(Write(budget.bound(fn), future, loop, of))
            try:
                return await future
            except Outside as need:
                work = need.work
            await self._threads.run_waiting(work)
        raise Busy("what a write needs does not stay")

    def _refuse_within_write(self) -> None:
        """The writer would wait for itself, and joining it in silence would hide who decides what commits together."""
        if getattr(self._here, "writing", False):
            raise WriteWithinWrite("a write was asked for within a write; hand its `tx` down instead")

    def close(self) -> None:
        self.watch.stop()
        self._waiting.put(None)
        self._writer.join()

    def _put(self, write: Write) -> None:
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
                self._let_go()

    def _write_groups(self) -> None:
        """Write until the end is called for; every group that was taken is answered, whatever happens."""
        ending = False
        while not ending:
            first = self._waiting.get()
            if first is None:
                break
            group = [first]
            answers: list[Answer] | None = None
            try:
                with self._turn():
                    ending = self._gather(group)
                    began = time.perf_counter()
                    answers = self._commit(group)
                    self._note_waits(group, began)
            # the lock, memory: nothing of this group has been written, unless there are answers
            except Exception as problem:
                log.error("the writer could not write", exc_info=problem)
            finally:
                _answer(all_busy(group) if answers is None else answers)

    def _note_waits(self, group: list[Write], began: float) -> None:
        note = self._threads.waits.note
        note(Wait.COMMIT, time.perf_counter() - began)
        for write in group:
            note(Wait.WRITE_WAIT, began - write.asked)

    def _gather(self, group: list[Write]) -> bool:
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


def all_busy(group: list[Write]) -> list[Answer]:
    busy = Busy("the database could not be written")
    return [(write, None, busy) for write in group]


def _answer(answers: list[Answer]) -> None:
    """Tell everyone; one wake-up per event loop, however many writes it had in the group."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Answer]] = {}
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


def _settle(answers: list[Answer]) -> None:
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
