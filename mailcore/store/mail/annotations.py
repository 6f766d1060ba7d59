"""METADATA as SQL: small texts of an account and of its mailboxes."""

from collections.abc import Sequence

from mailcore.domain import AccountId
from mailcore.store.engine.db import Row, Statement, Tx

_VALUE = (
    "SELECT value FROM annotation WHERE account_id=? AND mailbox IN ((%s),0) AND entry=? ORDER BY mailbox DESC LIMIT 1"
)


def _octets(value: bytes | str) -> bytes:
    """Return a value as it was given; older ones are texts of Latin-1."""
    return value.encode("latin-1") if isinstance(value, str) else bytes(value)


def list_entries(tx: Tx, account: AccountId, mailbox: int) -> dict[str, bytes]:
    """Return values by entry (in lower case); mailbox 0 is the account itself."""
    rows = tx.rows(
        "SELECT entry, value FROM annotation WHERE account_id=? AND mailbox=? ORDER BY entry", account, mailbox
    )
    return {entry: _octets(value) for entry, value in rows}


def ask_for_value(account: AccountId, mailbox: int | str, entry: str) -> Statement:
    """Return what to ask for it (`Tx.ask`, `read_value`), of a mailbox by its number or its name."""
    if isinstance(mailbox, str):
        return _VALUE % "SELECT id FROM mailbox WHERE account_id=? AND name=?", (account, account, mailbox, entry)
    return _VALUE % "?", (account, mailbox, entry)


def read_value(rows: Sequence[Row]) -> bytes | None:
    """Read what is answered to `ask_for_value`."""
    return _octets(rows[0][0]) if rows else None


def save_entry(tx: Tx, account: AccountId, mailbox: int, entry: str, value: bytes | None) -> None:
    """Set the annotation's value; None removes it."""
    if value is None:
        tx.run("DELETE FROM annotation WHERE account_id=? AND mailbox=? AND entry=?", account, mailbox, entry)
        return
    tx.run(
        "INSERT INTO annotation (account_id,mailbox,entry,value) VALUES (?,?,?,?)"
        " ON CONFLICT (account_id,mailbox,entry) DO UPDATE SET value=excluded.value",
        account,
        mailbox,
        entry,
        value,
    )


def measure_entries(tx: Tx, account: AccountId) -> tuple[int, int]:
    """Count the account's entries, and the octets of their names and values."""
    row = tx.row(
        "SELECT count(*), COALESCE(sum(length(entry)+length(CAST(value AS BLOB))),0) FROM annotation WHERE account_id=?",
        account,
    )
    return (row[0], row[1]) if row else (0, 0)


def delete_entries(tx: Tx, account: AccountId, mailbox: int) -> None:
    tx.run_later("DELETE FROM annotation WHERE account_id=? AND mailbox=?", account, mailbox)
