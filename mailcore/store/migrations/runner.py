"""Bring a database to the schema of this program: run the migrations that it has not had, by their names.

Each is a module `NNNN_words.py` beside this one, with `migrate(tx)`; they run in the order of their names.  The table
`migration` holds the names of those that ran, so a step that a merge brings in below others runs all the same.

A migration may say PHASE = "expand": programs that do not know it go on beside it, so that nodes are started anew one by one.
One with PHASE = "contract" takes away what only older programs use, and waits until it is asked for
(services/operations/contracting.py).
"""

import importlib
import logging
import pkgutil
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from types import ModuleType

from peewee import SqliteDatabase

from mailcore.errors import Busy, ConfigError
from mailcore.store import migrations
from mailcore.store.engine.db import Tx
from mailcore.store.engine.sqlite import SqliteTx
from mailcore.store.engine.values import get_value, save_value
from mailcore.store.migrations import numbered

log = logging.getLogger(__name__)
NAME = re.compile(r"\d{4}_[a-z0-9_]+")
SHOWN = 3  # names in an error
EXPAND, CONTRACT = "expand", "contract"
_EXPANDED = "schema_expanded"  # key of `setting`: names of those that ran and that older programs need not know
Write = Callable[[Callable[[Tx], None]], None]


def known_names() -> list[str]:
    """Names of all migrations, in the order in which they run."""
    return sorted(found.name for found in pkgutil.iter_modules(migrations.__path__) if NAME.fullmatch(found.name))


def migrate(db: SqliteDatabase, at: int) -> None:
    """Run what this database has not had; each migration commits by itself, together with its name.

    Args:
        at: now, in seconds since 1970.

    Raises:
        ConfigError: the database was written by a newer version of the program.
        Busy: it cannot be read or written, or a migration failed, of which nothing is left; the text names it.
    """

    def write(fn: Callable[[Tx], None]) -> None:
        with db.atomic("IMMEDIATE"):
            fn(SqliteTx(db.connection()))

    try:
        tx = SqliteTx(db.connection())
        if not _has_table(tx, "migration"):
            write(partial(_begin, at=at))
        ran, expanded = names_ran(tx), find_expanded(tx)
    except ConfigError:
        raise
    except Exception as problem:
        raise Busy(f"the database cannot be brought up to date: {problem}") from problem
    run_migrations(write, ran, expanded, at)


def refuse_old(tx: Tx, refuse: Callable[[Tx], None]) -> None:
    """Let `refuse` look at what a database that is not new says of itself in `setting`."""
    if tx.columns("setting"):
        refuse(tx)


def run_migrations(write: Write, ran: set[str], expanded: set[str], at: int) -> None:
    """Run what the database has not had, each in a transaction of its own; what contracts it only where it is new.

    Args:
        write: runs what it is given in a transaction in which nobody else writes.
        ran: names of those that it has had.
        expanded: those of them that a program need not know.

    Raises:
        ConfigError: the database has had what this program does not know.
        Busy: one failed; it was undone.
    """
    names = known_names()
    _refuse_newer(names, ran - expanded)
    for name in names:
        if name not in ran and (not ran or find_phase(name) != CONTRACT):
            with explaining(name):
                write(partial(run_migration, name=name, at=at))


def list_alone(ran: set[str]) -> list[str]:
    """List the migrations that are still to run and that no older program goes on beside."""
    return [name for name in known_names() if name not in ran and not find_phase(name)]


def list_contracts(ran: set[str]) -> list[str]:
    """List the migrations that wait until no older program is there."""
    return [name for name in known_names() if name not in ran and find_phase(name) == CONTRACT]


def run_migration(tx: Tx, name: str, at: int) -> None:
    """Run one with its name in the transaction, unless it has run meanwhile."""
    if name in names_ran(tx):
        return
    _import(name).migrate(tx)
    tx.run("INSERT INTO migration (name, at) VALUES (?, ?)", name, at)
    note_expanded(tx, [name])


@contextmanager
def explaining(name: str) -> Iterator[None]:
    """Raise Busy for whatever goes wrong with a migration; it was undone."""
    try:
        yield
    except Exception as problem:
        log.error("migration %s failed and was undone", name, exc_info=problem)
        raise Busy(f"the database cannot be brought up to date: {name}: {problem}") from problem


def find_phase(name: str) -> str:
    """Return `expand`, `contract`, or "" for one that every program has to know."""
    return getattr(_import(name), "PHASE", "")


def find_expanded(tx: Tx) -> set[str]:
    """Return the names that ran and that a program need not know."""
    return set(get_value(tx, _EXPANDED).split())


def note_expanded(tx: Tx, names: Iterable[str]) -> None:
    """Save the names that older programs need not know."""
    if added := {name for name in names if find_phase(name) == EXPAND}:
        save_value(tx, _EXPANDED, " ".join(sorted(find_expanded(tx) | added)))


def _import(name: str) -> ModuleType:
    return importlib.import_module(f"{migrations.__name__}.{name}")


def _begin(tx: Tx, at: int) -> None:
    """Make the table of names, with those that a database has had by their numbers."""
    if _has_table(tx, "migration"):
        return
    tx.run("CREATE TABLE IF NOT EXISTS setting (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)")
    row = tx.row("SELECT value FROM setting WHERE key='schema'")
    number = int(row[0]) if row else 0
    if number > numbered.HIGHEST:
        _refuse(f"number {number}")
    tx.run("CREATE TABLE migration (name TEXT NOT NULL PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID")
    tx.many("INSERT INTO migration (name, at) VALUES (?, ?)", [(name, at) for name in numbered.names_up_to(number)])
    tx.run("INSERT OR REPLACE INTO setting (key, value) VALUES ('schema', ?)", str(numbered.NAMED))


def _refuse_newer(names: list[str], ran: set[str]) -> None:
    """Raise ConfigError if the database has had what this program does not know."""
    if newer := sorted(ran.difference(names)):
        _refuse(", ".join(newer[:SHOWN]) + (", ..." if len(newer) > SHOWN else ""))


def _has_table(tx: Tx, name: str) -> bool:
    return tx.row("SELECT 1 FROM sqlite_master WHERE type='table' AND name=?", name) is not None


def names_ran(tx: Tx) -> set[str]:
    return {row[0] for row in tx.rows("SELECT name FROM migration")}


def _refuse(what: str) -> None:
    raise ConfigError(f"the database is of a newer version of Alumnimail; what is older cannot write to it ({what})")
