"""Orders with proof of the person, log-ins elsewhere, user names that look alike."""

from mailcore.store.engine.db import Tx
from mailcore.store.migrations.steps import add_column
from mailcore.store.people.skeleton import skeleton

SQL = """
CREATE TABLE IF NOT EXISTS elsewhere (
    provider TEXT NOT NULL, mark TEXT NOT NULL, account_id INTEGER NOT NULL, linked_at INTEGER NOT NULL,
    PRIMARY KEY (provider, mark)
);
CREATE INDEX IF NOT EXISTS elsewhererow_account_id ON elsewhere (account_id);
"""


def migrate(tx: Tx) -> None:
    tx.run(SQL)
    for name in ("person", "proof", "token"):
        add_column(tx, "orders", f"{name} TEXT NOT NULL DEFAULT ''")
    add_column(tx, "orders", "confirmed INTEGER NOT NULL DEFAULT 0")
    add_column(tx, "address", "skeleton TEXT NOT NULL DEFAULT ''")
    for number, localpart in tx.rows("SELECT id, localpart FROM address"):
        tx.run("UPDATE address SET skeleton=? WHERE id=?", skeleton(localpart), number)
    tx.run("CREATE INDEX IF NOT EXISTS address_skeleton ON address (skeleton)")
