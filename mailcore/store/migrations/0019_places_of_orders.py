"""Orders know a hash of where they came from, while the name is held."""

from mailcore.store.engine.db import Tx
from mailcore.store.migrations.steps import add_column


def migrate(tx: Tx) -> None:
    add_column(tx, "orders", "place TEXT NOT NULL DEFAULT ''")
