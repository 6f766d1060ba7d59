"""Affiliations as the directory gave them, out-of-office replies, periodic jobs."""

from mailcore.store.engine.db import Tx

SQL = """
CREATE TABLE IF NOT EXISTS affiliation (
    person TEXT NOT NULL PRIMARY KEY, login TEXT NOT NULL, kinds TEXT NOT NULL, until TEXT NOT NULL,
    present INTEGER NOT NULL, seen_at INTEGER NOT NULL, gone_at INTEGER
);
CREATE INDEX IF NOT EXISTS affiliationrow_present ON affiliation (present);
CREATE TABLE IF NOT EXISTS away (
    account_id INTEGER NOT NULL PRIMARY KEY, active INTEGER NOT NULL, first_day TEXT NOT NULL,
    last_day TEXT NOT NULL, subject TEXT NOT NULL, text TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS job (
    name TEXT NOT NULL PRIMARY KEY, next_at INTEGER NOT NULL, leased_until INTEGER NOT NULL, problem TEXT NOT NULL
);
"""


def migrate(tx: Tx) -> None:
    tx.run(SQL)
