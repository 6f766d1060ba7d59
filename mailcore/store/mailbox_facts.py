"""Rarely asked facts of mailboxes, and subscriptions to names that no mailbox has any more."""

from mailcore.domain import AccountId, MailboxId
from mailcore.store import flags
from mailcore.store.db import Tx


def deleted(tx: Tx, mailbox: MailboxId) -> tuple[int, int]:
    """How many messages are \\Deleted, and their octets (RFC 9208 section 4.1.4)."""
    row = tx.row(
        "SELECT count(*), COALESCE(sum(size),0) FROM message WHERE mailbox=? AND flags&?<>0", mailbox, flags.DELETED
    )
    return (row[0], row[1]) if row else (0, 0)


def set_special_use(tx: Tx, account: AccountId, mailbox: MailboxId, use: str) -> None:
    """Give the use (RFC 6154) to this mailbox alone; "" takes it away."""
    if use:
        tx.run("UPDATE mailbox SET special_use='' WHERE account=? AND special_use=?", account, use)
    tx.run("UPDATE mailbox SET special_use=? WHERE id=?", use, mailbox)


# A subscription outlives its mailbox (RFC 9051 section 6.3.7).


def lost_subscriptions(tx: Tx, account: AccountId) -> list[str]:
    return [row[0] for row in tx.rows("SELECT name FROM lost_subscription WHERE account=? ORDER BY name", account)]


def lose_subscription(tx: Tx, account: AccountId, name: str) -> None:
    tx.run("INSERT OR IGNORE INTO lost_subscription (account,name) VALUES (?,?)", account, name)


def end_lost_subscription(tx: Tx, account: AccountId, name: str) -> bool:
    """True if there was one."""
    return tx.run("DELETE FROM lost_subscription WHERE account=? AND name=?", account, name) > 0
