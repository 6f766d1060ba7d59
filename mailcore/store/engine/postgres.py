"""PostgreSQL, by psycopg: a small pool of readers, and one writer a process.

Writes that name their accounts lock these rows, and run beside those of other accounts, of this process's group and of other
processes'.  All others take the *turn*: nobody else writes meanwhile, so who reads and then writes has read the latest, as with
SQLite's only writer.  The turn is a lock on a table that only migrations write; the server gives it in the order of asking.

A write may be run twice: one that the server broke off (40001, 40P01) is rolled back and run again.
"""

import contextlib
import logging
import mmap
import queue
import random
import select
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any, TypeVar

import psycopg
from psycopg import errors, pq
from psycopg.generators import fetch_many
from psycopg.rows import tuple_row
from psycopg.types.numeric import Int8BinaryDumper, NumericBinaryLoader
from psycopg.types.string import BytesBinaryDumper, StrBinaryDumper

from mailcore.domain import AccountId
from mailcore.errors import Busy, ConfigError
from mailcore.process.threads import Threads
from mailcore.store.engine.db import Answer, Db, Row, Statement, Tx, Write, all_busy
from mailcore.store.engine.dialect import spell_for_postgres
from mailcore.store.engine.postgres_news import NewsWire
from mailcore.store.engine.tx import Horizon
from mailcore.store.engine.write_watch import end_process

T = TypeVar("T")
log = logging.getLogger(__name__)

READERS = 8  # connections that read, of one process
WAIT_SECONDS = 5  # for one of them
FAR_SECONDS = 0.0003  # to the server and back
OLDEST = 150000  # PostgreSQL 15
AGAIN = (errors.SerializationFailure, errors.DeadlockDetected)
PAUSES = (0.0, 0.005, 0.02, 0.08, 0.2, 0.2, 0.2)  # seconds before a write is run again
# nobody else writes; and: nobody writes who must be alone
TURN = "LOCK TABLE migration IN SHARE ROW EXCLUSIVE MODE"
BESIDE = "LOCK TABLE migration IN ROW EXCLUSIVE MODE"
MAX_GROUP = 32  # writes in one commit: others wait for the accounts that it has locked
# A machine that hangs within a transaction keeps others waiting for ten seconds, less than they wait for a lock.
# By options and not by SET: a pooler between us gives each transaction another connection.  As the server says them
_SETTINGS = {
    "search_path": "public",
    "statement_timeout": "2min",
    "lock_timeout": "30s",
    "idle_in_transaction_session_timeout": "10s",
    "default_transaction_isolation": "read committed",
}
_BLANK = "\\ "
_OPTIONS = " ".join(f"-c {name}={value.replace(' ', _BLANK)}" for name, value in _SETTINGS.items())
# the server or the way to it, not this write: the whole group must hear of it
WHOLE_GROUP = (psycopg.OperationalError, psycopg.InternalError, psycopg.InterfaceError)
_BEGIN_PART = "SAVEPOINT one"
_SNAPSHOT = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"


class _Text(StrBinaryDumper):
    """Text as the server takes it: NUL and lone surrogates, of which it has none, become U+FFFD."""

    def dump(self, obj: str) -> bytes | bytearray | memoryview | None:
        if "\0" in obj:
            obj = obj.replace("\0", "\ufffd")
        try:
            return super().dump(obj)
        except UnicodeEncodeError:
            return super().dump(obj.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))


class _Mapped(BytesBinaryDumper):
    def dump(self, obj: mmap.mmap) -> bytes:  # type: ignore[override]  # a map of a file is sent as octets
        return obj[:]


class _Number(NumericBinaryLoader):
    """The sum of whole numbers is a whole number."""

    def load(self, data: bytes | bytearray | memoryview) -> int | Decimal:  # type: ignore[override]
        found = super().load(data)
        return int(found) if found == found.to_integral_value() else found


