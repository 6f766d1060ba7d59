"""Beside the forwardings, as SQL: questions once a year, messages that were not forwarded, copies that may expire."""

from dataclasses import dataclass

from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx


def _accounts(rows: list[tuple[int]]) -> list[AccountId]:
    return [AccountId(row[0]) for row in rows]


# Questions


def list_to_ask(tx: Tx, confirmed_before: int, limit: int) -> list[AccountId]:
    return _accounts(
        tx.rows(
            "SELECT f.account_id FROM forwarding f JOIN account a ON a.id=f.account_id WHERE a.state='active'"
            " AND f.state IN ('healthy','failing') AND f.confirmed_at<=?"
            " AND NOT EXISTS (SELECT 1 FROM forwarding_question q WHERE q.account_id=f.account_id AND q.target=f.target)"
            " LIMIT ?",
            confirmed_before,
            limit,
        )
    )


def save_question(tx: Tx, account: AccountId, hashed: str, target: str, now: int) -> None:
    tx.run(
        "INSERT OR REPLACE INTO forwarding_question (account_id,hash,target,at) VALUES (?,?,?,?)",
        account,
        hashed,
        target,
        now,
    )


def find_question(tx: Tx, hashed: str) -> tuple[AccountId, str] | None:
    """Return the account and the target that were asked with this token."""
    row = tx.row("SELECT account_id, target FROM forwarding_question WHERE hash=?", hashed)
    return (AccountId(row[0]), row[1]) if row else None


def delete_question(tx: Tx, account: AccountId) -> None:
    tx.run("DELETE FROM forwarding_question WHERE account_id=?", account)


def list_unanswered(tx: Tx, before: int, limit: int) -> list[AccountId]:
    return _accounts(tx.rows("SELECT account_id FROM forwarding_question WHERE at<=? LIMIT ?", before, limit))


def list_leading_to(tx: Tx, target: str) -> list[AccountId]:
    return _accounts(
        tx.rows(
            "SELECT account_id FROM forwarding WHERE lower(target)=? AND state<>'off' ORDER BY account_id",
            target.lower(),
        )
    )


# What was kept back


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
    return _accounts(tx.rows("SELECT DISTINCT account_id FROM held_back ORDER BY account_id LIMIT ?", limit))


def take_held_back(tx: Tx, account: AccountId) -> list[HeldBack]:
    """Return the messages held back, oldest first, and delete them."""
    rows = tx.rows("SELECT at,author,subject,reason FROM held_back WHERE account_id=? ORDER BY id", account)
    tx.run("DELETE FROM held_back WHERE account_id=?", account)
    return [HeldBack(*row) for row in rows]


# Kept copies


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


def delete_copies(tx: Tx) -> int:
    """Delete the copies of messages that were removed or that somebody touched."""
    return tx.run(
        "DELETE FROM kept_copy WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.mailbox=kept_copy.mailbox"
        " AND m.uid=kept_copy.uid AND m.modseq=kept_copy.modseq)"
    )
