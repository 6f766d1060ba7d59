"""Affiliations as SQL; the rules stand in services/affiliations.py."""

from collections.abc import Iterable
from datetime import date

from mailcore.domain import Affiliation
from mailcore.store.db import Row, Tx

_COLUMNS = "person,login,kinds,until,present"


def _affiliation(row: Row) -> Affiliation:
    return Affiliation(row[0], row[1], tuple(row[2].split()), date.fromisoformat(row[3]) if row[3] else None, bool(row[4]))


def of(tx: Tx, person: str) -> Affiliation | None:
    row = tx.row(f"SELECT {_COLUMNS} FROM affiliation WHERE person=?", person)  # noqa: S608
    return _affiliation(row) if row else None


def present(tx: Tx) -> set[str]:
    """Persons who were there at the last reading."""
    return {row[0] for row in tx.rows("SELECT person FROM affiliation WHERE present=1")}


def save(tx: Tx, found: Iterable[Affiliation], now: int) -> None:
    tx.many(
        "INSERT INTO affiliation (person,login,kinds,until,present,seen_at) VALUES (?,?,?,?,1,?)"
        " ON CONFLICT (person) DO UPDATE SET login=excluded.login, kinds=excluded.kinds, until=excluded.until,"
        " present=1, seen_at=excluded.seen_at, gone_at=NULL",
        [(a.person, a.login, " ".join(a.kinds), a.until.isoformat() if a.until else "", now) for a in found],
    )


def vanish(tx: Tx, persons: Iterable[str], now: int) -> None:
    tx.many("UPDATE affiliation SET present=0, gone_at=? WHERE person=?", [(now, person) for person in persons])