def connect(url: str) -> psycopg.Connection[Row]:
    """Open a connection that sends and hears our types.

    Raises:
        psycopg.Error: it cannot be opened.
        ConfigError: a pooler stands before the server and has to be told something first.
    """
    try:
        connection = psycopg.connect(
            url,
            autocommit=True,
            connect_timeout=5,
            application_name="alumnimail",
            options=_OPTIONS,
            client_encoding="utf8",
            row_factory=tuple_row,
            cursor_factory=psycopg.RawCursor,
        )
    except psycopg.OperationalError as problem:
        if "unsupported startup parameter: options" in str(problem):
            raise ConfigError(
                "database: the pooler refuses our settings; say `ignore_startup_parameters = options` in pgbouncer.ini"
                " (docs/operation.md)"
            ) from None
        raise
    # what one connection has prepared, the next transaction does not find behind a pooler
    connection.prepare_threshold = None if is_pooled(connection) else 2
    connection.prepared_max = 500
    adapters = connection.adapters
    for kind in (int, bool):
        adapters.register_dumper(kind, Int8BinaryDumper)
    adapters.register_dumper(str, _Text)
    adapters.register_dumper(mmap.mmap, _Mapped)
    adapters.register_loader("numeric", _Number)
    return connection


def is_pooled(connection: psycopg.Connection[Row]) -> bool:
    """Say if a pooler stands before the server: it says another process than the server does.  Raises psycopg.Error."""
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    return row is not None and row[0] != connection.info.backend_pid


def check_server(connection: psycopg.Connection[Row]) -> None:
    """Refuse a server on which mail would be lost or sorted otherwise.

    Raises:
        ConfigError: with what is wrong and how it is mended.
    """
    if connection.info.server_version < OLDEST:
        raise ConfigError(
            f"database: PostgreSQL {connection.info.server_version // 10000} is too old; 15 is the oldest"
        )
    asked = connection.execute(
        "SELECT pg_encoding_to_char(encoding), datcollate, current_setting('fsync'), current_setting('synchronous_commit')"
        " FROM pg_database WHERE datname=current_database()"
    ).fetchone()
    encoding, collation, fsync, commit = asked or ("", "", "", "")
    if encoding != "UTF8" or collation not in ("C", "POSIX", "C.UTF-8", "C.utf8"):
        raise ConfigError(
            f"database: it has encoding {encoding} and collation {collation}; make it anew with"
            " CREATE DATABASE .. TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
        )
    if commit == "off" or commit == "local":
        raise ConfigError(f"database: synchronous_commit is {commit}, so that a crash loses mail; set it to on")
    if fsync != "on" and not MAY_LOSE_ALL:
        raise ConfigError("database: fsync is off, so that a crash loses mail; set it to on")
    rows = connection.execute("SELECT name, current_setting(name) FROM unnest($1::text[]) AS name", [list(_SETTINGS)])
    if dropped := [name for name, value in rows if value != _SETTINGS[name]]:
        wanted = " ".join(f"ALTER DATABASE {connection.info.dbname} SET {one}='{_SETTINGS[one]}';" for one in dropped)
        raise ConfigError(f"database: the pooler before it drops our settings; give them to the database: {wanted}")


MAY_LOSE_ALL = False  # tests, whose server forgets everything anyway


