"""Whole vCards, with the counter of changes that programs ask for."""

from mailcore.store.engine.db import Tx
from mailcore.store.migrations.steps import add_column

TABLES = """
CREATE TABLE IF NOT EXISTS card (
  account_id INTEGER NOT NULL, name TEXT NOT NULL, uid TEXT NOT NULL, etag TEXT NOT NULL, text TEXT NOT NULL,
  seq INTEGER NOT NULL, changed_at INTEGER NOT NULL, PRIMARY KEY (account_id, name));
CREATE INDEX IF NOT EXISTS cardrow_account_id_seq ON card (account_id, seq);
CREATE INDEX IF NOT EXISTS cardrow_account_id_uid ON card (account_id, uid);
CREATE TABLE IF NOT EXISTS address_book (
  account_id INTEGER NOT NULL PRIMARY KEY, seq INTEGER NOT NULL, oldest INTEGER NOT NULL,
  cards INTEGER NOT NULL, characters INTEGER NOT NULL);
"""


def migrate(tx: Tx) -> None:
    tx.run(TABLES)
    add_column(tx, "contact", "card TEXT NOT NULL DEFAULT ''")
    # of contacts that were entered before there were cards: it is empty once they have been asked for
    tx.run("CREATE INDEX IF NOT EXISTS contact_without_card ON contact (account_id) WHERE collected=0 AND card=''")
