"""Newsletters: who edits a topic, its issues and their editions, and octets that no quota counts."""

from mailcore.store.engine.db import Tx
from mailcore.store.migrations.steps import add_column

TABLES = """
CREATE TABLE IF NOT EXISTS uncounted_blob (blob INTEGER NOT NULL PRIMARY KEY);
CREATE TABLE IF NOT EXISTS topic_editor (
  topic_id INTEGER NOT NULL, account_id INTEGER NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (topic_id, account_id));
CREATE INDEX IF NOT EXISTS topiceditorrow_account_id ON topic_editor (account_id);
CREATE TABLE IF NOT EXISTS newsletter (
  id INTEGER NOT NULL PRIMARY KEY, topic_id INTEGER NOT NULL, language TEXT NOT NULL, subject TEXT NOT NULL,
  text TEXT NOT NULL, state TEXT NOT NULL, actor TEXT NOT NULL, created_at INTEGER NOT NULL,
  changed_at INTEGER NOT NULL, send_at INTEGER, begun_at INTEGER, finished_at INTEGER, position INTEGER NOT NULL,
  filed INTEGER NOT NULL, forwarded INTEGER NOT NULL, unsent INTEGER NOT NULL, delivered INTEGER NOT NULL,
  refused INTEGER NOT NULL, returned INTEGER NOT NULL, complaints INTEGER NOT NULL, corrected INTEGER NOT NULL,
  is_correcting INTEGER NOT NULL, leased_until INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS newsletterrow_topic_id ON newsletter (topic_id);
CREATE INDEX IF NOT EXISTS newsletterrow_state_send_at ON newsletter (state, send_at);
CREATE TABLE IF NOT EXISTS newsletter_edition (
  newsletter_id INTEGER NOT NULL, number INTEGER NOT NULL, blob INTEGER NOT NULL, content BLOB NOT NULL,
  message_id TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (newsletter_id, number));
CREATE INDEX IF NOT EXISTS newslettereditionrow_content ON newsletter_edition (content);
CREATE INDEX IF NOT EXISTS newslettereditionrow_blob ON newsletter_edition (blob);
"""


def migrate(tx: Tx) -> None:
    tx.run(TABLES)
    add_column(tx, "topic", "slug TEXT NOT NULL DEFAULT ''")
    add_column(tx, "topic", "reply_to TEXT NOT NULL DEFAULT ''")
    tx.run("UPDATE topic SET slug='topic-'||id WHERE slug=''")