class PgTx(Tx):
    """SQL inside a transaction; what nobody waits for goes along with what is waited for, in one round trip (pipeline)."""

    __slots__ = ("_connection", "_cursor", "_later")
    whole_group = WHOLE_GROUP

    def __init__(
        self, connection: psycopg.Connection[Row], locked: Collection[AccountId] | None = (), *, begin: str = ""
    ) -> None:
        """Args: begin: runs with the first statement, if there is any."""
        super().__init__(locked)
        self._connection = connection
        self._cursor = connection.cursor(binary=True)
        self._later: list[Statement] = [(begin, ())] if begin else []

    def _execute(self, sql: str, params: Sequence[object]) -> None:
        if not self._later:
            self._cursor.execute(sql, params)
            return
        with self._connection.pipeline():
            self._send_later()
            self._cursor.execute(sql, params)

    def _send_later(self) -> None:
        statements, self._later = self._later, []
        cursor = self._connection.cursor(binary=True)
        for sql, params in statements:
            cursor.execute(spell_for_postgres(sql), params)

    def ask(self, statements: Sequence[Statement]) -> list[list[Row]]:
        cursors = [self._connection.cursor(binary=True) for _ in statements]
        with self._connection.pipeline():
            self._send_later()
            for cursor, (sql, params) in zip(cursors, statements, strict=True):
                cursor.execute(spell_for_postgres(sql), params)
        return [cursor.fetchall() if cursor.description else [] for cursor in cursors]

    def run_later(self, sql: str, *params: object) -> None:
        self._later.append((sql, params))

    def run_many_later(self, sql: str, params: Iterable[Sequence[object]]) -> None:
        self._later += [(sql, row) for row in params]

    def finish(self) -> None:
        if len(self._later) == 1:
            self._send_later()
        elif self._later:
            with self._connection.pipeline():
                self._send_later()

    def _forget_later(self) -> None:
        self._later = []

    def begin_part(self) -> None:
        self.run_later(_BEGIN_PART)

    def undo_part(self) -> None:
        has_begun = (_BEGIN_PART, ()) not in self._later
        self._forget_later()
        if has_begun:
            super().undo_part()

    def commit(self) -> None:
        """Commit.

        Raises:
            InFailedSqlTransaction: the server had undone everything before, which COMMIT itself calls no error.
        """
        cursor = self._connection.cursor()
        if self._later:
            with self._connection.pipeline():
                self._send_later()
                cursor.execute("COMMIT")
        else:
            cursor.execute("COMMIT")
        if cursor.statusmessage != "COMMIT":
            raise errors.InFailedSqlTransaction("an error was not told, and the server has undone the transaction")

    def rows(self, sql: str, *params: object) -> list[Row]:
        self._execute(spell_for_postgres(sql), params)
        return self._cursor.fetchall()

    def row(self, sql: str, *params: object) -> Row | None:
        self._execute(spell_for_postgres(sql), params)
        return self._cursor.fetchone()

    def run(self, sql: str, *params: object) -> int:
        if not params and ";" in sql:  # several statements, of a migration
            self.finish()
            self._connection.execute(spell_for_postgres(sql).encode())
            return 0
        self._execute(spell_for_postgres(sql), params)
        return self._cursor.rowcount

    def insert(self, sql: str, *params: object) -> int:
        self._execute(spell_for_postgres(sql + " RETURNING id"), params)
        made = self._cursor.fetchone()
        return int(made[0]) if made else 0

    def many(self, sql: str, params: Iterable[Sequence[object]]) -> None:
        rows = list(params)
        if rows:
            self.finish()
            self._cursor.executemany(spell_for_postgres(sql), rows)

    def _command(self, sql: str) -> None:
        self.run_later(sql)
        self.finish()

    def horizon(self) -> Horizon:
        """A transaction has its number before it numbers rows, for it locks the row of an account first."""
        row = self.row(
            "SELECT CAST(CAST(pg_snapshot_xmin(s) AS TEXT) AS BIGINT), CAST(CAST(pg_snapshot_xmax(s) AS TEXT) AS BIGINT)"
            " FROM pg_current_snapshot() AS s"
        )
        return (row[0], row[1]) if row else (0, 0)

    def server_time(self) -> float:
        row = self.row("SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision)")
        return float(row[0]) if row else 0.0

    def columns(self, table: str) -> set[str]:
        rows = self.rows(
            "SELECT attname FROM pg_attribute WHERE attrelid=to_regclass(?) AND attnum>0 AND NOT attisdropped", table
        )
        return {row[0] for row in rows}

    def damage(self) -> list[str]:
        return []  # the server's own tools look: pg_amcheck, checksums


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
            log.error("read failed: %s", problem)
            raise Busy("the database did not answer") from problem

    def _is_far(self, connection: psycopg.Connection[Row]) -> bool:
        """Say if a round trip costs more than what a pipeline does, by the fastest of some at the first reading."""
        if self._trip_seconds is None:
            self._trip_seconds = min(_measure_trip(connection) for _ in range(5))
        return self._trip_seconds > FAR_SECONDS

    @contextlib.contextmanager
    def _reader(self) -> Iterator[psycopg.Connection[Row]]:
        """Give a connection of the pool; what it has begun is ended."""
        try:
            connection = self._idle.get(timeout=WAIT_SECONDS)
        except queue.Empty:
            raise Busy("all connections to the database are in use") from None
        try:
            connection = _ready(self.url, connection)
            yield connection
            if connection.pgconn.transaction_status != pq.TransactionStatus.IDLE:
                connection.pgconn.send_query(b"COMMIT")  # whoever reads next takes the answer
                connection.pgconn.flush()
        except BaseException:
            connection = _mended(connection)
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
            raise Busy(f"the database did not answer: {str(problem).partition(chr(10))[0]}") from problem

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
            log.info("a transaction is run again: %s", problem)
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
        log.error("commit failed: %s", problem, exc_info=None if known else problem)
        with contextlib.suppress(Exception):  # the next group begins on a connection that owes nothing to this one
            self._let_go()
        return all_busy(group)

    def _attempt(self, group: list[Write]) -> tuple[list[Answer], set[AccountId]]:
        answers: list[Answer] = []
        changed: set[AccountId] = set()
        self._writing = connection = _begin(self.url, self._writing, _opening(group))
        try:
            parts = [PgTx(connection, write.of) for write in group]
            for tx, write in zip(parts, group, strict=True):
                answers.append(self._run_one(connection, tx, write, changed, alone=len(group) == 1))
            # one who was alone and raised has ended it
            if connection.info.transaction_status != pq.TransactionStatus.IDLE:
                self._slow.record(parts[-1])
                parts[-1].commit()
        except BaseException:
            self._writing = _mended(connection)
            raise
        return answers, changed


