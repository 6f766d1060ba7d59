"""Tokens of SRS and the senders they stand for, as SQL."""

from dataclasses import dataclass

from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx


@dataclass(frozen=True, slots=True)
class Return:
    """A forwarded message whose report may come back; `content` as in ReturnRow."""

    token: str
    account: AccountId
    sender: str
    target: str
    content: bytes


def save_return(tx: Tx, found: Return, now: int) -> None:
    tx.run(
        "INSERT INTO srs_return (token,account_id,sender,target,content,at) VALUES (?,?,?,?,?,?)"
        " ON CONFLICT (token) DO UPDATE SET account_id=excluded.account_id, sender=excluded.sender,"
        " target=excluded.target, content=excluded.content, at=excluded.at",
        found.token,
        found.account,
        found.sender,
        found.target,
        found.content,
        now,
    )


def find_return(tx: Tx, token: str, since: int) -> Return | None:
    row = tx.row("SELECT account_id,sender,target,content FROM srs_return WHERE token=? AND at>=?", token, since)
    return Return(token, AccountId(row[0]), row[1], row[2], bytes(row[3])) if row else None


def delete_return(tx: Tx, token: str) -> None:
    tx.run("DELETE FROM srs_return WHERE token=?", token)


def delete_returns(tx: Tx, before: int) -> int:
    return tx.run("DELETE FROM srs_return WHERE at<?", before)
