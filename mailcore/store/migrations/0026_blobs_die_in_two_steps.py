"""Blobs die in two steps, so that no sweep meets who is about to name one (store/mail/blob_sweep.py)."""

from mailcore.store.engine.db import Tx
from mailcore.store.migrations.steps import add_column


def migrate(tx: Tx) -> None:
    add_column(tx, "blob", "dead_at INTEGER")
    tx.run("CREATE INDEX IF NOT EXISTS blob_dead_at ON blob (dead_at) WHERE dead_at IS NOT NULL")
    tx.run(
        "CREATE TABLE IF NOT EXISTS orphan (name BLOB NOT NULL PRIMARY KEY, free_at INTEGER NOT NULL,"
        " doomed_at INTEGER, removed_at INTEGER)"
    )
