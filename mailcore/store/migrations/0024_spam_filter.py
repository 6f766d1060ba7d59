"""The spam filter of our own: what owners voted, what each of them and the site has counted."""

from mailcore.store.engine.db import Tx

TABLES = """
CREATE TABLE IF NOT EXISTS spam_sign (
  account_id INTEGER NOT NULL, sign INTEGER NOT NULL, spam INTEGER NOT NULL, ham INTEGER NOT NULL, at INTEGER NOT NULL,
  PRIMARY KEY (account_id, sign)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spam_total (
  account_id INTEGER NOT NULL PRIMARY KEY, spam INTEGER NOT NULL, ham INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS spam_vote (
  id INTEGER NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, blob INTEGER NOT NULL, kind TEXT NOT NULL,
  learned TEXT NOT NULL, at INTEGER NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS spamvoterow_account_id_blob ON spam_vote (account_id, blob);
CREATE INDEX IF NOT EXISTS spamvoterow_at ON spam_vote (at);
"""


def migrate(tx: Tx) -> None:
    tx.run(TABLES)
