"""Room as SQL: what owners were warned of, and what was lent to them until when."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailcore.clock import to_time
from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx
from mailcore.store.engine.portions import Portion


@dataclass(frozen=True, slots=True)
class Warned:
    """`level` in percent, 0 = of nothing; `refused` is the percentage at which mail was refused, None = none lately."""

    level: int = 0
    refused: int | None = None


class ExtraKind(StrEnum):
    """Kind of an Extra: a loan that the owner took, or a grant of the help desk."""

    LOAN = "loan"
    GRANT = "grant"


@dataclass(frozen=True, slots=True)
class Extra:
    """Octets above the quota until a time."""

    id: int
    account: AccountId
    kind: ExtraKind
    octets: int
    at: datetime
    until: datetime


def get_warned(tx: Tx, account: AccountId) -> Warned:
    row = tx.row("SELECT level, refused_percent FROM quota_state WHERE account_id=?", account)
    return Warned(row[0], row[1]) if row else Warned()


def save_warned(tx: Tx, account: AccountId, state: Warned) -> None:
    tx.run(
        "INSERT INTO quota_state (account_id,level,refused_percent) VALUES (?,?,?) ON CONFLICT (account_id)"
        " DO UPDATE SET level=excluded.level, refused_percent=excluded.refused_percent",
        account,
        state.level,
        state.refused,
    )


def list_to_warn(tx: Tx, percent: int, portion: Portion) -> list[AccountId]:
    """Return the accounts of that portion that are this full, and all that were warned; nobody else needs a notice."""
    rows = tx.rows(
        "SELECT id FROM account WHERE id>? AND id<=? AND state='active' AND quota>0 AND used*100>=quota*?"
        " UNION SELECT a.id FROM quota_state s JOIN account a ON a.id=s.account_id"
        " WHERE (s.level>0 OR s.refused_percent IS NOT NULL) AND a.state='active'",
        portion.after,
        portion.until,
        percent,
    )
    return [AccountId(row[0]) for row in rows]


_EXTRA = "id,account_id,kind,octets,at,until"


def _extra(row: tuple[int, int, str, int, int, int]) -> Extra:
    return Extra(
        row[0],
        AccountId(row[1]),
        ExtraKind(row[2]),
        row[3],
        to_time(row[4]),
        to_time(row[5]),
    )


def add_extra(tx: Tx, account: AccountId, kind: ExtraKind, octets: int, now: int, until: int) -> None:
    tx.run("UPDATE account SET quota=quota+? WHERE id=?", octets, account)
    tx.run(
        "INSERT INTO quota_extra (account_id,kind,octets,at,until) VALUES (?,?,?,?,?)",
        account,
        kind,
        octets,
        now,
        until,
    )


def find_last_extra(tx: Tx, account: AccountId, kind: ExtraKind) -> Extra | None:
    row = tx.row(
        f"SELECT {_EXTRA} FROM quota_extra WHERE account_id=? AND kind=? ORDER BY id DESC LIMIT 1",  # noqa: S608
        account,
        kind,
    )
    return _extra(row) if row else None


def list_running(tx: Tx, account: AccountId) -> list[Extra]:
    rows = tx.rows(f"SELECT {_EXTRA} FROM quota_extra WHERE account_id=? AND ended_at IS NULL ORDER BY until", account)  # noqa: S608
    return [_extra(row) for row in rows]


def list_due(tx: Tx, now: int) -> list[Extra]:
    rows = tx.rows(f"SELECT {_EXTRA} FROM quota_extra WHERE ended_at IS NULL AND until<=? ORDER BY id", now)  # noqa: S608
    return [_extra(row) for row in rows]


def take_back(tx: Tx, extra: Extra, now: int) -> bool:
    """Take the extra room back; return False if it was taken back before."""
    if not tx.run("UPDATE quota_extra SET ended_at=? WHERE id=? AND ended_at IS NULL", now, extra.id):
        return False
    tx.run("UPDATE account SET quota=MAX(1,quota-?) WHERE id=?", extra.octets, extra.account)
    return True


def end_running(tx: Tx, account: AccountId, now: int) -> None:
    """End what was lent on the account's old quota, which was set anew."""
    tx.run("UPDATE quota_extra SET ended_at=? WHERE account_id=? AND ended_at IS NULL", now, account)


def get_space(tx: Tx, account: AccountId) -> tuple[int, int]:
    """Return the octets used and allowed (0 = unlimited)."""
    row = tx.row("SELECT used, quota FROM account WHERE id=?", account)
    return (row[0], row[1]) if row else (0, 0)
