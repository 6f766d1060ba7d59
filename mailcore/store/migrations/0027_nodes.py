"""Several nodes on one database: who is alive, what they share sealed, and whose a turn of a job is."""

from mailcore.store.engine.db import Tx
from mailcore.store.migrations.steps import add_column

TABLES = """
CREATE TABLE IF NOT EXISTS node (
  name TEXT NOT NULL PRIMARY KEY, version TEXT NOT NULL, started_at INTEGER NOT NULL, seen_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS shared_file (name TEXT NOT NULL PRIMARY KEY, sealed TEXT NOT NULL);
"""


def migrate(tx: Tx) -> None:
    tx.run(TABLES)
    add_column(tx, "job", "leased_by TEXT NOT NULL DEFAULT ''")
