"""Records of what became of messages, for their owners' trace, as SQL."""

from dataclasses import dataclass
from datetime import datetime

from mailcore.clock import to_time
from mailcore.domain import AccountId
from mailcore.store.engine.db import Row, Tx


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
    tx.run_later(
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


def record_sql(rest: str) -> str:
    """Return a statement that asks for records; `rest` begins behind the table."""
    return f"SELECT {_RECORD} FROM delivery {rest}"  # noqa: S608


def record_of(row: Row) -> Record:
    about = About(bytes(row[6]), bytes(row[7]), row[8], bytes(row[9]), row[10], row[11])
    return Record(row[0], to_time(row[1]), row[2], row[3], row[4], row[5], about, row[12])


def list_records(tx: Tx, account: AccountId, since: int) -> list[Record]:
    """Return the account's records since then, newest first."""
    rows = tx.rows(f"SELECT {_RECORD} FROM delivery WHERE account_id=? AND at>=? ORDER BY id DESC", account, since)  # noqa: S608
    return [record_of(row) for row in rows]


def find_record(tx: Tx, account: AccountId, number: int) -> Record | None:
    row = tx.row(f"SELECT {_RECORD} FROM delivery WHERE account_id=? AND id=?", account, number)  # noqa: S608
    return record_of(row) if row else None


def find_record_of_content(tx: Tx, account: AccountId, content: bytes) -> Record | None:
    """Return the last record of these octets."""
    row = tx.row(
        f"SELECT {_RECORD} FROM delivery WHERE account_id=? AND content=? ORDER BY id DESC LIMIT 1",  # noqa: S608
        account,
        content,
    )
    return record_of(row) if row else None


def find_last_record(tx: Tx, account: AccountId) -> Record | None:
    row = tx.row(f"SELECT {_RECORD} FROM delivery WHERE account_id=? ORDER BY id DESC LIMIT 1", account)  # noqa: S608
    return record_of(row) if row else None


def count_outcome(tx: Tx, account: AccountId, outcome: str, since: int, limit: int) -> int:
    """Count the deliveries with this outcome since then, up to `limit`."""
    row = tx.row(
        "SELECT count(*) FROM (SELECT 1 FROM delivery WHERE account_id=? AND outcome=? AND at>=? LIMIT ?) AS counted",
        account,
        outcome,
        since,
        limit,
    )
    return int(row[0]) if row else 0


def delete_records(tx: Tx, before: int) -> int:
    return tx.run("DELETE FROM delivery WHERE at<?", before)
