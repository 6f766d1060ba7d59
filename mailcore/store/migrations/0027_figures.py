"""Counts by hour and day, for the plots of administration."""

from mailcore.store.engine.db import Tx

TABLES = """
CREATE TABLE IF NOT EXISTS figure (
  name TEXT NOT NULL, label TEXT NOT NULL, grain TEXT NOT NULL, at INTEGER NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY (name, label, grain, at));
"""


def migrate(tx: Tx) -> None:
    tx.run(TABLES)
