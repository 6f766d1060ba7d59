"""The audit log as SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx


@dataclass(frozen=True, slots=True)
class AuditEntry:
    at: datetime
    account: AccountId | None
    actor: str
    event: str
    detail: str


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def insert_audit_entry(tx: Tx, account: AccountId | None, at: int, actor: str, event: str, detail: str) -> None:
    tx.run("INSERT INTO audit (account_id,at,actor,event,detail) VALUES (?,?,?,?,?)", account, at, actor, event, detail)


def list_audit_entries(tx: Tx, account: AccountId, limit: int) -> list[AuditEntry]:
    rows = tx.rows(
        "SELECT at,account_id,actor,event,detail FROM audit WHERE account_id=? ORDER BY id DESC LIMIT ?",
        account,
        limit,
    )
    return [AuditEntry(_at(row[0]), *row[1:]) for row in rows]


def list_accounts_without(tx: Tx, before: int, events: Sequence[str], limit: int) -> list[AccountId]:
    """Return the active accounts created before that time for which none of these events was noted since."""
    marks = ",".join("?" * len(events))
    told = f"SELECT 1 FROM audit u WHERE u.account_id=a.id AND u.at>=? AND u.event IN ({marks})"  # noqa: S608 - question marks
    rows = tx.rows(
        f"SELECT id FROM account a WHERE state='active' AND name<>'postmaster' AND created_at<? AND NOT EXISTS ({told}) LIMIT ?",  # noqa: S608
        before,
        before,
        *events,
        limit,
    )
    return [AccountId(row[0]) for row in rows]


def find_last_event(tx: Tx, account: AccountId, event: str) -> int | None:
    """Return when this last happened, in seconds since 1970, or None."""
    row = tx.row("SELECT max(at) FROM audit WHERE account_id=? AND event=?", account, event)
    return row[0] if row else None
