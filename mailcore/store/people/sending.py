"""Accounts that may not send, and their waiting mail."""

from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx


def get_reason(tx: Tx, account: AccountId) -> str:
    """Return the reason why the account may not send, or ""."""
    row = tx.row("SELECT reason FROM sending_hold WHERE account_id=?", account)
    return str(row[0]) if row else ""


def find_bar(tx: Tx, account: AccountId) -> tuple[str, bool]:
    """Return the reason why the account may not send, or "", and whether it sleeps or is closed."""
    row = tx.row(
        "SELECT h.reason, a.asleep_at, a.state FROM account a LEFT JOIN sending_hold h ON h.account_id=a.id WHERE a.id=?",
        account,
    )
    return (row[0] or "", row[1] is not None or row[2] != "active") if row else ("", True)


def hold_sending(tx: Tx, account: AccountId, why: str, now: int) -> int:
    """Keep the account from sending, and hold what it sent and waits; return how many items that are."""
    tx.run("INSERT INTO sending_hold (account_id,at,reason) VALUES (?,?,?) ON CONFLICT DO NOTHING", account, now, why)
    return tx.run(
        "UPDATE queue SET state='held' WHERE account_id=? AND origin='submission' AND state='waiting'", account
    )


def release_sending(tx: Tx, account: AccountId, now: int) -> int:
    """Let the account send again; return how many items go on."""
    tx.run("DELETE FROM sending_hold WHERE account_id=?", account)
    return tx.run(
        "UPDATE queue SET state='waiting', next_at=? WHERE account_id=? AND origin='submission' AND state='held'",
        now,
        account,
    )


def delete_held(tx: Tx, account: AccountId) -> int:
    """Delete what is held; return how many items that were."""
    items = tx.rows("SELECT id FROM queue WHERE account_id=? AND origin='submission' AND state='held'", account)
    tx.many("DELETE FROM attempt WHERE item=?", items)
    tx.many("DELETE FROM queue WHERE id=?", items)
    return len(items)
