"""Help for migrations.  What stands here is used by steps that ran long ago: add to it, and change nothing."""

from mailcore.store.engine.db import Tx


def add_column(tx: Tx, table: str, column: str) -> None:
    """Add a column, such as `note TEXT NOT NULL DEFAULT ''`, unless the table has it: 0001 brought some of later steps."""
    name = column.partition(" ")[0]
    if name not in tx.columns(table):
        tx.run(f"ALTER TABLE {table} ADD COLUMN {column}")


def rename_column(tx: Tx, table: str, old: str, new: str) -> None:
    """Rename a column, unless it has the new name: SQLite rewrites the schema and no row."""
    if old in tx.columns(table):
        tx.run(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
