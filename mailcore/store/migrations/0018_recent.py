r"""Each mailbox knows the first UID that no session has claimed as \Recent; mail from before is nobody's new mail."""

from mailcore.store.engine.db import Tx
from mailcore.store.migrations.steps import add_column


def migrate(tx: Tx) -> None:
    add_column(tx, "mailbox", "recent INTEGER NOT NULL DEFAULT 1")
    tx.run("UPDATE mailbox SET recent=uidnext")
