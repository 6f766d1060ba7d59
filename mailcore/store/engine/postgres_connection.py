"""Connections to PostgreSQL: how they are opened, made ready, mended, and which servers are refused."""

import mmap
import select
import time
from decimal import Decimal

import psycopg
from psycopg import pq
from psycopg.generators import fetch_many
from psycopg.rows import tuple_row
from psycopg.types.numeric import Int8BinaryDumper, NumericBinaryLoader
from psycopg.types.string import BytesBinaryDumper, StrBinaryDumper

from mailcore.errors import ConfigError
from mailcore.store.engine.db import Row

WAIT_SECONDS = 5  # for a connection, or for the answer to the last COMMIT
OLDEST = 150000  # PostgreSQL 15
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


def list_environment(url: str, *, write: bool) -> dict[str, str]:
    """Return a connection's parameters as variables of libpq: a password is seen by nobody, as in arguments it would be.

    With `write` false, nothing is changed until somebody asks the server for it in so many words.
    """
    values = {
        part.envvar.decode(): part.val.decode() for part in pq.Conninfo.parse(url.encode()) if part.envvar and part.val
    }
    if not write:
        values["PGOPTIONS"] = f"{values.get('PGOPTIONS', '')} -c default_transaction_read_only=on".strip()
    return values


def describe(problem: psycopg.Error) -> str:
    """Say what the server answered, or each of several, in one line and without the values of a row."""
    lines = (str(problem) or type(problem).__name__).split("\n")
    # of several hosts psycopg's first line has the last alone: a standby that refuses, and not why the other is away
    hosts = [line.removeprefix("- ") for line in lines if line.startswith("- host: ")]
    return f"connection failed: {'; '.join(hosts)}" if hosts else lines[0]


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
        # of another provider than the C library `datcollate` says nothing: ICU sorts by a language, the builtin one by octets
        "SELECT pg_encoding_to_char(encoding), CASE datlocprovider WHEN 'i' THEN 'of ICU' WHEN 'b' THEN 'C' ELSE datcollate END,"
        " current_setting('fsync'), current_setting('synchronous_commit')"
        " FROM pg_database WHERE datname=current_database()"
    ).fetchone()
    encoding, collation, fsync, commit = asked or ("", "", "", "")
    if encoding != "UTF8" or collation not in ("C", "POSIX", "C.UTF-8", "C.utf8"):
        raise ConfigError(
            f"database: it has encoding {encoding} and collation {collation}; make it anew with"
            " CREATE DATABASE .. TEMPLATE template0 LOCALE_PROVIDER libc ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
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


def begin_on(url: str, connection: psycopg.Connection[Row] | None, how: str) -> psycopg.Connection[Row]:
    """Begin a transaction, on a new connection where there is none or the server has ended it."""
    if connection is not None:
        try:
            connection.execute(how.encode(), prepare=False)
            return connection
        except psycopg.OperationalError:
            if mend(connection) is not None:  # a lock that was not to be had
                raise
    connection = connect(url)
    try:
        connection.execute(how.encode(), prepare=False)
    except BaseException:
        connection.close()
        raise
    return connection


def make_ready(url: str, connection: psycopg.Connection[Row] | None) -> psycopg.Connection[Row]:
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


def measure_trip(connection: psycopg.Connection[Row]) -> float:
    began = time.monotonic()
    connection.execute(b"SELECT 1")
    return time.monotonic() - began


def _has_news(connection: psycopg.Connection[Row]) -> bool:
    """Say if the server has said something unasked: that it ends the connection, as a rule."""
    waiting = select.poll()
    waiting.register(connection.pgconn.socket, select.POLLIN)
    return connection.closed or bool(waiting.poll(0))


def mend(connection: psycopg.Connection[Row] | None) -> psycopg.Connection[Row] | None:
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
