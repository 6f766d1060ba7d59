"""Accounts as SQL.  Names come in lower case; who may have which stands in services/accounts."""

from collections.abc import Sequence

from mailcore.clock import to_time
from mailcore.domain import Account, AccountId, AccountState
from mailcore.errors import AccountNotFound
from mailcore.store.engine.db import Row, Tx

ACCOUNT_COLUMNS = "id,name,display_name,person,quota,used,language,contact,state,created_at,main_address,asleep_at"


def account_of(row: Row) -> Account:
    name, display_name, person, quota, used, language, contact = row[1:8]
    state, created_at, main = AccountState(row[8]), to_time(row[9]), row[10]
    return Account(
        AccountId(row[0]), name, display_name, person, quota, used, language, contact, state, created_at, main,
        row[11] is not None,
    )  # fmt: skip


def get_account(tx: Tx, account: AccountId) -> Account:
    """Return the account; raises AccountNotFound."""
    row = tx.row(f"SELECT {ACCOUNT_COLUMNS} FROM account WHERE id=?", account)  # noqa: S608
    if row is None:
        raise AccountNotFound("no such account")
    return account_of(row)


def find_account(tx: Tx, name: str) -> Account | None:
    row = tx.row(f"SELECT {ACCOUNT_COLUMNS} FROM account WHERE name=?", name)  # noqa: S608
    return account_of(row) if row else None


def find_account_of_person(tx: Tx, person: str) -> Account | None:
    row = tx.row(f"SELECT {ACCOUNT_COLUMNS} FROM account WHERE person=?", person)  # noqa: S608
    return account_of(row) if row else None


def count_by_tenth(tx: Tx) -> dict[int, int]:
    """Count active accounts with a quota by how many tenths of it are used; 10 is full and above."""
    rows = tx.rows(
        "SELECT CASE WHEN used>=quota THEN 10 ELSE used*10/quota END AS tenth, count(*) FROM account"
        " WHERE state='active' AND quota>0 GROUP BY tenth"
    )
    return {int(tenth): count for tenth, count in rows}


def find_used_names(tx: Tx, names: Sequence[str]) -> set[str]:
    """Return those that are the name of an account, or were ever an address."""
    if not names:
        return set()
    marks = ",".join("?" * len(names))
    rows = tx.rows(f"SELECT name FROM account WHERE name IN ({marks})", *names)  # noqa: S608
    rows += tx.rows(f"SELECT localpart FROM address WHERE localpart IN ({marks})", *names)  # noqa: S608
    return {row[0] for row in rows}


def find_used_persons(tx: Tx, persons: Sequence[str]) -> set[str]:
    """Return those that have an account."""
    marks = ",".join("?" * len(persons))
    rows = tx.rows(f"SELECT person FROM account WHERE person IN ({marks})", *persons) if persons else []  # noqa: S608
    return {row[0] for row in rows}


def list_accounts(tx: Tx) -> list[Account]:
    """Return all accounts by name; last the erased ones, of which nothing is left but a number."""
    sql = f"SELECT {ACCOUNT_COLUMNS} FROM account ORDER BY state='erased', name"  # noqa: S608
    return [account_of(row) for row in tx.rows(sql)]


def list_staff(tx: Tx) -> list[Account]:
    """Return the active accounts that have a role, by name."""
    sql = f"SELECT {ACCOUNT_COLUMNS} FROM account WHERE role<>'' AND state='active' ORDER BY name"  # noqa: S608
    return [account_of(row) for row in tx.rows(sql)]


def insert_account(
    tx: Tx,
    name: str,
    display_name: str,
    person: str | None,
    quota: int,
    language: str,
    contact: str,
    now: int,
) -> AccountId:
    return AccountId(
        tx.insert(
            "INSERT INTO account (name,display_name,person,quota,used,language,contact,state,role,created_at)"
            " VALUES (?,?,?,?,0,?,?,'active','',?)",
            name,
            display_name,
            person,
            quota,
            language,
            contact,
            now,
        )
    )


def save_quota(tx: Tx, account: AccountId, octets: int) -> None:
    tx.run("UPDATE account SET quota=? WHERE id=?", octets, account)


def save_person(tx: Tx, account: AccountId, person: str) -> None:
    tx.run("UPDATE account SET person=? WHERE id=?", person, account)


def save_language(tx: Tx, account: AccountId, language: str) -> None:
    tx.run("UPDATE account SET language=? WHERE id=?", language, account)


def save_contact(tx: Tx, account: AccountId, contact: str) -> None:
    tx.run("UPDATE account SET contact=? WHERE id=?", contact, account)


def save_main_address(tx: Tx, account: AccountId, address: str) -> None:
    tx.run("UPDATE account SET main_address=? WHERE id=?", address, account)


def save_display_name(tx: Tx, account: AccountId, name: str) -> None:
    tx.run("UPDATE account SET display_name=? WHERE id=?", name, account)


def get_role(tx: Tx, account: AccountId) -> str:
    row = tx.row("SELECT role FROM account WHERE id=?", account)
    return str(row[0]) if row else ""


def save_role(tx: Tx, account: AccountId, role: str) -> None:
    tx.run("UPDATE account SET role=? WHERE id=?", role, account)


def close_account(tx: Tx, account: AccountId, now: int) -> None:
    """Close the account: nothing opens it any more, and its addresses become tombstones."""
    tx.run("UPDATE account SET state='closed', closed_at=? WHERE id=?", now, account)
    tx.run("UPDATE address SET former=account_id, account_id=NULL WHERE account_id=?", account)
    tx.run("UPDATE forwarding SET state='off', token='' WHERE account_id=?", account)
    tx.run("UPDATE account SET epoch=epoch+1 WHERE id=?", account)
    for table in ("token", "web_session"):  # passwords stay until it is erased, for it may be opened again
        tx.run(f"DELETE FROM {table} WHERE account_id=?", account)  # noqa: S608
