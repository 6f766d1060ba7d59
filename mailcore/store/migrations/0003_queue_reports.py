"""Delivery reports (RFC 3461) and REQUIRETLS in the queue; what became of forwarded messages."""

from mailcore.store.engine.db import Tx
from mailcore.store.migrations.steps import add_column

SQL = """
CREATE TABLE IF NOT EXISTS onward (
    id INTEGER NOT NULL PRIMARY KEY, item INTEGER NOT NULL, account_id INTEGER NOT NULL, content BLOB NOT NULL,
    target TEXT NOT NULL, at INTEGER NOT NULL, state TEXT NOT NULL, host TEXT NOT NULL, code INTEGER NOT NULL,
    reply TEXT NOT NULL, answered_at INTEGER
);
CREATE INDEX IF NOT EXISTS onwardrow_account_id_at ON onward (account_id, at);
CREATE INDEX IF NOT EXISTS onwardrow_account_id_content ON onward (account_id, content);
CREATE INDEX IF NOT EXISTS onwardrow_at ON onward (at);
CREATE INDEX IF NOT EXISTS onwardrow_item ON onward (item);
"""


def migrate(tx: Tx) -> None:
    tx.run(SQL)
    for name in ("notify", "ret", "orcpt", "envid"):
        add_column(tx, "queue", f"{name} TEXT NOT NULL DEFAULT ''")
    add_column(tx, "queue", "require_tls INTEGER NOT NULL DEFAULT 0")
