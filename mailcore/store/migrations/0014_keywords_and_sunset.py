"""Mailboxes know the keywords of their messages; the end of the service; headers in help cases."""

from mailcore.store.engine.db import Tx
from mailcore.store.migrations.steps import add_column

SQL = """
CREATE TABLE IF NOT EXISTS sunset (
    id INTEGER NOT NULL PRIMARY KEY, ends TEXT NOT NULL, successor TEXT NOT NULL, nb TEXT NOT NULL,
    nn TEXT NOT NULL, en TEXT NOT NULL, announced_at INTEGER NOT NULL, withdrawn_at INTEGER
);
CREATE TABLE IF NOT EXISTS sunset_person (
    account_id INTEGER NOT NULL, sunset_id INTEGER NOT NULL, step INTEGER NOT NULL, first_at INTEGER NOT NULL,
    told_at INTEGER NOT NULL, next_at INTEGER, read_at INTEGER, how TEXT NOT NULL, letter_at INTEGER,
    new_address TEXT NOT NULL, PRIMARY KEY (account_id, sunset_id)
);
CREATE INDEX IF NOT EXISTS sunsetpersonrow_sunset_id_next_at ON sunset_person (sunset_id, next_at);
CREATE TABLE IF NOT EXISTS sunset_notice (
    account_id INTEGER NOT NULL, sunset_id INTEGER NOT NULL, blob BLOB NOT NULL, PRIMARY KEY (account_id, blob)
);
"""


def migrate(tx: Tx) -> None:
    tx.run(SQL)
    _learn_keywords(tx)
    add_column(tx, "ticket_message", "header TEXT NOT NULL DEFAULT ''")


def _learn_keywords(tx: Tx) -> None:
    found: dict[int, set[str]] = {}
    for mailbox, keywords in tx.rows("SELECT DISTINCT mailbox, keywords FROM message WHERE keywords<>''"):
        found.setdefault(mailbox, set()).update(keywords.split())
    tx.many(
        "UPDATE mailbox SET keywords=? WHERE id=?", [(" ".join(sorted(words)), box) for box, words in found.items()]
    )
