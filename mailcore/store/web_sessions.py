"""Sessions of the portal as rows.  The id in the table is a hash, so a copy of the database logs nobody in."""

from dataclasses import dataclass

from mailcore.domain import AccountId
from mailcore.store.db import Tx


@dataclass(frozen=True, slots=True)
class WebSession:
    """`data` is the portal's own JSON."""

    account: AccountId | None
    data: str
    created_at: int
    expires_at: int


def load(tx: Tx, hashed: str, now: int) -> WebSession | None:
    row = tx.row(
        "SELECT account_id,data,created_at,expires_at FROM web_session WHERE id=? AND expires_at>?", hashed, now
    )
    return WebSession(AccountId(row[0]) if row[0] is not None else None, *row[1:]) if row else None


def save(tx: Tx, hashed: str, session: WebSession) -> None:
    tx.run(
        "INSERT INTO web_session (id,account_id,data,created_at,expires_at) VALUES (?,?,?,?,?)"
        " ON CONFLICT (id) DO UPDATE SET account_id=excluded.account_id, data=excluded.data,"
        " expires_at=excluded.expires_at",
        hashed, session.account, session.data, session.created_at, session.expires_at,
    )  # fmt: skip


def update(tx: Tx, hashed: str, session: WebSession) -> bool:
    """False if the session was ended meanwhile: a late answer must not bring it back."""
    return (
        tx.run(
            "UPDATE web_session SET data=?, expires_at=? WHERE id=? AND account_id IS ?",
            session.data, session.expires_at, hashed, session.account,
        ) == 1
    )  # fmt: skip


def delete(tx: Tx, hashed: str) -> None:
    tx.run("DELETE FROM web_session WHERE id=?", hashed)


def delete_others(tx: Tx, account: AccountId, keep: str) -> None:
    tx.run("DELETE FROM web_session WHERE account_id=? AND id<>?", account, keep)


def sweep(tx: Tx, now: int) -> None:
    tx.run("DELETE FROM web_session WHERE expires_at<=?", now)
