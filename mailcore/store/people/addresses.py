"""Addresses of accounts as SQL, tombstones among them.  Addresses come in lower case."""

from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx
from mailcore.store.people.skeleton import skeleton


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


def insert_address(tx: Tx, account: AccountId, localpart: str, domain: str, now: int) -> None:
    tx.run(
        "INSERT INTO address (localpart,domain,account_id,created_at,skeleton) VALUES (?,?,?,?,?)",
        localpart,
        domain,
        account,
        now,
        skeleton(localpart),
    )


def list_numbered_addresses(tx: Tx, account: AccountId) -> list[tuple[int, str]]:
    """Return the account's addresses with their numbers, which stay."""
    rows = tx.rows("SELECT id, localpart, domain FROM address WHERE account_id=? ORDER BY id", account)
    return [(number, f"{localpart}@{domain}") for number, localpart, domain in rows]


def list_addresses(tx: Tx, account: AccountId) -> list[str]:
    rows = tx.rows("SELECT localpart, domain FROM address WHERE account_id=? ORDER BY id", account)
    return [f"{localpart}@{domain}" for localpart, domain in rows]
