"""Indexes of failed log-ins and of the change log; lists of the webmail are built anew."""

from mailcore.store.engine.db import Tx


def migrate(tx: Tx) -> None:
    # a day of somebody's guesses must not make each log-in walk through them
    tx.run("CREATE INDEX IF NOT EXISTS login_failure_account ON login_failure (account_id, at)")
    tx.run("CREATE INDEX IF NOT EXISTS login_failure_at ON login_failure (at)")
    # keys of lists come from summaries now, so those that there are would stand out of order
    for table in ("line", "thread", "line_state"):
        tx.run(f"DELETE FROM {table}")  # noqa: S608 - our own names
    # only removals are read by mailbox; a newsletter would dirty a page of the index for each mailbox
    tx.run("DROP INDEX IF EXISTS change_mailbox_modseq")
    tx.run("CREATE INDEX IF NOT EXISTS change_removals ON change (mailbox, modseq) WHERE kind='remove'")
