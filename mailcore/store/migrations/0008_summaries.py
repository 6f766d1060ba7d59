"""Summaries of messages (0012 fills them), time zones, keywords of mailboxes."""

from mailcore.store.engine.db import Tx
from mailcore.store.migrations.steps import add_column

SQL = """
CREATE TABLE IF NOT EXISTS summary (
    blob INTEGER NOT NULL PRIMARY KEY, sent_at INTEGER, sent_day INTEGER, is_answer INTEGER NOT NULL,
    base TEXT NOT NULL, from_key TEXT NOT NULL, to_key TEXT NOT NULL, cc_key TEXT NOT NULL, from_name TEXT NOT NULL,
    to_name TEXT NOT NULL, message_id TEXT NOT NULL, refs TEXT NOT NULL, subject TEXT, sender TEXT, recipient TEXT,
    cc TEXT, bcc TEXT, usual BLOB
);
"""


def migrate(tx: Tx) -> None:
    tx.run(SQL)
    add_column(tx, "message", "zone INTEGER NOT NULL DEFAULT 0")
    add_column(tx, "mailbox", "keywords TEXT NOT NULL DEFAULT ''")
    # the first unseen message of a large mailbox is found without a walk
    tx.run("CREATE INDEX IF NOT EXISTS message_unseen ON message (mailbox, uid) WHERE flags & 1 = 0")
