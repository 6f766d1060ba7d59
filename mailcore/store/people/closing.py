"""Closing, undoing and erasing accounts as SQL; the rules stand in services/accounts/closing.py."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx

if TYPE_CHECKING:
    from mailcore.store.schema.erasure import Statement


@cache
def _erasing_statements() -> "list[Statement]":
    """Read the models when an account is erased: a MiB in each process otherwise, for a job of the night."""
    from mailcore.store.schema import erasure, tables

    return erasure.erasing_statements(tables.all_models())


@dataclass(frozen=True, slots=True)
class Closing:
    """Times in seconds since 1970."""

    account: AccountId
    closed_at: int
    new_address: str
    forwarding: bool
    erased_at: int | None


def save_closing(tx: Tx, account: AccountId, now: int, new_address: str, *, forwarding: bool) -> None:
    tx.run(
        "INSERT INTO closing (account_id,closed_at,new_address,forwarding) VALUES (?,?,?,?)"
        " ON CONFLICT (account_id) DO UPDATE SET closed_at=excluded.closed_at,"
        " new_address=excluded.new_address, forwarding=excluded.forwarding",
        account,
        now,
        new_address,
        forwarding,
    )


def find_closing(tx: Tx, account: AccountId) -> Closing | None:
    row = tx.row(
        "SELECT account_id,closed_at,new_address,forwarding,erased_at FROM closing WHERE account_id=?", account
    )
    return Closing(AccountId(row[0]), row[1], row[2], bool(row[3]), row[4]) if row else None


def list_due(tx: Tx, closed_before: int) -> list[AccountId]:
    """Return the accounts closed so long ago that they are to be erased."""
    rows = tx.rows("SELECT id FROM account WHERE state='closed' AND closed_at<? ORDER BY id LIMIT 100", closed_before)
    return [AccountId(row[0]) for row in rows]


def reopen_account(tx: Tx, account: AccountId) -> bool:
    """Reopen a closed account; return False if it is not closed, or erased."""
    if not tx.run(
        "UPDATE account SET state='active', closed_at=NULL, epoch=epoch+1 WHERE id=? AND state='closed'", account
    ):
        return False
    tx.run("UPDATE address SET account_id=former WHERE former=? AND removed_at IS NULL", account)
    tx.run("DELETE FROM closing WHERE account_id=?", account)
    tx.run("DELETE FROM correspondent WHERE account_id=?", account)
    return True


def list_mailboxes(tx: Tx, account: AccountId) -> list[int]:
    return [row[0] for row in tx.rows("SELECT id FROM mailbox WHERE account_id=?", account)]


def erase_messages(tx: Tx, *, mailbox: int, limit: int) -> int:
    """Delete some messages of a mailbox; return their number."""
    return tx.run(
        "DELETE FROM message WHERE mailbox=? AND uid IN (SELECT uid FROM message WHERE mailbox=? LIMIT ?)",
        mailbox,
        mailbox,
        limit,
    )


def erase_account(tx: Tx, account: AccountId, mark: str, now: int) -> None:
    """Erase all but the bare row and its tombstones.  `mark` is the person's, who alone may have the name again."""
    for statement in _erasing_statements():
        tx.run(statement.sql, *statement.values, account)
    tx.run("UPDATE address SET mark=? WHERE former=?", mark, account)
    tx.run(
        "UPDATE account SET state='erased', name='#'||id, display_name='', person=NULL, contact='', used=0 WHERE id=?",
        account,
    )
    tx.run("UPDATE closing SET erased_at=? WHERE account_id=?", now, account)


def find_mark(tx: Tx, localpart: str, domain: str) -> str | None:
    """Return who had a tombstone's address before the account was erased; None if the address is no such tombstone."""
    row = tx.row("SELECT mark FROM address WHERE localpart=? AND domain=? AND account_id IS NULL", localpart, domain)
    return str(row[0]) if row else None


def give_address_back(tx: Tx, localpart: str, domain: str, account: AccountId) -> None:
    tx.run(
        "UPDATE address SET account_id=?, former=NULL, mark='', removed_at=NULL WHERE localpart=? AND domain=?",
        account,
        localpart,
        domain,
    )


def give_addresses_back(tx: Tx, mark: str, account: AccountId) -> None:
    """Give a person who comes back all the addresses that they had, but those that they removed themselves."""
    if mark:
        tx.run(
            "UPDATE address SET account_id=?, former=NULL, mark='' WHERE mark=? AND account_id IS NULL AND removed_at IS NULL",
            account,
            mark,
        )


# The notice of a new address


def save_correspondents(tx: Tx, account: AccountId, marks: Iterable[str]) -> None:
    tx.many(
        "INSERT INTO correspondent (account_id,mark) VALUES (?,?) ON CONFLICT DO NOTHING",
        [(account, mark) for mark in marks],
    )


def find_new_address(tx: Tx, localpart: str, domain: str, since: int) -> tuple[AccountId, str] | None:
    """Return the former account of a tombstone, and the new address that its owner left."""
    row = tx.row(
        "SELECT c.account_id, c.new_address FROM address a JOIN closing c ON c.account_id=a.former"
        " WHERE a.localpart=? AND a.domain=? AND a.account_id IS NULL AND c.new_address<>'' AND c.closed_at>?",
        localpart,
        domain,
        since,
    )
    return (AccountId(row[0]), row[1]) if row else None


def is_correspondent(tx: Tx, account: AccountId, mark: str) -> bool:
    return tx.row("SELECT 1 FROM correspondent WHERE account_id=? AND mark=?", account, mark) is not None


def delete_notices(tx: Tx, closed_before: int) -> int:
    tx.run(
        "DELETE FROM correspondent WHERE account_id IN (SELECT account_id FROM closing WHERE closed_at<?)",
        closed_before,
    )
    return tx.run("UPDATE closing SET new_address='' WHERE closed_at<? AND new_address<>''", closed_before)


def list_sent_headers(tx: Tx, account: AccountId, limit: int) -> list[bytes]:
    """Return the header blocks of what was sent, the newest first."""
    rows = tx.rows(
        "SELECT b.header FROM mailbox m JOIN message s ON s.mailbox=m.id JOIN blob b ON b.id=s.blob"
        " WHERE m.account_id=? AND m.special_use='\\Sent' ORDER BY s.uid DESC LIMIT ?",
        account,
        limit,
    )
    return [bytes(row[0]) for row in rows]
