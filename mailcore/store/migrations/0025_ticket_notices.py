"""First letters of help cases that are due: they are written after the transaction that opens the case."""

from mailcore.store.engine.db import Tx


def migrate(tx: Tx) -> None:
    tx.run(
        "CREATE TABLE IF NOT EXISTS ticket_notice ("
        " ticket_id INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, recipient TEXT NOT NULL)"
    )
