"""Writes that held up all others are counted."""

from mailcore.store.engine.db import Tx

SQL = """
CREATE TABLE IF NOT EXISTS slow_write (
    caller TEXT NOT NULL, hour INTEGER NOT NULL, count INTEGER NOT NULL, longest INTEGER NOT NULL,
    PRIMARY KEY (caller, hour)
);
"""


def migrate(tx: Tx) -> None:
    tx.run(SQL)
