"""Moving day: what hangs on an address, who writes to it, and how far its owner has come with moving."""

from mailcore.store.engine.db import Tx

TABLES = """
CREATE TABLE IF NOT EXISTS moving_day (
  account_id INTEGER NOT NULL PRIMARY KEY, state TEXT NOT NULL DEFAULT '', done INTEGER NOT NULL DEFAULT 0,
  total INTEGER NOT NULL DEFAULT 0, leased_until INTEGER NOT NULL DEFAULT 0, scanned_at INTEGER NOT NULL DEFAULT 0,
  until TEXT NOT NULL DEFAULT '', new_address TEXT NOT NULL DEFAULT '', subject TEXT NOT NULL DEFAULT '',
  letter TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS movingdayrow_state_leased_until ON moving_day (state, leased_until);
CREATE TABLE IF NOT EXISTS moving_box (
  account_id INTEGER NOT NULL, mailbox INTEGER NOT NULL, uid INTEGER NOT NULL, PRIMARY KEY (account_id, mailbox))
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS moving_service (
  account_id INTEGER NOT NULL, key TEXT NOT NULL, host TEXT NOT NULL, name TEXT NOT NULL, address TEXT NOT NULL,
  best INTEGER NOT NULL, likely INTEGER NOT NULL, junk INTEGER NOT NULL, messages INTEGER NOT NULL,
  accounts INTEGER NOT NULL, purchases INTEGER NOT NULL, banks INTEGER NOT NULL, publics INTEGER NOT NULL,
  newsletters INTEGER NOT NULL, first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, mailbox INTEGER NOT NULL,
  uid INTEGER NOT NULL, link TEXT NOT NULL DEFAULT '', linked INTEGER NOT NULL DEFAULT 0, done INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS moving_person (
  account_id INTEGER NOT NULL, address TEXT NOT NULL, name TEXT NOT NULL, received INTEGER NOT NULL,
  written INTEGER NOT NULL, last_at INTEGER NOT NULL, state TEXT NOT NULL DEFAULT '', changed_at INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (account_id, address)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS movingpersonrow_state_account_id ON moving_person (state, account_id);
"""


def migrate(tx: Tx) -> None:
    tx.run(TABLES)
