"""Take-outs and imports as SQL."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailcore.clock import to_time
from mailcore.domain import AccountId
from mailcore.store.engine.db import Row, Tx

_COLUMNS = "id,kind,name,state,done,total,report,started_at,updated_at"


class TransferKind(StrEnum):
    """Kind of a Transfer: an import brings mail in, an export is a take-out."""

    IMPORT = "import"
    EXPORT = "export"


class TransferState(StrEnum):
    """State of a Transfer; nobody works on a broken one any more, and a full one ended with the quota."""

    RUNNING = "running"
    BROKEN = "broken"
    DONE = "done"
    FULL = "full"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Transfer:
    """`done` and `total` in octets."""

    id: int
    kind: TransferKind
    name: str
    state: TransferState
    done: int
    total: int
    report: str
    started_at: datetime
    updated_at: datetime

    @property
    def percent(self) -> int:
        return min(100, self.done * 100 // self.total) if self.total else 0


def _transfer(row: Row) -> Transfer:
    started, updated = (to_time(seconds) for seconds in row[7:9])
    return Transfer(
        row[0], TransferKind(row[1]), row[2], TransferState(row[3]), row[4], row[5], row[6], started, updated
    )


def add_transfer(tx: Tx, account: AccountId, kind: TransferKind, name: str, total: int, now: int) -> int:
    return tx.insert(
        "INSERT INTO transfer (account_id,kind,name,state,done,total,report,started_at,updated_at)"
        " VALUES (?,?,?,'running',0,?,'',?,?)",
        account,
        kind,
        name,
        total,
        now,
        now,
    )


def save_progress(tx: Tx, transfer: int, done: int, now: int) -> None:
    tx.run("UPDATE transfer SET done=?, updated_at=? WHERE id=?", done, now, transfer)


def save_report(tx: Tx, transfer: int, report: str) -> None:
    tx.run("UPDATE transfer SET report=? WHERE id=?", report, transfer)


def end_transfer(tx: Tx, transfer: int, state: TransferState, report: str | None, now: int) -> None:
    """Save the state in which the transfer ended; `report` None = as it is."""
    tx.run(
        "UPDATE transfer SET state=?, report=coalesce(?,report), updated_at=? WHERE id=?", state, report, now, transfer
    )


def find_transfer(tx: Tx, account: AccountId, transfer: int) -> Transfer | None:
    row = tx.row(f"SELECT {_COLUMNS} FROM transfer WHERE account_id=? AND id=?", account, transfer)  # noqa: S608
    return _transfer(row) if row else None


def restart_transfer(tx: Tx, transfer: int, report: str, now: int) -> None:
    """Mark the transfer as running once more."""
    tx.run("UPDATE transfer SET state='running', report=?, updated_at=? WHERE id=?", report, now, transfer)


def find_standing(tx: Tx, mailbox: int, below: int) -> tuple[int, int, int, int]:
    """Sum up the messages with a uid below: their number, octets, highest modseq, and the sum of their uids."""
    row = tx.row(
        "SELECT count(*), coalesce(sum(size),0), coalesce(max(modseq),0), coalesce(sum(uid),0) FROM message"
        " WHERE mailbox=? AND uid<?",
        mailbox,
        below,
    )
    assert row is not None  # noqa: S101 - an aggregate always has one
    return row[0], row[1], row[2], row[3]


def list_latest(tx: Tx, account: AccountId, limit: int) -> list[Transfer]:
    rows = tx.rows(f"SELECT {_COLUMNS} FROM transfer WHERE account_id=? ORDER BY id DESC LIMIT ?", account, limit)  # noqa: S608
    return [_transfer(row) for row in rows]


def count_running(tx: Tx, account: AccountId, since: int) -> int:
    """Count the account's running transfers that were active at that time or later."""
    row = tx.row(
        "SELECT count(*) FROM transfer WHERE account_id=? AND state='running' AND updated_at>=?", account, since
    )
    return int(row[0]) if row else 0


def delete_transfers(tx: Tx, before: int) -> int:
    return tx.run("DELETE FROM transfer WHERE updated_at<?", before)
