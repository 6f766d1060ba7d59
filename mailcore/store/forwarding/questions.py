"""Questions to the targets of forwardings, once a year, as SQL."""

from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx


def _accounts(rows: list[tuple[int]]) -> list[AccountId]:
    return [AccountId(row[0]) for row in rows]


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
        "INSERT INTO forwarding_question (account_id,hash,target,at) VALUES (?,?,?,?)"
        " ON CONFLICT (account_id) DO UPDATE SET hash=excluded.hash, target=excluded.target, at=excluded.at",
        account,
        hashed,
        target,
        now,
    )


def find_asked_target(tx: Tx, hashed: str) -> tuple[AccountId, str] | None:
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
