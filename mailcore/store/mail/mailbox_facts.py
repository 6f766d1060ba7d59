"""Rarely asked facts of mailboxes, and subscriptions to names that no mailbox has any more."""

from mailcore.domain import AccountId, Mailbox, MailboxId
from mailcore.store.engine.db import Statement, Tx
from mailcore.store.mail import flags


def count_deleted(tx: Tx, mailbox: MailboxId) -> tuple[int, int]:
    """Count the \\Deleted messages, and their octets (RFC 9208 section 4.1.4)."""
    row = tx.row(
        "SELECT count(*), COALESCE(sum(size),0) FROM message WHERE mailbox=? AND flags&?<>0", mailbox, flags.DELETED
    )
    return (row[0], row[1]) if row else (0, 0)


def count_recent(tx: Tx, mailbox: Mailbox) -> int:
    """Count the messages that no session has claimed as \\Recent."""
    if mailbox.recent >= mailbox.uidnext:
        return 0
    row = tx.row("SELECT count(*) FROM message WHERE mailbox=? AND uid>=?", mailbox.id, mailbox.recent)
    return row[0] if row else 0


def claim_recent(tx: Tx, mailbox: MailboxId, before: int) -> int:
    """Claim the messages below the uid `before`; gives the first that was still to be claimed."""
    row = tx.row("SELECT recent FROM mailbox WHERE id=?", mailbox)
    mark = row[0] if row else before
    if mark < before:
        tx.run_later("UPDATE mailbox SET recent=? WHERE id=?", before, mailbox)
    return mark


def set_special_use(tx: Tx, account: AccountId, mailbox: MailboxId, use: str) -> None:
    """Give the use (RFC 6154) to this mailbox alone; "" takes it away."""
    if use:
        tx.run("UPDATE mailbox SET special_use='' WHERE account_id=? AND special_use=?", account, use)
    tx.run("UPDATE mailbox SET special_use=? WHERE id=?", use, mailbox)


# A subscription outlives its mailbox (RFC 9051 section 6.3.7).


def list_lost_subscriptions(tx: Tx, account: AccountId) -> list[str]:
    return [row[0] for row in tx.rows("SELECT name FROM lost_subscription WHERE account_id=? ORDER BY name", account)]


def add_lost_subscription(tx: Tx, account: AccountId, name: str) -> None:
    tx.run_later("INSERT INTO lost_subscription (account_id,name) VALUES (?,?) ON CONFLICT DO NOTHING", account, name)


def ask_to_delete_lost_subscription(account: AccountId, name: str) -> Statement:
    """Return what to ask for it (`Tx.ask`); it is answered by a row if there was one."""
    return "DELETE FROM lost_subscription WHERE account_id=? AND name=? RETURNING name", (account, name)


def forget_lost_subscription(tx: Tx, account: AccountId, name: str) -> None:
    tx.run_later("DELETE FROM lost_subscription WHERE account_id=? AND name=?", account, name)
