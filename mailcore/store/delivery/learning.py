"""Messages that the spam filter has yet to learn."""

from collections.abc import Sequence

from mailcore.domain import MailboxId
from mailcore.store.engine.db import Tx
from mailcore.store.mail.uidset import Ranges

KEPT = 10_000  # waiting messages; the oldest are forgotten first


def add_messages(tx: Tx, mailbox: MailboxId, ranges: Ranges, kind: str, now: int) -> None:
    """Add the messages that stand there now; the last word on a message counts."""
    for first, last in ranges:
        tx.run(
            "INSERT INTO learn (blob,kind,at) SELECT DISTINCT blob,?,? FROM message WHERE mailbox=?"
            " AND uid BETWEEN ? AND ? LIMIT 1000 ON CONFLICT (blob) DO UPDATE SET kind=excluded.kind, at=excluded.at",
            kind,
            now,
            mailbox,
            first,
            last,
        )
    tx.run("DELETE FROM learn WHERE id IN (SELECT id FROM learn ORDER BY at DESC LIMIT -1 OFFSET ?)", KEPT)


def list_waiting(tx: Tx, limit: int) -> list[tuple[int, int, str]]:
    """Return row, blob and kind, the oldest first."""
    return [(row[0], row[1], row[2]) for row in tx.rows("SELECT id, blob, kind FROM learn ORDER BY at LIMIT ?", limit)]


def delete_learned(tx: Tx, rows: Sequence[int]) -> None:
    tx.many("DELETE FROM learn WHERE id=?", [(row,) for row in rows])
