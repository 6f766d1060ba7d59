"""An installation moved to another database and another store of large messages, of whatever kind, with one short stop.

While the service still runs, what never changes is copied: large messages, and the octets of small ones.  Then it is stopped,
everything else is copied, and both sides are compared: each row of each table by its hash, each message's octets by their name,
as they are read back.  At last the old place is marked as moved and the new one as complete, in this order: what is killed on
the way is served nowhere, and goes on when it is run again.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial

from mailcore.clock import Clock
from mailcore.config import Config
from mailcore.errors import ConfigError, MoveProblem
from mailcore.process.data_lock import lock_data
from mailcore.services.operations.other_files import copy_other_files
from mailcore.store.copies import marks, octets, tables
from mailcore.store.copies.tables import Sum, Table
from mailcore.store.engine.db import Db
from mailcore.store.engine.tx import Tx
from mailcore.store.engine.values import get_value
from mailcore.store.mail import integrity
from mailcore.store.migrations.opening import opened
from mailcore.store.objects.contract import Objects
from mailcore.store.objects.copying import copy_octets
from mailcore.store.objects.opening import open_objects
from mailcore.store.site.nodes import list_nodes
from mailcore.store.site.secrets import get_secret

COPIES_AT_ONCE = 8  # of large messages, where one of the stores is far
LOOK_SECONDS = 0.5
DEAD_SECONDS = 30  # after which a silent node has given itself up

Progress = Callable[[int], object]
Say = Callable[[str], object]


@dataclass(slots=True)
class Moved:
    """`missing`: large messages that the old place does not have any more; `stop_seconds` the service could not run."""

    rows: int = 0
    messages: int = 0
    large: int = 0
    missing: list[int] = field(default_factory=list)
    stop_seconds: float = 0.0


def estimate(config: Config) -> int:
    """Estimate what `progress` comes to."""
    with opened(config, Clock()) as db:
        return db.read(tables.measure)


def move_installation(
    old: Config, new: Config, clock: Clock, *, replace: bool = False, progress: Progress, say: Say
) -> Moved:
    """Move all that `old` has to where `new` says.

    Args:
        replace: what stands at the new place is deleted.
        progress: called with the number of octets that were done.
        say: called with a line for whoever waits.

    Raises:
        MoveProblem: the new place holds something else, or both sides are not the same afterwards.
        ConfigError: one of them cannot be used.
        Busy: one of them does not answer; run again, it goes on where it was.
    """
    if old.database_key == new.database_key and old.database == new.database:
        raise MoveProblem("both settings name the same database")
    with opened(old, clock) as source, opened(new, clock) as target:
        move = _Move(source, target, open_objects(old), open_objects(new), _is_same_store(old, new), progress)
        move.begin(replace=replace)
        move.copy_large()
        move.copy_small()
        with _stopped(old, source, say):
            began = time.monotonic()
            move.copy_large()
            move.mend_small()
            move.copy_tables()
            if old.data_path.resolve() != new.data_path.resolve():
                copy_other_files(old, new.data_path)
            move.finish(new)
            move.result.stop_seconds = time.monotonic() - began
        return move.result


def abandon(old: Config, clock: Clock) -> None:
    """Take the mark off an installation that moved, so that it is served again where it was."""
    with opened(old, clock) as source:
        source.write(lambda tx: marks.set_mark(tx, marks.MOVED, ""))


@contextmanager
def _stopped(config: Config, source: Db, say: Say) -> Iterator[None]:
    """Wait until nobody serves the data, here or on another node, and keep it so here."""
    with ExitStack() as stack:
        is_told = False
        while True:
            with suppress(ConfigError):
                stack.enter_context(lock_data(config))
                break
            if not is_told:
                say("what never changes is copied; stop the service now, and the rest follows")
                is_told = True
            time.sleep(LOOK_SECONDS)
        while awake := [node.name for node in source.read(list_nodes) if node.silent_seconds < DEAD_SECONDS]:
            say(f"these nodes serve still, or were killed just now: {', '.join(awake)}; stop all of them")
            time.sleep(2 * LOOK_SECONDS)
        yield


def _is_same_store(old: Config, new: Config) -> bool:
    if old.bucket or new.bucket:
        return old.bucket == new.bucket and old.s3.endpoint == new.s3.endpoint
    return old.blobs_path.resolve() == new.blobs_path.resolve()


@dataclass(slots=True)
class _Move:
    source: Db
    target: Db
    old_store: Objects
    new_store: Objects
    is_same_store: bool
    progress: Progress
    result: Moved = field(default_factory=Moved)
    done: set[bytes] = field(default_factory=set)  # large ones that are there

    def begin(self, *, replace: bool) -> None:
        """Mark the new place as being filled by us; raises MoveProblem if it holds something else."""
        owner = self.source.write(lambda tx: get_secret(tx, "installation")).hex()
        if self.target.read(lambda tx: get_value(tx, marks.FILLING)) == owner:
            return  # we were killed, and go on
        if self.target.read(tables.has_accounts):
            if not replace:
                raise MoveProblem("the new database holds accounts already; say --replace to have them deleted")
            self.target.write(_clear)
        self.target.write(lambda tx: marks.set_mark(tx, marks.FILLING, owner))
        if not self.is_same_store:
            self.new_store.claim(owner)

    def copy_large(self) -> None:
        """Copy the large messages that are not there yet."""
        if self.is_same_store:
            return
        outside = [one for one in self.source.read(integrity.list_outside) if one[1] not in self.done]
        self.result.missing = []
        is_far = self.old_store.is_far or self.new_store.is_far
        with ThreadPoolExecutor(COPIES_AT_ONCE if is_far else 1) as pool:
            copy = partial(copy_octets, self.old_store, self.new_store, check=True)
            copies = pool.map(lambda one: copy(one[1], one[2]), outside)
            for (blob, name, size), copied in zip(outside, copies, strict=True):
                if copied is None:
                    self.result.missing.append(blob)
                else:
                    self.done.add(name)
                    self.progress(size)
        self.result.large = len(self.done)

    def copy_small(self) -> None:
        """Copy octets above the last that are there; each batch is read back before the next."""
        after = self.target.read(octets.find_last)
        while blobs := self.source.read(partial(octets.list_next, after=after)):
            self._copy_blobs(blobs)
            after = blobs[-1]

    def _copy_blobs(self, blobs: list[int]) -> None:
        batch = self.source.read(partial(octets.read_batch, blobs=blobs))
        self.target.write(partial(octets.write_batch, batch=batch))
        try:
            self.target.read(partial(octets.check_octets, blobs=batch.ids))
        except octets.NotTheSame as problem:
            raise MoveProblem(f"{problem}; alumnimail check looks at the old place") from None
        self.progress(batch.size)

    def mend_small(self) -> None:
        """Bring the octets to what the old place has now: what was swept goes, what came is copied."""
        last = max(self.source.read(octets.find_last), self.target.read(octets.find_last))
        for after in range(0, last, octets.RANGE):
            here = self.source.read(partial(octets.list_names, after=after))
            there = self.target.read(partial(octets.list_names, after=after))
            if here == there:
                continue
            gone = [blob for blob in there if blob not in here]
            self.target.write(partial(octets.delete_octets, blobs=gone))
            differ = [blob for blob, name in here.items() if there.get(blob) != name]
            for at in range(0, len(differ), tables.FEW):
                self._copy_blobs(differ[at : at + tables.FEW])

    def copy_tables(self) -> None:
        """Copy all rows but octets, and compare what is read back."""
        for table in tables.list_tables():
            if table.name == "blob_octets":
                self._compare_octets(table)
                continue
            self.target.write(partial(tables.clear_table, table=table))
            here = Sum()
            for rows in tables.each_batch(self.source.read, table):
                self.target.write(partial(tables.write_rows, table=table, rows=rows))
                for row in rows:
                    here.add(row)
                self.progress(tables.ROW * len(rows))
            self._compare(table, here, _sum_up(self.target, table))
            self.result.rows += here.rows
            if table.name == "message":
                self.result.messages = here.rows

    def _compare_octets(self, table: Table) -> None:
        """Each was read back when it was copied; here their numbers are compared."""
        counts = [db.read(partial(tables.count_rows, table=table)) for db in (self.source, self.target)]
        if counts[0] != counts[1]:
            raise MoveProblem(f"{counts[0]} small messages became {counts[1]}; run it again")

    def _compare(self, table: Table, here: Sum, there: Sum) -> None:
        if here != there:
            raise MoveProblem(
                f"the table {table.name} differs: {here.rows} rows here, {there.rows} there; run it again"
            )

    def finish(self, new: Config) -> None:
        """The old place is served no more, then the new one may be."""
        self.target.write(tables.number_on)
        where = new.database.partition("://")[0] if new.is_on_postgresql else str(new.database_path)
        self.source.write(lambda tx: marks.set_mark(tx, marks.MOVED, where))
        self.target.write(marks.end_filling)


def _clear(tx: Tx) -> None:
    for table in tables.list_tables():
        tables.clear_table(tx, table)


def _sum_up(db: Db, table: Table) -> Sum:
    found = Sum()
    for rows in tables.each_batch(db.read, table):
        for row in rows:
            found.add(row)
    return found
