"""Sessions of the portal by place, people who leave, closed accounts, former addresses."""

from mailcore.store.engine.db import Tx
from mailcore.store.migrations.steps import add_column

SQL = """
CREATE TABLE IF NOT EXISTS leaving (
    account_id INTEGER NOT NULL PRIMARY KEY, step TEXT NOT NULL, told_at INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS closing (
    account_id INTEGER NOT NULL PRIMARY KEY, closed_at INTEGER NOT NULL, new_address TEXT NOT NULL,
    forwarding INTEGER NOT NULL, erased_at INTEGER
);
CREATE TABLE IF NOT EXISTS correspondent (
    account_id INTEGER NOT NULL, mark TEXT NOT NULL, PRIMARY KEY (account_id, mark)
);
"""


def migrate(tx: Tx) -> None:
    tx.run(SQL)
    for name in ("source", "place", "agent"):
        add_column(tx, "web_session", f"{name} TEXT NOT NULL DEFAULT ''")
    add_column(tx, "web_session", "ended_at INTEGER")
    add_column(tx, "address", "former INTEGER")
    add_column(tx, "address", "mark TEXT NOT NULL DEFAULT ''")
    for name in ("blocked", "returned", "checked_at"):
        add_column(tx, "affiliation", f"{name} INTEGER NOT NULL DEFAULT 0")
