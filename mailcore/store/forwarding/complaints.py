"""Complaints about forwarded mail, as SQL; each names the envelope sender of one message."""

from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx


def add_complaint(tx: Tx, account: AccountId, token: str, now: int) -> bool:
    """Count a complaint; False where it was counted before."""
    sql = "INSERT INTO complaint (token,account_id,at) VALUES (?,?,?) ON CONFLICT (token) DO NOTHING"
    return bool(tx.run(sql, token, account, now))


def count_complaints(tx: Tx, account: AccountId, since: int) -> int:
    row = tx.row("SELECT COUNT(*) FROM complaint WHERE account_id=? AND at>=?", account, since)
    return int(row[0]) if row else 0


def delete_complaints(tx: Tx, before: int) -> int:
    return tx.run("DELETE FROM complaint WHERE at<?", before)
