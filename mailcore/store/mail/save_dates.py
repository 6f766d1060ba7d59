"""Times at which messages came into their mailboxes (RFC 8514): by delivery, APPEND, COPY or MOVE."""

from mailcore.domain import MailboxId
from mailcore.store.engine.db import Tx
from mailcore.store.mail.uidset import Ranges


def get_save_dates(tx: Tx, mailbox: MailboxId, ranges: Ranges) -> dict[int, int]:
    """Return seconds since 1970 by UID; 0 for messages that are older than this knowledge."""
    return {
        row[0]: row[1]
        for first, last in ranges
        for row in tx.rows(
            "SELECT uid, saved_at FROM message WHERE mailbox=? AND uid BETWEEN ? AND ?", mailbox, first, last
        )
    }
