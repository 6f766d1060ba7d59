"""Automatic replies that were sent, as SQL: nobody has the same one twice within its days (RFC 5230 section 4.2)."""

from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx


def was_answered(tx: Tx, account: AccountId, handle: str, sender: str, since: int) -> bool:
    """Has this sender had this vacation reply after `since` (RFC 5230 section 4.2)?"""
    return (
        tx.row(
            "SELECT 1 FROM vacation_memory WHERE account_id=? AND handle=? AND sender=? AND at>?",
            account,
            handle,
            sender,
            since,
        )
        is not None
    )


def save_answer(tx: Tx, account: AccountId, handle: str, sender: str, now: int) -> None:
    tx.run("DELETE FROM vacation_memory WHERE account_id=? AND handle=? AND sender=?", account, handle, sender)
    tx.run("INSERT INTO vacation_memory (account_id,handle,sender,at) VALUES (?,?,?,?)", account, handle, sender, now)
