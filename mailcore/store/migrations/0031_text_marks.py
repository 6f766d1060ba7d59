"""Marks of texts, by which the first search of an account rules messages out."""

from mailcore.store.engine.db import Tx


def migrate(tx: Tx) -> None:
    tx.run(
        "CREATE TABLE IF NOT EXISTS text_mark (blob INTEGER NOT NULL PRIMARY KEY, version INTEGER NOT NULL, mark BLOB NOT NULL)"
    )
