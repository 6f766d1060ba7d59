"""Signs of spam have a weight, which regression learns, beside their counts."""

from mailcore.store.engine.db import Tx
from mailcore.store.migrations.steps import add_column


def migrate(tx: Tx) -> None:
    add_column(tx, "spam_sign", "weight INTEGER NOT NULL DEFAULT 0")
