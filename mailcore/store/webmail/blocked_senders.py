"""Blocked senders of an account as SQL.  Addresses come in lower case."""

from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx


def list_blocked(tx: Tx, account: AccountId) -> list[str]:
    return [
        row[0] for row in tx.rows("SELECT address FROM blocked_sender WHERE account_id=? ORDER BY address", account)
    ]


def is_blocked(tx: Tx, account: AccountId, address: str) -> bool:
    """Is the address blocked, or everybody of its domain?"""
    domain = "@" + address.rpartition("@")[2]
    found = tx.row("SELECT 1 FROM blocked_sender WHERE account_id=? AND address IN (?,?)", account, address, domain)
    return found is not None


def save_blocked(tx: Tx, account: AccountId, address: str, now: int) -> None:
    tx.run(
        "INSERT INTO blocked_sender (account_id,address,added_at) VALUES (?,?,?) ON CONFLICT (account_id,address) DO NOTHING",
        account,
        address,
        now,
    )


def delete_blocked(tx: Tx, account: AccountId, address: str) -> None:
    tx.run("DELETE FROM blocked_sender WHERE account_id=? AND address=?", account, address)
