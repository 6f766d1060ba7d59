"""Programs of the university are told of changes: which programs, and what is on its way to them."""

from mailcore.store.engine.db import Tx

PHASE = "expand"

TABLES = """
CREATE TABLE IF NOT EXISTS webhook (
  id INTEGER NOT NULL PRIMARY KEY, label TEXT NOT NULL, url TEXT NOT NULL, kinds TEXT NOT NULL, sealed TEXT NOT NULL,
  former TEXT NOT NULL, former_until INTEGER NOT NULL, state TEXT NOT NULL, failures INTEGER NOT NULL,
  missed INTEGER NOT NULL, next_at INTEGER NOT NULL, leased_until INTEGER NOT NULL, created_at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS webhook_delivery (
  id INTEGER NOT NULL PRIMARY KEY, webhook_id INTEGER NOT NULL, account_id INTEGER, event TEXT NOT NULL,
  kind TEXT NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL, tries INTEGER NOT NULL, next_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL, answer TEXT NOT NULL, answered_at INTEGER);
CREATE INDEX IF NOT EXISTS webhookdeliveryrow_account_id ON webhook_delivery (account_id);
CREATE INDEX IF NOT EXISTS webhookdeliveryrow_webhook_id_state_next_at ON webhook_delivery (webhook_id, state, next_at);
"""


def migrate(tx: Tx) -> None:
    tx.run(TABLES)
