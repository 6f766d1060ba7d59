"""Lists of the webmail are built anew, as a field that is no Message-ID joins no conversation any more."""

from mailcore.store.engine.db import Tx


def migrate(tx: Tx) -> None:
    for table in ("line", "thread", "line_state"):
        tx.run(f"DELETE FROM {table}")  # noqa: S608 - our own names
