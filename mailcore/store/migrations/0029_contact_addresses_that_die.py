"""Contact addresses: when each was last written to by the half-yearly letter, and those whose mailbox is gone."""

from mailcore.store.engine.db import Tx
from mailcore.store.migrations.steps import add_column

TABLES = """
CREATE TABLE IF NOT EXISTS lost_contact (
  account_id INTEGER NOT NULL, address TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (account_id, address));
"""


def migrate(tx: Tx) -> None:
    add_column(tx, "reach", "asked_at INTEGER NOT NULL DEFAULT 0")
    tx.run(TABLES)
