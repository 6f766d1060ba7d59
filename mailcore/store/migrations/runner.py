"""Bring a database to the schema of this program: run the migrations that it has not had, by their names.

Each is a module `NNNN_words.py` beside this one, with `migrate(tx)`; they run in the order of their names.  The table
`migration` holds the names of those that ran, so a step that a merge brings in below others runs all the same.
"""

import importlib
import logging
import pkgutil
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from peewee import SqliteDatabase

from mailcore.errors import Busy, ConfigError
from mailcore.store import migrations
from mailcore.store.engine.db import Tx
from mailcore.store.engine.sqlite import SqliteTx
from mailcore.store.migrations import numbered

log = logging.getLogger(__name__)
NAME = re.compile(r"\d{4}_[a-z0-9_]+")
SHOWN = 3  # names in an error


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

    @contextmanager
    def begin() -> Iterator[Tx]:
        with db.atomic("IMMEDIATE"):
            yield SqliteTx(db.connection())

    try:
        tx = SqliteTx(db.connection())
        if not _has_table(tx, "migration"):
            with begin() as writing:
                _begin(writing, at)
        ran = names_ran(tx)
    except ConfigError:
        raise
    except Exception as problem:
        raise Busy(f"the database cannot be brought up to date: {problem}") from problem
    run_migrations(begin, ran, at)


def refuse_old(tx: Tx, refuse: Callable[[Tx], None]) -> None:
    """Let `refuse` look at what a database that is not new says of itself in `setting`."""
    if tx.columns("setting"):
        refuse(tx)


def run_migrations(begin: Callable[[], AbstractContextManager[Tx]], ran: set[str], at: int) -> None:
    """Run what the database has not had, each in a transaction of its own.

    Args:
        begin: a transaction in which nobody else writes.
        ran: names of those that it has had.

    Raises:
        ConfigError: the database has had what this program does not know.
        Busy: one failed; it was undone.
    """
    names = known_names()
    _refuse_newer(names, ran)
    for name in names:
        if name not in ran:
            _run(begin, name, at)


def _run(begin: Callable[[], AbstractContextManager[Tx]], name: str, at: int) -> None:
    try:
        with begin() as tx:
            if name in names_ran(tx):  # another program began in the same moment
                return
            importlib.import_module(f"{migrations.__name__}.{name}").migrate(tx)
            tx.run("INSERT INTO migration (name, at) VALUES (?, ?)", name, at)
    except Exception as problem:
        log.error("migration %s failed and was undone", name, exc_info=problem)
        raise Busy(f"the database cannot be brought up to date: {name}: {problem}") from problem


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
