"""The database's file as a consistent whole, while everybody goes on writing.

SQLite's write-ahead log makes it cheap: with a reader at the end of the log, the log is copied into the file (a
checkpoint) and nothing behind that reader can be, so the file is that moment for as long as the reader stays.
"""

import hashlib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import apsw

from mailcore.errors import Busy
from mailcore.store.engine.values import SAVE_VALUE

_OUTSIDE = "SELECT name, size FROM blob WHERE NOT EXISTS (SELECT 1 FROM blob_octets o WHERE o.blob=blob.id)"
_CONTENTS = "SELECT (SELECT count(*) FROM account), (SELECT count(*) FROM mailbox), (SELECT count(*) FROM message)"
TRIES, PAUSE_SECONDS, LOCK_MILLISECONDS = 100, 0.1, 10_000


@contextmanager
def standing_still(path: Path) -> Iterator[None]:
    """While inside, the octets of the file at `path` are one committed moment.

    Raises:
        Busy: other readers stay in the past for too long.
    """
    reader, writer, copier = (apsw.Connection(str(path)) for _ in range(3))
    try:
        for connection in (reader, writer, copier):
            connection.set_busy_timeout(LOCK_MILLISECONDS)
        for _ in range(TRIES):
            if _stop_at_the_end(reader, writer, copier):
                break
            reader.execute("ROLLBACK")
            time.sleep(PAUSE_SECONDS)
        else:
            raise Busy("the database is read without a pause; try again")
        yield
    except apsw.BusyError as problem:
        raise Busy("the database is being written without a pause; try again") from problem
    finally:
        for connection in (reader, writer, copier):
            connection.close()


def _stop_at_the_end(reader: apsw.Connection, writer: apsw.Connection, copier: apsw.Connection) -> bool:
    """Hold writers off for a moment; set the reader to the end of the log; return True if all of it is copied."""
    writer.execute("BEGIN IMMEDIATE")
    try:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sqlite_master").fetchall()
        busy, length, copied = copier.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()[0]
        # who finds another copying at this moment is told of -1 pages, none of them copied
        return not busy and length == copied
    finally:
        writer.execute("ROLLBACK")


@contextmanager
def _opened_to_read(path: Path) -> Iterator[apsw.Connection]:
    """Open a database that nobody writes meanwhile."""
    connection = apsw.Connection(
        f"file:{quote(str(path))}?mode=ro&immutable=1", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    )
    try:
        yield connection
    finally:
        connection.close()


def blob_names(path: Path) -> Iterator[tuple[bytes, int]]:
    """SHA-256 and size of the blobs that stand outside of a database that nobody writes."""
    with _opened_to_read(path) as connection:
        for name, size in connection.execute(_OUTSIDE):
            yield bytes(name), int(size)


def list_changed_blobs(path: Path) -> Iterator[bytes]:
    """Yield the names of blobs inside of a database that nobody writes whose octets are not what the name says."""
    with _opened_to_read(path) as connection:
        for name, octets in connection.execute("SELECT name, octets FROM blob JOIN blob_octets ON blob=id"):
            if hashlib.sha256(octets).digest() != bytes(name):
                yield bytes(name)


@dataclass(frozen=True, slots=True)
class Contents:
    """How much is in a database."""

    accounts: int
    mailboxes: int
    messages: int


def count_contents(path: Path) -> Contents:
    """Count the rows of a database that nobody writes."""
    with _opened_to_read(path) as connection:
        row = connection.execute(_CONTENTS).fetchall()[0]
    return Contents(*(int(str(count)) for count in row))


def save_value(path: Path, key: str, value: str) -> None:
    """Save a value of the installation in a database that others write; its schema stays.  Raises Busy."""
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.set_busy_timeout(LOCK_MILLISECONDS)
            connection.execute(SAVE_VALUE, (key, value))
        finally:
            connection.close()
    except apsw.Error as problem:
        raise Busy(f"the database cannot be written: {problem}") from problem


def is_whole(path: Path) -> bool:
    """Does SQLite find nothing wrong with the file?"""
    try:
        connection = apsw.Connection(str(path))
        try:
            return connection.execute("PRAGMA quick_check(1)").fetchall() == [("ok",)]
        finally:
            connection.close()
    except apsw.Error:
        return False


def after_restore(path: Path, now: int) -> int:
    """Change a restored database before it serves again; return the number of queue items that are held.

    Clients may know messages that came after the backup, so every UIDVALIDITY is new (RFC 9051 section 2.3.1.1).
    The same holds for cards: the numbers of changes that programs may know lie before the oldest known one.
    What waited in the queue may have been sent since: it is held for the operator to decide.
    A session of the web may have been ended by its owner since, as it was another's: all of them end.
    """
    connection = apsw.Connection(str(path))
    try:
        with connection:
            connection.execute("UPDATE mailbox SET uidvalidity=max(uidvalidity+1, ?)", (now,))
            if connection.execute("SELECT 1 FROM sqlite_master WHERE name='address_book'").fetchall():
                connection.execute("UPDATE address_book SET oldest=seq+1000000, seq=seq+1000000")
            connection.execute("DELETE FROM setting WHERE key IN ('moving','moved')")
            connection.execute("DELETE FROM web_session")
            connection.execute("UPDATE queue SET leased_until=0, state='held' WHERE state='waiting'")
            held = connection.execute("SELECT count(*) FROM queue WHERE state='held'").fetchall()[0][0]
        return int(str(held))
    finally:
        connection.close()
