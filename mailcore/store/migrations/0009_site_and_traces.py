"""Save dates of messages, the site's own pages and incidents, traces of deliveries."""

from mailcore.store.engine.db import Tx
from mailcore.store.migrations.steps import add_column

SQL = """
CREATE TABLE IF NOT EXISTS page (
    name TEXT NOT NULL PRIMARY KEY, views INTEGER NOT NULL, audience TEXT NOT NULL, topic TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS page_visit (
    hash TEXT NOT NULL PRIMARY KEY
);
CREATE TABLE IF NOT EXISTS incident (
    id INTEGER NOT NULL PRIMARY KEY, level TEXT NOT NULL, nb TEXT NOT NULL, nn TEXT NOT NULL, en TEXT NOT NULL,
    at INTEGER NOT NULL, ended_at INTEGER
);
CREATE INDEX IF NOT EXISTS incidentrow_ended_at ON incident (ended_at);
"""


def migrate(tx: Tx) -> None:
    tx.run(SQL)
    add_column(tx, "message", "saved_at INTEGER NOT NULL DEFAULT 0")
    for name in ("subject", "author", "content"):
        add_column(tx, "delivery", f"{name} BLOB NOT NULL DEFAULT x''")
    for name in ("message_id", "checks", "rules"):
        add_column(tx, "delivery", f"{name} TEXT NOT NULL DEFAULT ''")
    add_column(tx, "delivery", "size INTEGER NOT NULL DEFAULT 0")
    tx.run("CREATE INDEX IF NOT EXISTS delivery_at ON delivery (at)")
