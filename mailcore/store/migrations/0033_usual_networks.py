"""The networks that each owner uses, for longer than the list of log-ins remembers."""

from mailcore.store.engine.db import Tx
from mailcore.store.migrations.steps import add_column

PHASE = "expand"


def migrate(tx: Tx) -> None:
    add_column(tx, "presence", "networks TEXT NOT NULL DEFAULT ''")
