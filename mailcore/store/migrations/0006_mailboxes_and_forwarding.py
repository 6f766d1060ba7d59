"""Subscriptions and annotations of mailboxes, a change log that is cut, more choices for forwardings."""

from mailcore.store.engine.db import Tx
from mailcore.store.migrations.steps import add_column

SQL = """
CREATE TABLE IF NOT EXISTS lost_subscription (
    account INTEGER NOT NULL, name TEXT NOT NULL, PRIMARY KEY (account, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS annotation (
    account INTEGER NOT NULL, mailbox INTEGER NOT NULL, entry TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (account, mailbox, entry)
) WITHOUT ROWID;
"""


def migrate(tx: Tx) -> None:
    tx.run(SQL)
    add_column(tx, "mailbox", "purged INTEGER NOT NULL DEFAULT 0")
    add_column(tx, "forwarding", "unsafe TEXT NOT NULL DEFAULT ''")
    add_column(tx, "forwarding", "digest INTEGER NOT NULL DEFAULT 1")
    add_column(tx, "forwarding", "rolling_days INTEGER NOT NULL DEFAULT 0")
