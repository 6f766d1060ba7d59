"""Data of delivery beside mail itself: room, forwarding, vacation memory, the Delivery record."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mailcore.domain import AccountId
from mailcore.store.engine.db import Row, Tx


def get_space(tx: Tx, account: AccountId) -> tuple[int, int]:
    """Return the octets used and allowed (0 = unlimited)."""
    row = tx.row("SELECT used, quota FROM account WHERE id=?", account)
    return (row[0], row[1]) if row else (0, 0)


def get_spaces(tx: Tx, accounts: Sequence[AccountId]) -> dict[AccountId, tuple[int, int]]:
    """Return the same for many accounts."""
    found = dict.fromkeys(accounts, (0, 0))
    for start in range(0, len(accounts), 500):
        some = accounts[start : start + 500]
        marks = ",".join("?" * len(some))
        found |= {
            row[0]: (row[1], row[2])
            for row in tx.rows(f"SELECT id, used, quota FROM account WHERE id IN ({marks})", *some)  # noqa: S608
        }
    return found


def is_forwarding(tx: Tx, account: AccountId) -> bool:
    """Does a confirmed forwarding take the mail on at present?"""
    return tx.row("SELECT 1 FROM forwarding WHERE account_id=? AND state IN ('healthy','failing')", account) is not None


def was_answered(tx: Tx, account: AccountId, handle: str, sender: str, since: int) -> bool:
    """Has this sender had this vacation reply after `since` (RFC 5230 section 4.2)?"""
    return (
        tx.row(
            "SELECT 1 FROM vacation_memory WHERE account_id=? AND handle=? AND sender=? AND at>?",
            account,
            handle,
            sender,
            since,
        )
        is not None
    )


def save_answer(tx: Tx, account: AccountId, handle: str, sender: str, now: int) -> None:
    tx.run("DELETE FROM vacation_memory WHERE account_id=? AND handle=? AND sender=?", account, handle, sender)
    tx.run("INSERT INTO vacation_memory (account_id,handle,sender,at) VALUES (?,?,?,?)", account, handle, sender, now)


@dataclass(frozen=True, slots=True)
class About:
    """Message of a delivery record; fields of the header as written, `content` is the octets' SHA-256."""

    subject: bytes = b""
    author: bytes = b""
    message_id: str = ""
    content: bytes = b""
    size: int = 0
    checks: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """Record of one Envelope for one recipient, with its outcome; `rules` is JSON."""

    id: int
    at: datetime
    sender: str
    address: str
    outcome: str
    detail: str
    about: About
    rules: str


def save_record(
    tx: Tx,
    account: AccountId,
    now: int,
    sender: str,
    address: str,
    outcome: str,
    detail: str,
    about: About = About(),  # noqa: B008 - frozen
    rules: str = "",
) -> None:
    tx.run(
        "INSERT INTO delivery (account_id,at,sender,address,outcome,detail,blob,subject,author,message_id,content,size,"
        "checks,rules) VALUES (?,?,?,?,?,?,0,?,?,?,?,?,?,?)",
        account,
        now,
        sender,
        address,
        outcome,
        detail,
        about.subject,
        about.author,
        about.message_id,
        about.content,
        about.size,
        about.checks,
        rules,
    )


_RECORD = "id,at,sender,address,outcome,detail,subject,author,message_id,content,size,checks,rules"


def _record(row: Row) -> Record:
    about = About(bytes(row[6]), bytes(row[7]), row[8], bytes(row[9]), row[10], row[11])
    return Record(row[0], datetime.fromtimestamp(row[1], UTC), row[2], row[3], row[4], row[5], about, row[12])


def list_records(tx: Tx, account: AccountId, since: int) -> list[Record]:
    """Return the account's records since then, newest first."""
    rows = tx.rows(f"SELECT {_RECORD} FROM delivery WHERE account_id=? AND at>=? ORDER BY id DESC", account, since)  # noqa: S608
    return [_record(row) for row in rows]


def find_record(tx: Tx, account: AccountId, number: int) -> Record | None:
    row = tx.row(f"SELECT {_RECORD} FROM delivery WHERE account_id=? AND id=?", account, number)  # noqa: S608
    return _record(row) if row else None


def find_record_of_content(tx: Tx, account: AccountId, content: bytes) -> Record | None:
    """Return the last record of these octets."""
    row = tx.row(
        f"SELECT {_RECORD} FROM delivery WHERE account_id=? AND content=? ORDER BY id DESC LIMIT 1",  # noqa: S608
        account,
        content,
    )
    return _record(row) if row else None


def find_last_record(tx: Tx, account: AccountId) -> Record | None:
    row = tx.row(f"SELECT {_RECORD} FROM delivery WHERE account_id=? ORDER BY id DESC LIMIT 1", account)  # noqa: S608
    return _record(row) if row else None


def count_outcome(tx: Tx, account: AccountId, outcome: str, since: int, limit: int) -> int:
    """Count the deliveries with this outcome since then, up to `limit`."""
    row = tx.row(
        "SELECT count(*) FROM (SELECT 1 FROM delivery WHERE account_id=? AND outcome=? AND at>=? LIMIT ?)",
        account,
        outcome,
        since,
        limit,
    )
    return int(row[0]) if row else 0


def delete_records(tx: Tx, before: int) -> int:
    return tx.run("DELETE FROM delivery WHERE at<?", before)


def get_secret(tx: Tx, key: str) -> bytes:
    """Return a random value of this installation, created when first asked for (needs a write)."""
    row = tx.row("SELECT value FROM setting WHERE key=?", key)
    if row:
        return bytes.fromhex(row[0])
    value = secrets.token_bytes(32)
    tx.run("INSERT INTO setting (key,value) VALUES (?,?)", key, value.hex())
    return value
