"""All rows of a database in a file of SQLite, and back: what a backup of PostgreSQL is made of."""

from pathlib import Path

from playhouse.apsw_ext import APSWDatabase

from mailcore.store.copies import tables
from mailcore.store.engine.db import Db
from mailcore.store.engine.sqlite import SqliteTx
from mailcore.store.engine.tx import Tx
from mailcore.store.migrations.runner import migrate

_BESIDE = ("", "-wal", "-shm", "-journal")


def write_file(db: Db, path: Path, at: int) -> None:
    """Write all rows of one moment into a new file.

    Args:
        at: now, in seconds since 1970.
    """
    remove_file(path)
    # a file that is not finished is of no use to anybody
    made = APSWDatabase(str(path), pragmas={"journal_mode": "off", "synchronous": "off"})
    made.connect()
    try:
        migrate(made, at)
        target = SqliteTx(made.connection(), None)

        def copy(source: Tx) -> None:
            for table in tables.list_tables():
                with made.atomic():
                    tables.clear_table(target, table)
                    for rows in tables.each_batch(lambda read: read(source), table):
                        tables.write_rows(target, table, rows)

        db.read(copy)
    finally:
        made.close()


def read_file(db: Db, path: Path) -> None:
    """Replace all rows by those of a file; a batch is a transaction of its own."""
    made = APSWDatabase(str(path))
    made.connect()
    try:
        migrate(made, 0)  # a backup of an earlier version
        source = SqliteTx(made.connection(), None)
        for table in tables.list_tables():
            db.write(lambda tx, table=table: tables.clear_table(tx, table))  # type: ignore[misc]  # a default binds it
            for rows in tables.each_batch(lambda read: read(source), table):
                db.write(lambda tx, table=table, rows=rows: tables.write_rows(tx, table, rows))  # type: ignore[misc]
    finally:
        made.close()


def remove_file(path: Path) -> None:
    for suffix in _BESIDE:
        path.with_name(path.name + suffix).unlink(missing_ok=True)
