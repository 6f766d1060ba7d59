"""Topics of the alumni office's newsletters, and who wishes to have them."""

from mailcore.store.engine.db import Tx

TABLES = """
CREATE TABLE IF NOT EXISTS topic (
  id INTEGER NOT NULL PRIMARY KEY, nb TEXT NOT NULL, nn TEXT NOT NULL, en TEXT NOT NULL, created_at INTEGER NOT NULL,
  ended_at INTEGER);
CREATE TABLE IF NOT EXISTS consent (
  account_id INTEGER NOT NULL, topic_id INTEGER NOT NULL, at INTEGER NOT NULL, wording TEXT NOT NULL,
  PRIMARY KEY (account_id, topic_id));
CREATE INDEX IF NOT EXISTS consentrow_topic_id ON consent (topic_id);
"""


def migrate(tx: Tx) -> None:
    tx.run(TABLES)
