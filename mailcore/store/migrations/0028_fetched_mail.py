"""Mail that owners fetch from another server: where from, which folders, and how far it came."""

from mailcore.store.engine.db import Tx

TABLES = """
CREATE TABLE IF NOT EXISTS mail_fetch (
  id INTEGER NOT NULL PRIMARY KEY, account_id INTEGER NOT NULL, host TEXT NOT NULL, port INTEGER NOT NULL,
  login TEXT NOT NULL, sealed TEXT NOT NULL, state TEXT NOT NULL, folders TEXT NOT NULL, problem TEXT NOT NULL,
  messages INTEGER NOT NULL, there INTEGER NOT NULL, left_out INTEGER NOT NULL, failures INTEGER NOT NULL,
  leased_until INTEGER NOT NULL, next_at INTEGER NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS mailfetchrow_account_id ON mail_fetch (account_id);
CREATE INDEX IF NOT EXISTS mailfetchrow_state_next_at ON mail_fetch (state, next_at);
"""


def migrate(tx: Tx) -> None:
    tx.run(TABLES)
