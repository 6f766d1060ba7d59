"""The database's page cache is bounded for the process, however many threads read."""

import threading

import apsw
import pytest

from mailcore.process import memory
from mailcore.process.threads import Threads
from mailcore.store.engine import sqlite as store
from mailcore.store.engine.sqlite import SqliteDb

THREADS = 40
OCTETS = 40 * 2**20


@pytest.fixture
def large(tmp_path, monkeypatch):
    """A database of which no page is mapped, as most of a large site's are not."""
    monkeypatch.setitem(store._PRAGMAS, "mmap_size", 0)
    threads = Threads(1, 1)
    db = SqliteDb(tmp_path / "mail.db", threads, lambda accounts: None)
    db.write(lambda tx: tx.run("CREATE TABLE t (x BLOB)"))
    for _ in range(OCTETS // (3000 * 2000)):
        db.write(lambda tx: tx.many("INSERT INTO t VALUES (?)", [(b"x" * 3000,)] * 2000))
    yield db
    db.close()
    threads.close()


def read_by_many(db: SqliteDb) -> int:
    """Octets that SQLite holds while each of many threads has read everything and lives on."""
    done, leave = threading.Barrier(THREADS + 1), threading.Event()

    def read() -> None:
        db.read(lambda tx: tx.rows("SELECT sum(length(x)), max(x) FROM t"))
        done.wait(120)
        leave.wait(120)
        db.peewee.close()

    threads = [threading.Thread(target=read) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    done.wait(120)
    held = apsw.memory_used()
    leave.set()
    for thread in threads:
        thread.join()
    return held


def test_many_readers_keep_few_pages_each(large):
    before = apsw.memory_used()
    most = THREADS * store.READER_CACHE * 1024
    assert read_by_many(large) - before < min(most, store.HEAP) * 1.2


def test_all_connections_together_stay_within_the_bound(large, monkeypatch):
    """Even if each may keep more."""
    monkeypatch.setitem(store._PRAGMAS, "cache_size", -32_000)
    assert read_by_many(large) < store.HEAP * 1.3


def test_the_writer_keeps_more_than_a_reader(large):
    assert large.read(lambda tx: tx.row("PRAGMA cache_size")) == (-store.READER_CACHE,)
    assert large.write(lambda tx: tx.row("PRAGMA cache_size")) == (-store.WRITER_CACHE,)


def test_the_memory_of_this_process_is_known():
    [alone] = memory.list_processes()
    assert alone.kind == "all"
    assert 10 * 2**20 < alone.octets < 20 * 2**30
    assert memory.read_own_octets(2**22 + 1) == 0
