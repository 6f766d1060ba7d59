"""What delivery asks of the database beside mail itself: room, forwarding, vacation memory, the Delivery record."""

import secrets

from mailcore.domain import AccountId
from mailcore.store.db import Tx


def room(tx: Tx, account: AccountId) -> tuple[int, int]:
    """Octets used and allowed (0 = unlimited)."""
    row = tx.row("SELECT used, quota FROM account WHERE id=?", account)
    return (row[0], row[1]) if row else (0, 0)


def is_forwarding(tx: Tx, account: AccountId) -> bool:
    """Does a confirmed forwarding take the mail on at present?"""
    return tx.row("SELECT 1 FROM forwarding WHERE account_id=? AND state IN ('healthy','failing')", account) is not None


def was_answered(tx: Tx, account: AccountId, handle: str, sender: str, since: int) -> bool:
    """Has this sender had this vacation reply after `since` (RFC 5230 section 4.2)?"""
    return (
        tx.row(
            "SELECT 1 FROM vacation_memory WHERE account_id=? AND handle=? AND sender=? AND at>?",
            account, handle, sender, since,
        ) is not None
    )  # fmt: skip


def remember_answer(tx: Tx, account: AccountId, handle: str, sender: str, now: int) -> None:
    tx.run("DELETE FROM vacation_memory WHERE account_id=? AND handle=? AND sender=?", account, handle, sender)
    tx.run(
        "INSERT INTO vacation_memory (account_id,handle,sender,at) VALUES (?,?,?,?)", account, handle, sender, now
    )


def record(tx: Tx, account: AccountId, now: int, sender: str, address: str, outcome: str, detail: str) -> None:
    tx.run(
        "INSERT INTO delivery (account,at,sender,address,outcome,detail,blob) VALUES (?,?,?,?,?,?,0)",
        account, now, sender, address, outcome, detail,
    )  # fmt: skip


def secret(tx: Tx, key: str) -> bytes:
    """A random value that belongs to this installation, made when first asked for (needs a write)."""
    row = tx.row("SELECT value FROM setting WHERE key=?", key)
    if row:
        return bytes.fromhex(row[0])
    value = secrets.token_bytes(32)
    tx.run("INSERT INTO setting (key,value) VALUES (?,?)", key, value.hex())
    return value
