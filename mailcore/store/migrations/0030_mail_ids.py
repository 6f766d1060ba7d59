"""The id of a message goes with its queue items, so that the log tells what became of it (mailcore/log.py)."""

from mailcore.store.engine.db import Tx
from mailcore.store.migrations.steps import add_column


def migrate(tx: Tx) -> None:
    add_column(tx, "queue", "mail_id TEXT NOT NULL DEFAULT ''")
