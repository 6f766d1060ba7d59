"""Local copies of forwarded messages, which may expire, as SQL."""

from collections.abc import Sequence

from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx


def save_copy(tx: Tx, account: AccountId, mailbox: int, uid: int, content: bytes, now: int) -> None:
    tx.run(
        "INSERT INTO kept_copy (account_id,mailbox,uid,modseq,content,at)"
        " SELECT ?,mailbox,uid,modseq,?,? FROM message WHERE mailbox=? AND uid=?",
        account,
        content,
        now,
        mailbox,
        uid,
    )


def list_rolling(tx: Tx) -> list[tuple[AccountId, int]]:
    """Return the accounts whose forwarded copies expire, and after how many days."""
    rows = tx.rows(
        "SELECT f.account_id, f.rolling_days FROM forwarding f JOIN account a ON a.id=f.account_id"
        " WHERE f.rolling_days>0 AND f.state<>'off' AND a.state='active'"
    )
    return [(AccountId(row[0]), int(row[1])) for row in rows]


def list_expired_copies(tx: Tx, account: AccountId, before: int, limit: int) -> list[tuple[int, int]]:
    """Return mailbox and uid of copies that nobody touched since they came and that the target's server took."""
    return [
        (row[0], row[1])
        for row in tx.rows(
            "SELECT m.mailbox, m.uid FROM kept_copy k JOIN message m ON m.mailbox=k.mailbox AND m.uid=k.uid"
            " AND m.modseq=k.modseq AND m.flags=0 AND m.keywords='' WHERE k.account_id=? AND k.at<=?"
            " AND EXISTS (SELECT 1 FROM onward o WHERE o.account_id=k.account_id AND o.content=k.content AND o.state='delivered')"
            " LIMIT ?",
            account,
            before,
            limit,
        )
    ]


_TOUCHED = (
    "NOT EXISTS (SELECT 1 FROM message m WHERE m.mailbox=kept_copy.mailbox AND m.uid=kept_copy.uid"
    " AND m.modseq=kept_copy.modseq)"
)


def list_touched(tx: Tx) -> list[int]:
    """Return the copies of messages that were removed or that somebody touched; this walks through all copies."""
    return [row[0] for row in tx.rows(f"SELECT id FROM kept_copy WHERE {_TOUCHED}")]  # noqa: S608


def delete_touched(tx: Tx, copies: Sequence[int]) -> None:
    """Forget these of them."""
    tx.many(f"DELETE FROM kept_copy WHERE id=? AND {_TOUCHED}", [(copy,) for copy in copies])  # noqa: S608
