"""However deliveries, expunges, sweeps and crashes meet: a message has its octets, and what nobody wants is gone in the end."""

import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from playhouse.apsw_ext import APSWDatabase

from mailcore.errors import Busy
from mailcore.process.threads import Threads
from mailcore.store.engine.postgres_connection import connect
from mailcore.store.engine.postgres_tx import PgTx
from mailcore.store.engine.sqlite import SqliteDb
from mailcore.store.engine.tx import Tx
from mailcore.store.mail import blob_sweep as sweep
from mailcore.store.mail.blobs import Blobs, Prepared
from mailcore.store.migrations import on_postgresql
from mailcore.store.migrations.runner import migrate
from mailcore.store.objects.contract import TURNS
from mailcore.store.objects.files import FileObjects
from tests import postgres_server

T = TypeVar("T")
Begin = Callable[[Callable[[Tx], T]], T]
HOUR = 3600
LETTERS = [b"a"]


class FarFiles(FileObjects):
    """Files that, as objects of a server do, tell nothing at once; a removal may be the last that a process does."""

    dies = False

    def is_lost(self, _name: bytes, _size: int) -> bool:
        return False

    def remove(self, names: Sequence[bytes]) -> None:
        super().remove(names)
        if self.dies:
            raise Busy("killed")


@cache
def _new_database() -> bytes:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "mail.db"
        made = APSWDatabase(str(path))
        made.connect()
        migrate(made, 0)
        made.close()
        return path.read_bytes()


@dataclass
class Writer:
    """Has stored octets, and has not saved their row yet."""

    prepared: Prepared
    at: int


@dataclass
class Look:
    """Findings of a sweep in one transaction, on which it acts in another."""

    unnamed: list[int] = field(default_factory=list)
    strays: list[bytes] = field(default_factory=list)
    doomed: list[bytes] = field(default_factory=list)

    def set_unnamed(self, seen: tuple[list[int], int]) -> None:
        self.unnamed = seen[0]

    def set_strays(self, seen: list[bytes]) -> None:
        self.strays = seen

    def set_doomed(self, seen: list[bytes]) -> None:
        self.doomed = seen


class Deaths(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.folder = TemporaryDirectory()
        self.threads = Threads(1, 1)
        path = Path(self.folder.name) / "mail.db"
        path.write_bytes(_new_database())
        self.db = SqliteDb(path, self.threads, lambda accounts: None, lambda: None)
        self.objects = FarFiles(Path(self.folder.name) / "blobs")
        self.blobs = Blobs(self.objects, Path(self.folder.name) / "spool", inside=0)
        self.now, self.uid = 10 * sweep.DAY, 0
        self.writers: list[Writer] = []
        self.look = Look()

    def teardown(self) -> None:
        if hasattr(self, "db"):
            self.writers.clear()
            self.db.write(lambda tx: tx.run("DELETE FROM message"))
            for _ in range(10):
                self.all_of_a_turn()
                self.now += sweep.DAY
            left = self.db.read(lambda tx: (tx.rows("SELECT name FROM blob"), tx.rows("SELECT name FROM orphan")))
            assert (left, list(self.objects.paths())) == (([], []), [])
            self.db.close()
            self.threads.close()
            self.folder.cleanup()

    @rule(letter=st.sampled_from(LETTERS))
    def store(self, letter: bytes) -> None:
        self.writers.append(Writer(self.blobs.prepare(b"Subject: x\r\n\r\n" + letter), self.now))

    @precondition(lambda self: self.writers)
    @rule(which=st.integers(0, 9))
    def save(self, which: int) -> None:
        writer = self.writers.pop(which % len(self.writers))
        self.uid += 1

        def write(tx: Tx) -> None:
            blob = self.blobs.save(tx, writer.prepared, self.now)
            tx.run(
                "INSERT INTO message (mailbox,uid,flags,keywords,modseq,internal_date,size,blob,prefix,zone,saved_at)"
                " VALUES (1,?,0,'',1,0,1,?,x'',0,0)",
                self.uid,
                blob,
            )

        self.db.write(write)

    @precondition(lambda self: self.writers)
    @rule()
    def is_killed(self) -> None:
        self.writers.clear()

    @rule(letter=st.sampled_from(LETTERS))
    def expunge(self, letter: bytes) -> None:
        name = self.blobs.prepare(b"Subject: x\r\n\r\n" + letter, bare=True).name
        self.db.write(lambda tx: tx.run("DELETE FROM message WHERE blob=(SELECT id FROM blob WHERE name=?)", name))

    @rule(hours=st.sampled_from([1, 23, 25]))
    def time_goes_by(self, hours: int) -> None:
        self.now += hours * HOUR
        # what stored is saved within minutes, or never
        self.writers = [writer for writer in self.writers if writer.at > self.now - sweep.DAY]

    # the steps of a sweep, each a transaction; another process may do anything between them

    @rule(start=st.integers(0, 8), count=st.integers(1, 9), dies=st.booleans())
    def sweep(self, start: int, count: int, dies: bool) -> None:
        for step in self.steps()[start : start + count]:
            step(dies)

    def all_of_a_turn(self) -> None:
        for step in self.steps():
            step(False)

    def steps(self) -> list[Callable[[bool], object]]:
        db, look = self.db, self.look
        return [
            lambda _: look.set_unnamed(db.read(lambda tx: sweep.list_unnamed(tx, 0, 100, self.now))),
            lambda _: db.write(lambda tx: sweep.mark_dead(tx, look.unnamed, self.now)),
            lambda _: db.write(lambda tx: sweep.delete_dead(tx, self.now, 100)),
            lambda _: look.set_strays(db.read(lambda tx: sweep.list_strays(tx, self.stored()))),
            lambda _: db.write(lambda tx: sweep.add_orphans(tx, look.strays, self.now)),
            lambda _: db.write(lambda tx: sweep.doom_orphans(tx, self.now)),
            lambda _: look.set_doomed(db.read(lambda tx: sweep.list_doomed(tx, 100))),
            self.remove,
            lambda _: db.write(lambda tx: sweep.forget_removed(tx, self.now)),
        ]

    def stored(self) -> list[bytes]:
        return [one.name for turn in range(TURNS) for one in self.objects.list(turn)]

    def remove(self, dies: bool) -> None:
        self.objects.dies = dies
        try:
            self.db.write(lambda tx: sweep.remove_doomed(tx, self.objects, self.look.doomed, self.now))
        except Busy:
            assert dies
        finally:
            self.objects.dies = False

    @invariant()
    def every_row_has_its_octets(self) -> None:
        if hasattr(self, "db"):
            named = self.db.read(lambda tx: tx.rows("SELECT name, size FROM blob"))
            assert all(self.objects.size(bytes(name)) == size for name, size in named)

    @invariant()
    def every_message_has_its_row(self) -> None:
        if hasattr(self, "db"):
            lost = "SELECT 1 FROM message WHERE NOT EXISTS (SELECT 1 FROM blob WHERE blob.id=message.blob)"
            assert self.db.read(lambda tx: tx.rows(lost)) == []


TestDeaths = Deaths.TestCase
TestDeaths.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)


