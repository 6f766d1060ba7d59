"""Closed accounts are found without a look at all others."""

from mailcore.store.engine.db import Tx

PHASE = "expand"


def migrate(tx: Tx) -> None:
    tx.run("CREATE INDEX IF NOT EXISTS account_closed_at ON account (closed_at) WHERE closed_at IS NOT NULL")
