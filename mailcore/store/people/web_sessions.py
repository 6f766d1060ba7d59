"""Sessions of the portal as rows.  The id in the table is a hash, so a copy of the database logs nobody in."""

from dataclasses import dataclass

from mailcore.domain import AccountId
from mailcore.store.engine.db import Row, Tx
from mailcore.store.people.credentials import raise_epoch
from mailcore.store.people.push_subscriptions import delete_subscriptions

_COLUMNS = "account_id,data,created_at,expires_at,source,place,agent,ended_at"


@dataclass(frozen=True, slots=True)
class WebSession:
    """`data` is the portal's own JSON; `source` is what proved the person; `ended_at`: when the tie behind it ended."""

    account: AccountId | None
    data: str
    created_at: int
    expires_at: int
    source: str = ""
    place: str = ""
    agent: str = ""
    ended_at: int | None = None
    handle: str = ""  # names it in lists


def _session(row: Row) -> WebSession:
    account, data, created, expires, source, place, agent, ended = row[:8]
    handle = row[8] if len(row) > 8 else ""
    return WebSession(
        AccountId(account) if account is not None else None, data, created, expires, source, place, agent, ended, handle
    )


def load_session(tx: Tx, hashed: str, now: int) -> WebSession | None:
    row = tx.row(f"SELECT {_COLUMNS} FROM web_session WHERE id=? AND expires_at>?", hashed, now)  # noqa: S608
    return _session(row) if row else None


def save_session(tx: Tx, hashed: str, session: WebSession) -> None:
    tx.run(
        f"INSERT INTO web_session (id,{_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?)"  # noqa: S608
        " ON CONFLICT (id) DO UPDATE SET account_id=excluded.account_id, data=excluded.data,"
        " expires_at=excluded.expires_at",
        hashed,
        session.account,
        session.data,
        session.created_at,
        session.expires_at,
        session.source,
        session.place,
        session.agent,
        session.ended_at,
    )


def update_session(tx: Tx, hashed: str, session: WebSession) -> bool:
    """Update the session; return False if it was ended meanwhile: a late answer must not bring it back."""
    return (
        tx.run(
            "UPDATE web_session SET data=?, expires_at=? WHERE id=? AND account_id IS NOT DISTINCT FROM ?",
            session.data,
            session.expires_at,
            hashed,
            session.account,
        )
        == 1
    )


def delete_session(tx: Tx, hashed: str) -> None:
    tx.run("DELETE FROM web_session WHERE id=?", hashed)


def delete_other_sessions(tx: Tx, account: AccountId, keep: str) -> int:
    """End all sessions of an account but one; return how many."""
    return tx.run("DELETE FROM web_session WHERE account_id=? AND id<>?", account, keep)


def end_access(tx: Tx, account: AccountId, keep: str = "") -> int:
    """End all sessions but one, all connections of mail programs and pushes to browsers; return how many sessions."""
    raise_epoch(tx, account)
    delete_subscriptions(tx, account)
    return delete_other_sessions(tx, account, keep)


def list_sessions(tx: Tx, account: AccountId, now: int) -> list[WebSession]:
    rows = tx.rows(
        f"SELECT {_COLUMNS},substr(id,1,16) FROM web_session WHERE account_id=? AND expires_at>? ORDER BY created_at DESC",  # noqa: S608
        account,
        now,
    )
    return [_session(row) for row in rows]


def delete_named_session(tx: Tx, account: AccountId, handle: str) -> bool:
    return tx.run("DELETE FROM web_session WHERE account_id=? AND substr(id,1,16)=?", account, handle) > 0


def list_by_source(tx: Tx, source: str, now: int) -> set[AccountId]:
    """Return the accounts that are open by it, as long as the tie stands."""
    rows = tx.rows(
        "SELECT DISTINCT account_id FROM web_session WHERE source=? AND ended_at IS NULL AND account_id IS NOT NULL"
        " AND expires_at>?",
        source,
        now,
    )
    return {AccountId(row[0]) for row in rows}


def mark_session_ended(tx: Tx, account: AccountId, source: str, now: int) -> None:
    tx.run(
        "UPDATE web_session SET ended_at=? WHERE account_id=? AND source=? AND ended_at IS NULL", now, account, source
    )


def settle_session(tx: Tx, hashed: str, source: str) -> None:
    """Note that the person proved to be it by another password: the end of the tie is no matter any more."""
    tx.run("UPDATE web_session SET source=?, ended_at=NULL WHERE id=?", source, hashed)


def delete_expired(tx: Tx, now: int, ended_before: int = 0) -> None:
    tx.run("DELETE FROM web_session WHERE expires_at<=? OR ended_at<=?", now, ended_before)