WRITERS, SECONDS, A_DAY = 4, 8.0, 600  # milliseconds stand for seconds: no transaction here takes a day


def _now() -> int:
    return int(time.monotonic() * 1000)


class Hammer:
    """Writers and sweeps, each with a connection of its own and no turn that one at a time has."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.objects = url, FarFiles(folder / "blobs")
        self.blobs = Blobs(self.objects, folder / "spool", inside=0)
        self.problems: list[BaseException] = []
        self.until = time.monotonic() + SECONDS
        self.saved = self.deleted = self.removed = 0

    def run(self) -> None:
        threads = [threading.Thread(target=self._try, args=(self._write, number)) for number in range(WRITERS)]
        threads += [threading.Thread(target=self._try, args=(self._sweep, number)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _try(self, work: Callable[[Begin, int], None], number: int) -> None:
        try:
            with connect(self.url) as connection:

                def begin(fn: Callable[[Tx], T]) -> T:
                    with connection.transaction():
                        result = fn(tx := PgTx(connection))
                        tx.finish()
                        return result

                while time.monotonic() < self.until:
                    work(begin, number)
        except BaseException as problem:  # noqa: BLE001 - told by the test
            self.problems.append(problem)
            self.until = 0

    def _write(self, begin: Begin, number: int) -> None:
        chance = random.Random()
        prepared = self.blobs.prepare(b"Subject: x\r\n\r\n" + b"%d" % chance.randrange(100))

        def deliver(tx: Tx) -> None:
            blob = self.blobs.save(tx, prepared, _now())
            tx.run(
                "INSERT INTO message (mailbox,uid,flags,keywords,modseq,internal_date,size,blob,prefix,zone,saved_at)"
                " VALUES (?,1,0,'',1,0,1,?,?,0,0)",
                number,
                blob,
                b"",
            )

        begin(deliver)
        self.saved += 1
        find = "SELECT b.name FROM message m JOIN blob b ON b.id=m.blob WHERE m.mailbox=?"
        [(name,)] = begin(lambda tx: tx.rows(find, number))
        assert self.objects.size(bytes(name)) is not None
        time.sleep(chance.random() * 0.02)
        assert self.objects.size(bytes(name)) is not None
        begin(lambda tx: tx.run("DELETE FROM message WHERE mailbox=?", number))

    def _sweep(self, begin: Begin, _number: int) -> None:
        unnamed, _ = begin(lambda tx: sweep.list_unnamed(tx, 0, 1000, _now()))
        begin(lambda tx: sweep.mark_dead(tx, unnamed, _now()))
        self.deleted += begin(lambda tx: sweep.delete_dead(tx, _now(), 1000))[0]
        begin(lambda tx: sweep.doom_orphans(tx, _now()))
        doomed = begin(lambda tx: sweep.list_doomed(tx, 10))
        self.removed += begin(lambda tx: sweep.remove_doomed(tx, self.objects, doomed, _now()))
        begin(lambda tx: sweep.forget_removed(tx, _now()))


def test_writers_and_sweeps_side_by_side_on_postgresql(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "DAY", A_DAY)
    with postgres_server.serving() as url:
        with connect(url) as connection:
            on_postgresql.make_schema(connection, 0)
        hammer = Hammer(url, tmp_path)
        hammer.run()
    assert hammer.problems == []
    assert min(hammer.saved, hammer.deleted, hammer.removed) > 20
