"""Browsers that are told when mail has come."""

from mailcore.store.engine.db import Tx

PHASE = "expand"

TABLES = """
CREATE TABLE IF NOT EXISTS push_subscription (
  id INTEGER NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, endpoint TEXT NOT NULL, agent TEXT NOT NULL,
  created_at INTEGER NOT NULL, told INTEGER NOT NULL, due_at INTEGER NOT NULL, failures INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS pushsubscriptionrow_account_id ON push_subscription (account_id);
CREATE UNIQUE INDEX IF NOT EXISTS pushsubscriptionrow_endpoint ON push_subscription (endpoint);
"""


def migrate(tx: Tx) -> None:
    tx.run(TABLES)
