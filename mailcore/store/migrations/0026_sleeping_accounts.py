"""Accounts that sleep, the last sign of each owner, and passwords that stand in a list of breaches."""

from mailcore.store.engine.db import Tx
from mailcore.store.migrations.steps import add_column

TABLES = """
CREATE TABLE IF NOT EXISTS presence (
  account_id INTEGER NOT NULL PRIMARY KEY, seen_at INTEGER NOT NULL, step TEXT NOT NULL DEFAULT '', told_at INTEGER,
  regions TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS presencerow_seen_at ON presence (seen_at);
"""


def migrate(tx: Tx) -> None:
    add_column(tx, "account", "asleep_at INTEGER")
    add_column(tx, "credential", "breached INTEGER NOT NULL DEFAULT 0")
    tx.run(TABLES)
