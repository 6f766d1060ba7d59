"""Contact addresses are found whatever their case."""

from mailcore.store.engine.db import Tx


def migrate(tx: Tx) -> None:
    tx.run("CREATE INDEX IF NOT EXISTS reach_lowered ON reach (lower(address))")
