"""Messages that wait to be shown again, as SQL."""

from collections.abc import Sequence
from dataclasses import dataclass

from mailcore.domain import AccountId, Mailbox, MailboxId
from mailcore.store.engine.db import Tx


@dataclass(frozen=True, slots=True)
class DueMessage:
    account: AccountId
    mailbox: MailboxId
    uidvalidity: int
    uid: int


def save_snoozed(tx: Tx, box: Mailbox, uids: Sequence[int], due_at: int) -> None:
    """Save when messages are due, seconds since 1970; a time from before is replaced."""
    tx.many(
        "INSERT INTO snoozed (account_id,mailbox,uidvalidity,uid,due_at) VALUES (?,?,?,?,?)"
        " ON CONFLICT (account_id,mailbox,uid) DO UPDATE SET due_at=excluded.due_at, uidvalidity=excluded.uidvalidity",
        [(box.account, box.id, box.uidvalidity, uid, due_at) for uid in uids],
    )


def find_due_at(tx: Tx, box: Mailbox, uid: int) -> int:
    """Find when a message is due, 0 for one that does not wait."""
    row = tx.row(
        "SELECT due_at FROM snoozed WHERE account_id=? AND mailbox=? AND uid=? AND uidvalidity=?",
        box.account,
        box.id,
        uid,
        box.uidvalidity,
    )
    return int(row[0]) if row else 0


def list_due_accounts(tx: Tx, now: int) -> list[AccountId]:
    """Return those who have messages that are due."""
    rows = tx.rows("SELECT DISTINCT account_id FROM snoozed WHERE due_at<=? ORDER BY account_id", now)
    return [AccountId(row[0]) for row in rows]


def delete_due(tx: Tx, account: AccountId, now: int) -> list[DueMessage]:
    """Delete what is due of an account, and return it."""
    rows = tx.rows(
        "SELECT account_id, mailbox, uidvalidity, uid FROM snoozed WHERE account_id=? AND due_at<=? ORDER BY due_at, uid",
        account,
        now,
    )
    tx.run("DELETE FROM snoozed WHERE account_id=? AND due_at<=?", account, now)
    return [DueMessage(*row) for row in rows]


def date_anew(tx: Tx, mailbox: MailboxId, uids: Sequence[int], now: int) -> None:
    """Let messages that were just put into a mailbox, under new UIDs, have come now: lists are by that time."""
    tx.many("UPDATE message SET internal_date=? WHERE mailbox=? AND uid=?", [(now, mailbox, uid) for uid in uids])
