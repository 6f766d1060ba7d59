"""Addresses of accounts as SQL, tombstones among them.  Addresses come in lower case."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from mailcore.clock import to_time
from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx
from mailcore.store.people.skeleton import skeleton

SOME = 200  # values in one statement


@dataclass(frozen=True, slots=True)
class StoredAddress:
    """An address of an account; `removed_at` in seconds since 1970 where it takes no mail any more.

    `origin` is one of services/accounts/addresses.py (Origin).
    """

    id: int
    localpart: str
    domain: str
    origin: str
    created_at: int
    removed_at: int | None

    @property
    def spec(self) -> str:
        return f"{self.localpart}@{self.domain}"


def find_address_owner(tx: Tx, localpart: str, domain: str) -> AccountId | None:
    row = tx.row("SELECT account_id FROM address WHERE localpart=? AND domain=?", localpart, domain)
    return AccountId(row[0]) if row and row[0] is not None else None


def find_address_of_login(tx: Tx, name: str) -> AccountId | None:
    """Return whose address it is, with `@` and its domain, or the one account that has it as a local part at any domain."""
    localpart, at, domain = name.partition("@")
    rows = tx.rows(
        "SELECT DISTINCT account_id FROM address WHERE localpart=? AND (?='' OR domain=?) AND account_id IS NOT NULL LIMIT 2",
        localpart,
        at,
        domain,
    )
    return AccountId(rows[0][0]) if len(rows) == 1 else None


def was_ever_address(tx: Tx, localpart: str, domain: str) -> bool:
    """Is it, or was it ever, somebody's?"""
    return tx.row("SELECT 1 FROM address WHERE localpart=? AND domain=?", localpart, domain) is not None


def insert_address(tx: Tx, account: AccountId, localpart: str, domain: str, now: int, *, origin: str = "first") -> None:
    tx.run(
        "INSERT INTO address (localpart,domain,account_id,created_at,skeleton,origin) VALUES (?,?,?,?,?,?)",
        localpart,
        domain,
        account,
        now,
        skeleton(localpart),
        origin,
    )


def list_numbered_addresses(tx: Tx, account: AccountId) -> list[tuple[int, str]]:
    """Return the account's addresses with their numbers, which stay."""
    rows = tx.rows("SELECT id, localpart, domain FROM address WHERE account_id=? ORDER BY id", account)
    return [(number, f"{localpart}@{domain}") for number, localpart, domain in rows]


def list_addresses(tx: Tx, account: AccountId) -> list[str]:
    rows = tx.rows("SELECT localpart, domain FROM address WHERE account_id=? ORDER BY id", account)
    return [f"{localpart}@{domain}" for localpart, domain in rows]


def list_ended_addresses(tx: Tx, account: AccountId) -> list[str]:
    """Return the addresses that ended with their account, without those that were removed from it before."""
    rows = tx.rows("SELECT localpart, domain FROM address WHERE former=? AND removed_at IS NULL ORDER BY id", account)
    return [f"{localpart}@{domain}" for localpart, domain in rows]


_STORED = "id,localpart,domain,origin,created_at,removed_at"


def list_stored_addresses(tx: Tx, account: AccountId) -> list[StoredAddress]:
    """Return the account's addresses, and behind them those that were removed and are its alone for ever."""
    rows = tx.rows(
        f"SELECT {_STORED} FROM address WHERE account_id=? OR (former=? AND removed_at IS NOT NULL)"  # noqa: S608
        " ORDER BY removed_at IS NOT NULL, id",
        account,
        account,
    )
    return [StoredAddress(*row) for row in rows]


def remove_address(tx: Tx, account: AccountId, localpart: str, domain: str, now: int) -> bool:
    """Remove an address, which becomes a tombstone that only this account can have again."""
    return (
        tx.run(
            "UPDATE address SET former=account_id, account_id=NULL, removed_at=? WHERE account_id=? AND localpart=? AND domain=?",
            now,
            account,
            localpart,
            domain,
        )
        > 0
    )


def restore_address(tx: Tx, account: AccountId, localpart: str, domain: str) -> bool:
    """Give an account an address back that was removed from it."""
    return (
        tx.run(
            "UPDATE address SET account_id=former, former=NULL, removed_at=NULL"
            " WHERE former=? AND localpart=? AND domain=? AND removed_at IS NOT NULL AND account_id IS NULL",
            account,
            localpart,
            domain,
        )
        > 0
    )


