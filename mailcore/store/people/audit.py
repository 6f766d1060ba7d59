"""The audit log as SQL."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mailcore.clock import to_time
from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx


@dataclass(frozen=True, slots=True)
class AuditEntry:
    at: datetime
    account: AccountId | None
    actor: str
    event: str
    detail: str


def insert_audit_entry(tx: Tx, account: AccountId | None, at: int, actor: str, event: str, detail: str) -> None:
    tx.run("INSERT INTO audit (account_id,at,actor,event,detail) VALUES (?,?,?,?,?)", account, at, actor, event, detail)


def list_audit_entries(tx: Tx, account: AccountId, limit: int) -> list[AuditEntry]:
    rows = tx.rows(
        "SELECT at,account_id,actor,event,detail FROM audit WHERE account_id=? ORDER BY id DESC LIMIT ?",
        account,
        limit,
    )
    return [AuditEntry(to_time(row[0]), *row[1:]) for row in rows]


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Conditions of the entries that are wanted; an empty one does not count.

    `since` and `until` in seconds since 1970, `until` exclusive.
    """

    actor: str = ""
    event: str = ""
    account: str = ""
    since: int = 0
    until: int = 0


@dataclass(frozen=True, slots=True)
class AuditLine:
    """An entry with its number and the user name of its account, "" where it has none."""

    id: int
    name: str
    entry: AuditEntry


def search_audit_entries(tx: Tx, wanted: AuditFilter, before: int, limit: int) -> list[AuditLine]:
    """Return entries of all accounts and of none, newest first; `before` an entry's number, 0 = from the newest."""
    conditions: list[tuple[str, str | int]] = [
        ("u.id<?", before),
        ("u.actor=?", wanted.actor),
        ("u.event=?", wanted.event),
        ("a.name=?", wanted.account),
        ("u.at>=?", wanted.since),
        ("u.at<?", wanted.until),
    ]
    asked = [(sql, value) for sql, value in conditions if value]
    where = " AND ".join(sql for sql, _ in asked) or "1=1"
    rows = tx.rows(
        "SELECT u.id, a.name, u.at, u.account_id, u.actor, u.event, u.detail FROM audit u"  # noqa: S608 - conditions from above
        f" LEFT JOIN account a ON a.id=u.account_id WHERE {where} ORDER BY u.id DESC LIMIT ?",
        *[value for _, value in asked],
        limit,
    )
    return [AuditLine(row[0], row[1] or "", AuditEntry(to_time(row[2]), *row[3:])) for row in rows]


def take_untold(tx: Tx, event: str, actor: str) -> list[str]:
    """Return the details of events of nobody's account that have no actor yet, and give them one."""
    rows = tx.rows("SELECT id,detail FROM audit WHERE account_id IS NULL AND event=? AND actor='' ORDER BY id", event)
    for number, _ in rows:
        tx.run("UPDATE audit SET actor=? WHERE id=?", actor, number)
    return [detail for _, detail in rows]


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
