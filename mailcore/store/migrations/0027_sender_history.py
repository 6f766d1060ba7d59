"""History of senders: how their mail ended here, in thousandths of messages, as they counted at `at`."""

from mailcore.store.engine.db import Tx

TABLES = """
CREATE TABLE IF NOT EXISTS sender_history (
  sender INTEGER NOT NULL PRIMARY KEY, spam INTEGER NOT NULL, ham INTEGER NOT NULL, at INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS senderhistoryrow_at ON sender_history (at);
"""


def migrate(tx: Tx) -> None:
    tx.run(TABLES)