def list_names_without(tx: Tx, domain: str) -> list[tuple[AccountId, str]]:
    """Return active accounts that have no address at a domain, with their user names."""
    rows = tx.rows(
        "SELECT a.id, a.name FROM account a WHERE a.state='active'"
        " AND NOT EXISTS (SELECT 1 FROM address d WHERE d.account_id=a.id AND d.domain=?) ORDER BY a.id",
        domain,
    )
    return [(AccountId(account), name) for account, name in rows]


# Requests to the desk


@dataclass(frozen=True, slots=True)
class AddressRequest:
    """`state` is waiting, approved or refused; `at` in seconds since 1970."""

    id: int
    account: AccountId
    localpart: str
    domain: str
    reason: str
    state: str
    at: int

    @property
    def spec(self) -> str:
        return f"{self.localpart}@{self.domain}"

    @property
    def asked_at(self) -> datetime:
        return to_time(self.at)


_REQUEST = "id,account_id,localpart,domain,reason,state,created_at"


def add_request(tx: Tx, account: AccountId, localpart: str, domain: str, reason: str, now: int) -> int:
    return tx.insert(
        "INSERT INTO address_request (account_id,localpart,domain,reason,state,created_at) VALUES (?,?,?,?,'waiting',?)",
        account,
        localpart,
        domain,
        reason,
        now,
    )


def find_request(tx: Tx, number: int) -> AddressRequest | None:
    row = tx.row(f"SELECT {_REQUEST} FROM address_request WHERE id=?", number)  # noqa: S608
    return AddressRequest(row[0], AccountId(row[1]), *row[2:]) if row else None


def list_waiting_requests(tx: Tx, account: AccountId | None = None) -> list[AddressRequest]:
    """Return the requests that wait for the desk: of all, or of one account."""
    rows = tx.rows(
        f"SELECT {_REQUEST} FROM address_request WHERE state='waiting'"  # noqa: S608
        " AND (CAST(? AS INTEGER) IS NULL OR account_id=?) ORDER BY id LIMIT 200",
        account,
        account,
    )
    return [AddressRequest(row[0], AccountId(row[1]), *row[2:]) for row in rows]


def is_requested(tx: Tx, localpart: str, domain: str, *, besides: AccountId) -> bool:
    """Has somebody else asked the desk for it?"""
    row = tx.row(
        "SELECT 1 FROM address_request WHERE localpart=? AND domain=? AND state='waiting' AND account_id<>?",
        localpart,
        domain,
        besides,
    )
    return row is not None


def decide_request(tx: Tx, number: int, state: str, now: int) -> bool:
    """Close a request; return False if it was decided already."""
    return (
        tx.run(
            "UPDATE address_request SET state=?, decided_at=?, reason='' WHERE id=? AND state='waiting'",
            state,
            now,
            number,
        )
        > 0
    )


# Changes of name


def find_name_change(tx: Tx, account: AccountId) -> str:
    """Return the name that the directory has given the owner since, or ""."""
    row = tx.row("SELECT name FROM name_change WHERE account_id=?", account)
    return str(row[0]) if row else ""


def save_name_change(tx: Tx, account: AccountId, name: str, now: int) -> None:
    tx.run(
        "INSERT INTO name_change (account_id,name,at) VALUES (?,?,?)"
        " ON CONFLICT (account_id) DO UPDATE SET name=excluded.name, at=excluded.at",
        account,
        name,
        now,
    )


def delete_name_change(tx: Tx, account: AccountId) -> None:
    tx.run("DELETE FROM name_change WHERE account_id=?", account)


def list_directory_names(tx: Tx, persons: Collection[str]) -> dict[str, str]:
    """Return the names of these people at the last reading of the directory, by person."""
    names: dict[str, str] = {}
    wanted = list(persons)
    for start in range(0, len(wanted), SOME):
        some = wanted[start : start + SOME]
        marks = ",".join("?" * len(some))
        names.update(tx.rows(f"SELECT person, name FROM affiliation WHERE name<>'' AND person IN ({marks})", *some))  # noqa: S608
    return names


def count_directory_names(tx: Tx) -> int:
    row = tx.row("SELECT count(*) FROM affiliation WHERE name<>''")
    return int(row[0]) if row else 0


def save_directory_names(tx: Tx, names: dict[str, str]) -> None:
    tx.many("UPDATE affiliation SET name=? WHERE person=?", [(name, person) for person, name in names.items()])
