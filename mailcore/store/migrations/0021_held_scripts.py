"""Scripts that were brought in are held until their owner takes them into use."""

from mailcore.store.engine.db import Tx
from mailcore.store.migrations.steps import add_column


def migrate(tx: Tx) -> None:
    add_column(tx, "script", "held INTEGER NOT NULL DEFAULT 0")