def _opening(group: list[Write]) -> str:
    """Begin the transaction of a group, with all locks that it is known to need."""
    if group[0].of is None:
        return f"BEGIN; {TURN}"
    accounts = {account for write in group for account in write.of or ()}
    return f"BEGIN; {BESIDE}" + (f"; {_locking(accounts)}" if accounts else "")


def _begin(url: str, connection: psycopg.Connection[Row] | None, how: str) -> psycopg.Connection[Row]:
    """Begin a transaction, on a new connection where there is none or the server has ended it."""
    if connection is not None:
        try:
            connection.execute(how.encode(), prepare=False)
            return connection
        except psycopg.OperationalError:
            if _mended(connection) is not None:  # a lock that was not to be had
                raise
    connection = connect(url)
    try:
        connection.execute(how.encode(), prepare=False)
    except BaseException:
        connection.close()
        raise
    return connection


def _ready(url: str, connection: psycopg.Connection[Row] | None) -> psycopg.Connection[Row]:
    """Return a connection that has begun nothing; a new one where there is none or the server has ended it."""
    if connection is None:
        return connect(url)
    try:
        if connection.pgconn.transaction_status == pq.TransactionStatus.ACTIVE:  # the COMMIT of who read last
            connection.wait(fetch_many(connection.pgconn), timeout=WAIT_SECONDS)
        if _has_news(connection):
            connection.execute(b"SELECT 1")
        return connection
    except (psycopg.Error, TimeoutError):
        connection.close()
        return connect(url)


def _measure_trip(connection: psycopg.Connection[Row]) -> float:
    began = time.monotonic()
    connection.execute(b"SELECT 1")
    return time.monotonic() - began


def _has_news(connection: psycopg.Connection[Row]) -> bool:
    """Say if the server has said something unasked: that it ends the connection, as a rule."""
    waiting = select.poll()
    waiting.register(connection.pgconn.socket, select.POLLIN)
    return connection.closed or bool(waiting.poll(0))


def _mended(connection: psycopg.Connection[Row] | None) -> psycopg.Connection[Row] | None:
    """Roll back what is left open; None for a connection that is of no use any more."""
    if connection is None:
        return None
    try:
        if connection.info.transaction_status != pq.TransactionStatus.IDLE:
            connection.execute("ROLLBACK")
        return connection
    except psycopg.Error:
        connection.close()
        return None
