"""Affiliations as SQL; the rules stand in services/accounts/affiliations.py and services/accounts/leaving.py."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from mailcore.domain import AccountId, Affiliation
from mailcore.store.engine.db import Row, Tx

_COLUMNS = "person,login,kinds,until,present,blocked,returned,checked_at"


def _affiliation(row: Row) -> Affiliation:
    person, login, kinds, until, present, blocked, returned, checked = row
    day = date.fromisoformat(until) if until else None
    return Affiliation(person, login, tuple(kinds.split()), day, bool(present), bool(blocked), bool(returned), checked)


def find_affiliation(tx: Tx, person: str) -> Affiliation | None:
    row = tx.row(f"SELECT {_COLUMNS} FROM affiliation WHERE person=?", person)  # noqa: S608
    return _affiliation(row) if row else None


def list_present(tx: Tx) -> dict[str, Affiliation]:
    """Return the people who were in the directory at the last reading, by person."""
    return {row[0]: _affiliation(row) for row in tx.rows(f"SELECT {_COLUMNS} FROM affiliation WHERE present=1")}  # noqa: S608


def list_vanished(tx: Tx, since: int) -> tuple[int, int]:
    """Count the people who left the directory since then, and those who are in it."""
    gone = tx.row("SELECT count(*) FROM affiliation WHERE present=0 AND gone_at>?", since)
    there = tx.row("SELECT count(*) FROM affiliation WHERE present=1")
    return (gone[0] if gone else 0), (there[0] if there else 0)


def save_affiliations(tx: Tx, found: Iterable[Affiliation], now: int, gone_before: int = 0) -> None:
    """Save people of the directory; mark those absent since before `gone_before` as returned, to be confirmed."""
    tx.many(
        "INSERT INTO affiliation (person,login,kinds,until,present,blocked,seen_at,checked_at) VALUES (?,?,?,?,1,?,?,?)"
        " ON CONFLICT (person) DO UPDATE SET login=excluded.login, kinds=excluded.kinds, until=excluded.until,"
        " blocked=excluded.blocked,"
        " returned=CASE WHEN affiliation.gone_at<? THEN 1 ELSE affiliation.returned END, present=1, seen_at=excluded.seen_at,"
        " checked_at=excluded.checked_at, gone_at=NULL",
        [
            (
                a.person,
                a.login,
                " ".join(a.kinds),
                a.until.isoformat() if a.until else "",
                a.blocked,
                now,
                now,
                gone_before,
            )
            for a in found
        ],
    )


def mark_vanished(tx: Tx, persons: Iterable[str], now: int) -> None:
    tx.many(
        "UPDATE affiliation SET present=0, checked_at=?, gone_at=COALESCE(gone_at,?) WHERE person=?",
        [(now, now, person) for person in persons],
    )


def confirm_return(tx: Tx, person: str) -> bool:
    return tx.run("UPDATE affiliation SET returned=0 WHERE person=? AND returned<>0", person) == 1


# Who leaves


@dataclass(frozen=True, slots=True)
class Leaver:
    """An account whose tie to the university ends, or of which no end is known (`until` None).

    `chosen`: there is an alumni password; `used`: somebody has logged in by it.  `told` is the last step that was reminded
    of, `told_at` when, in seconds; `codes` counts the recovery codes that are left.
    """

    account: AccountId
    name: str
    person: str
    until: date | None
    present: bool
    chosen: bool
    used: bool
    verified: bool
    codes: int
    told: str
    told_at: int
    gone_at: int | None


_LEAVER = (
    "SELECT a.id, a.name, a.person, f.until, f.present, c.id IS NOT NULL, c.last_used_at IS NOT NULL,"
    " EXISTS (SELECT 1 FROM reach k WHERE k.account_id=a.id),"
    " (SELECT count(*) FROM recovery_code r WHERE r.account_id=a.id AND r.used_at IS NULL),"
    " COALESCE(l.step,''), COALESCE(l.told_at,0), f.gone_at"
    " FROM account a JOIN affiliation f ON f.person=a.person"
    " LEFT JOIN credential c ON c.account_id=a.id AND c.kind='password' LEFT JOIN leaving l ON l.account_id=a.id"
    " WHERE a.state='active'"
)


def _leaver(row: Row) -> Leaver:
    account, name, person, until, present, chosen, used, verified, codes, told, told_at, gone = row
    return Leaver(
        AccountId(account),
        name,
        person,
        date.fromisoformat(until) if until else None,
        bool(present),
        bool(chosen),
        bool(used),
        bool(verified),
        codes,
        told,
        told_at,
        gone,
    )


def list_leavers(tx: Tx, *, until: date, after: AccountId | None = None, limit: int = 500) -> list[Leaver]:
    """Return leavers without an alumni password in use whose tie is over by that day; in order of accounts."""
    rows = tx.rows(
        f"{_LEAVER} AND (c.id IS NULL OR c.last_used_at IS NULL) AND a.id>?"
        " AND (f.present=0 OR (f.until<>'' AND f.until<=?)) ORDER BY a.id LIMIT ?",
        after or 0,
        until.isoformat(),
        limit,
    )
    return [_leaver(row) for row in rows]


def list_without_end(tx: Tx, *, told_before: int, after: AccountId | None = None, limit: int = 500) -> list[Leaver]:
    """Return leavers without an alumni password in use, present, of whom no end is known, not reminded since then."""
    rows = tx.rows(
        f"{_LEAVER} AND (c.id IS NULL OR c.last_used_at IS NULL) AND a.id>?"
        " AND f.present=1 AND f.until='' AND COALESCE(l.told_at,0)<? ORDER BY a.id LIMIT ?",
        after or 0,
        told_before,
        limit,
    )
    return [_leaver(row) for row in rows]


def list_unreachable(
    tx: Tx, *, until: date, told_before: int, after: AccountId | None = None, limit: int = 500
) -> list[Leaver]:
    """Return leavers who lack only a verified contact address, whose tie is over by that day or at an unknown one."""
    rows = tx.rows(
        f"{_LEAVER} AND c.last_used_at IS NOT NULL AND a.id>?"  # noqa: S608 - no value in it
        " AND NOT EXISTS (SELECT 1 FROM reach k WHERE k.account_id=a.id) AND (f.present=0 OR f.until<=?)"
        " AND (l.step IS NULL OR l.step<>'contact' OR l.told_at<?) ORDER BY a.id LIMIT ?",
        after or 0,
        until.isoformat(),
        told_before,
        limit,
    )
    return [_leaver(row) for row in rows]


def list_without_codes(
    tx: Tx, *, until: date, told_before: int, after: AccountId | None = None, limit: int = 500
) -> list[Leaver]:
    """Return leavers who lack only printed recovery codes, whose tie is over by that day."""
    rows = tx.rows(
        f"{_LEAVER} AND c.last_used_at IS NOT NULL AND a.id>?"  # noqa: S608 - no value in it
        " AND EXISTS (SELECT 1 FROM reach k WHERE k.account_id=a.id)"
        " AND NOT EXISTS (SELECT 1 FROM recovery_code r WHERE r.account_id=a.id AND r.used_at IS NULL)"
        " AND (f.present=0 OR (f.until<>'' AND f.until<=?)) AND (l.step IS NULL OR l.step<>'codes' OR l.told_at<?)"
        " ORDER BY a.id LIMIT ?",
        after or 0,
        until.isoformat(),
        told_before,
        limit,
    )
    return [_leaver(row) for row in rows]


def find_leaver(tx: Tx, account: AccountId) -> Leaver | None:
    row = tx.row(f"{_LEAVER} AND a.id=?", account)
    return _leaver(row) if row else None


def save_reminder(tx: Tx, accounts: Sequence[AccountId], step: str, now: int) -> None:
    tx.many(
        "INSERT INTO leaving (account_id,step,told_at) VALUES (?,?,?)"
        " ON CONFLICT (account_id) DO UPDATE SET step=excluded.step, told_at=excluded.told_at",
        [(account, step, now) for account in accounts],
    )
