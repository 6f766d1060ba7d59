"""A person may have several addresses, ask the desk for more, and change their name."""

from mailcore.store.engine.db import Tx
from mailcore.store.migrations.steps import add_column

TABLES = """
CREATE TABLE IF NOT EXISTS address_request (
  id INTEGER NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, localpart TEXT NOT NULL, domain TEXT NOT NULL,
  reason TEXT NOT NULL DEFAULT '', state TEXT NOT NULL DEFAULT 'waiting', created_at INTEGER NOT NULL, decided_at INTEGER);
CREATE INDEX IF NOT EXISTS addressrequestrow_account_id ON address_request (account_id);
CREATE INDEX IF NOT EXISTS addressrequestrow_state ON address_request (state);
CREATE TABLE IF NOT EXISTS name_change (
  account_id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, at INTEGER NOT NULL);
"""


def migrate(tx: Tx) -> None:
    add_column(tx, "account", "main_address TEXT NOT NULL DEFAULT ''")
    add_column(tx, "address", "origin TEXT NOT NULL DEFAULT 'first'")
    add_column(tx, "address", "removed_at INTEGER")
    add_column(tx, "affiliation", "name TEXT NOT NULL DEFAULT ''")
    tx.run(TABLES)
