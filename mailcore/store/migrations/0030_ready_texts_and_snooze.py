"""Texts that an owner has ready for writing, and messages that are shown again at a time."""

from mailcore.store.engine.db import Tx

TABLES = """
CREATE TABLE IF NOT EXISTS ready_text (
  account_id INTEGER NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (account_id, name)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS snoozed (
  account_id INTEGER NOT NULL, mailbox INTEGER NOT NULL, uidvalidity INTEGER NOT NULL, uid INTEGER NOT NULL,
  due_at INTEGER NOT NULL, PRIMARY KEY (account_id, mailbox, uid)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS snoozed_due_at ON snoozed (due_at);
"""


def migrate(tx: Tx) -> None:
    tx.run(TABLES)
