"""Messages that were not forwarded, until the next digest, as SQL."""

from dataclasses import dataclass

from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx


@dataclass(frozen=True, slots=True)
class HeldBack:
    at: int
    author: str
    subject: str
    reason: str


def save_held_back(tx: Tx, account: AccountId, held: HeldBack) -> None:
    tx.run(
        "INSERT INTO held_back (account_id,at,author,subject,reason) VALUES (?,?,?,?,?)",
        account,
        held.at,
        held.author[:200],
        held.subject[:200],
        held.reason,
    )


def list_with_held_back(tx: Tx, limit: int) -> list[AccountId]:
    return [
        AccountId(row[0])
        for row in tx.rows("SELECT DISTINCT account_id FROM held_back ORDER BY account_id LIMIT ?", limit)
    ]


def take_held_back(tx: Tx, account: AccountId) -> list[HeldBack]:
    """Return the messages held back, oldest first, and delete them."""
    rows = tx.rows("SELECT at,author,subject,reason FROM held_back WHERE account_id=? ORDER BY id", account)
    tx.run("DELETE FROM held_back WHERE account_id=?", account)
    return [HeldBack(*row) for row in rows]
