"""Files of accounts that administrators bring in the browser."""

from mailcore.store.engine.db import Tx

TABLES = """
CREATE TABLE IF NOT EXISTS account_import (
  id INTEGER NOT NULL PRIMARY KEY, actor TEXT NOT NULL, name TEXT NOT NULL, at INTEGER NOT NULL, sealed TEXT NOT NULL,
  state TEXT NOT NULL, total INTEGER NOT NULL, position INTEGER NOT NULL, created INTEGER NOT NULL,
  leased_until INTEGER NOT NULL);
"""


def migrate(tx: Tx) -> None:
    tx.run(TABLES)
