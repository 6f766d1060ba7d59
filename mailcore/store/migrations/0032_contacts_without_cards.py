"""Contacts without a card are found by an index, also where 0025 ran before the index stood in it."""

from mailcore.store.engine.db import Tx

PHASE = "expand"


def migrate(tx: Tx) -> None:
    tx.run("CREATE INDEX IF NOT EXISTS contact_without_card ON contact (account_id) WHERE collected=0 AND card=''")
