"""Complaints about forwarded mail that other servers report (RFC 5965)."""

from mailcore.store.engine.db import Tx

TABLES = """
CREATE TABLE IF NOT EXISTS complaint (
  token TEXT NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS complaintrow_account_id ON complaint (account_id);
"""


def migrate(tx: Tx) -> None:
    tx.run(TABLES)
