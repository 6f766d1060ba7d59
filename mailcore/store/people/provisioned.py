"""Users and groups of the identity system, and tokens of its programs, as SQL."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mailcore.clock import to_time
from mailcore.store.engine.db import Row, Tx

_COLUMNS = "id,type,name,external,person,text,version,created_at,changed_at"


@dataclass(frozen=True, slots=True)
class Provisioned:
    """A user or a group as it was sent: `text` is JSON, `name` what must be unique among its `type`, in lower case."""

    id: str
    type: str
    name: str
    external: str
    person: str
    text: str
    version: int = 1
    created_at: int = 0
    changed_at: int = 0


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token without its secret; `scope` is what it opens."""

    id: int
    label: str
    scope: str
    created_at: datetime
    last_used_at: datetime | None


def _provisioned(row: Row) -> Provisioned:
    return Provisioned(*row)


def find_one(tx: Tx, type_: str, id_: str) -> Provisioned | None:
    row = tx.row(f"SELECT {_COLUMNS} FROM provisioned WHERE id=? AND type=?", id_, type_)  # noqa: S608
    return _provisioned(row) if row else None


def list_named(tx: Tx, type_: str, name: str) -> list[Provisioned]:
    rows = tx.rows(f"SELECT {_COLUMNS} FROM provisioned WHERE type=? AND name=? ORDER BY id", type_, name)  # noqa: S608
    return [_provisioned(row) for row in rows]


def list_external(tx: Tx, type_: str, external: str) -> list[Provisioned]:
    rows = tx.rows(f"SELECT {_COLUMNS} FROM provisioned WHERE type=? AND external=? ORDER BY id", type_, external)  # noqa: S608
    return [_provisioned(row) for row in rows]


def list_all(tx: Tx, type_: str) -> list[Provisioned]:
    return [_provisioned(row) for row in tx.rows(f"SELECT {_COLUMNS} FROM provisioned WHERE type=? ORDER BY id", type_)]  # noqa: S608


def list_persons(tx: Tx) -> set[str]:
    """Return the people of whom the identity system tells us."""
    return {row[0] for row in tx.rows("SELECT DISTINCT person FROM provisioned WHERE person<>''")}


def is_provisioned(tx: Tx, person: str) -> bool:
    return tx.row("SELECT 1 FROM provisioned WHERE person=? LIMIT 1", person) is not None


def save_one(tx: Tx, one: Provisioned) -> None:
    tx.run(
        f"INSERT INTO provisioned ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (id) DO UPDATE SET"  # noqa: S608
        " name=excluded.name, external=excluded.external, person=excluded.person, text=excluded.text,"
        " version=excluded.version, changed_at=excluded.changed_at",
        one.id,
        one.type,
        one.name,
        one.external,
        one.person,
        one.text,
        one.version,
        one.created_at,
        one.changed_at,
    )


def delete_one(tx: Tx, id_: str) -> None:
    tx.run("DELETE FROM provisioned_member WHERE group_id=? OR member=?", id_, id_)
    tx.run("DELETE FROM provisioned WHERE id=?", id_)


def list_members(tx: Tx, group: str) -> set[str]:
    return {row[0] for row in tx.rows("SELECT member FROM provisioned_member WHERE group_id=?", group)}


def save_members(tx: Tx, group: str, members: Iterable[str]) -> None:
    """Save who is in a group, by the difference to who was."""
    before, after = list_members(tx, group), set(members)
    gone, new = sorted(before - after), sorted(after - before)
    tx.many("DELETE FROM provisioned_member WHERE group_id=? AND member=?", [(group, member) for member in gone])
    tx.many("INSERT INTO provisioned_member (group_id,member) VALUES (?,?)", [(group, member) for member in new])


def list_groups_of(tx: Tx, member: str) -> list[str]:
    """Return the names of the groups that a user is in, as they were written."""
    rows = tx.rows(
        "SELECT p.name FROM provisioned_member m JOIN provisioned p ON p.id=m.group_id WHERE m.member=? ORDER BY p.name",
        member,
    )
    return [row[0] for row in rows]


# Tokens


def _token(row: Row) -> ApiToken:
    number, label, scope, created, used = row
    last = None if used is None else to_time(used)
    return ApiToken(number, label, scope, to_time(created), last)


def add_token(tx: Tx, label: str, hashed: str, scope: str, now: int) -> int:
    return tx.insert("INSERT INTO api_token (label,hash,scope,created_at) VALUES (?,?,?,?)", label, hashed, scope, now)


def find_token(tx: Tx, hashed: str) -> ApiToken | None:
    row = tx.row("SELECT id,label,scope,created_at,last_used_at FROM api_token WHERE hash=?", hashed)
    return _token(row) if row else None


def list_tokens(tx: Tx) -> list[ApiToken]:
    return [_token(row) for row in tx.rows("SELECT id,label,scope,created_at,last_used_at FROM api_token ORDER BY id")]


def mark_token_used(tx: Tx, token: int, now: int) -> None:
    tx.run("UPDATE api_token SET last_used_at=? WHERE id=?", now, token)


def delete_token(tx: Tx, token: int) -> bool:
    return tx.run("DELETE FROM api_token WHERE id=?", token) == 1


# Counts


def list_kinds(tx: Tx) -> list[tuple[str, int]]:
    """Return (kinds apart by spaces, how many people) of those who are at the university now."""
    return [
        (row[0], row[1]) for row in tx.rows("SELECT kinds,count(*) FROM affiliation WHERE present=1 GROUP BY kinds")
    ]


def count_states(tx: Tx) -> dict[str, int]:
    """Count accounts by their state."""
    return {row[0]: row[1] for row in tx.rows("SELECT state,count(*) FROM account GROUP BY state")}
