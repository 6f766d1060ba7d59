"""One-time links as SQL: the hash of each token, and whose it is."""

from dataclasses import dataclass

from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx


@dataclass(frozen=True, slots=True)
class Token:
    """A one-time link; `expires_at` in seconds since 1970."""

    id: int
    account: AccountId
    purpose: str
    data: str
    expires_at: int
    used: bool


def save_token(tx: Tx, hashed: str, account: AccountId, purpose: str, data: str, expires_at: int) -> None:
    """Save a link; older ones for the same purpose are void."""
    tx.run("DELETE FROM token WHERE account_id=? AND purpose=?", account, purpose)
    tx.run(
        "INSERT INTO token (hash,account_id,purpose,data,expires_at) VALUES (?,?,?,?,?)",
        hashed,
        account,
        purpose,
        data,
        expires_at,
    )


def find_token(tx: Tx, hashed: str) -> Token | None:
    row = tx.row("SELECT id,account_id,purpose,data,expires_at,used_at FROM token WHERE hash=?", hashed)
    return Token(row[0], AccountId(row[1]), row[2], row[3], row[4], row[5] is not None) if row else None


def spend_token(tx: Tx, token: int, now: int) -> bool:
    """Spend a token; return True once only."""
    return tx.run("UPDATE token SET used_at=? WHERE id=? AND used_at IS NULL", now, token) == 1


def delete_tokens(tx: Tx, account: AccountId, purpose: str) -> None:
    tx.run("DELETE FROM token WHERE account_id=? AND purpose=?", account, purpose)
