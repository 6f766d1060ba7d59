"""Drafts, and messages that wait to be sent, as SQL."""

from dataclasses import dataclass
from enum import StrEnum

from mailcore.domain import AccountId
from mailcore.store.engine.db import Row, Tx

_COLUMNS = "id,account_id,data,draft,state,send_at,problem,changed_at"


class WritingState(StrEnum):
    """State of a Writing: see store/schema/webmail.py."""

    OPEN = "open"
    WAITING = "waiting"
    SENDING = "sending"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Writing:
    """A saved form; times in seconds."""

    id: int
    account: AccountId
    data: str
    draft: int = 0
    state: WritingState = WritingState.OPEN
    send_at: int = 0
    problem: str = ""
    changed_at: int = 0


@dataclass(frozen=True, slots=True)
class StoredFile:
    id: int
    name: str
    type: str
    size: int


def _writing(row: Row) -> Writing:
    number, account, data, draft, state, send_at, problem, changed_at = row
    return Writing(number, AccountId(account), data, draft, WritingState(state), send_at, problem, changed_at)


def find_writing(tx: Tx, account: AccountId, id_: int) -> Writing | None:
    row = tx.row(f"SELECT {_COLUMNS} FROM writing WHERE id=? AND account_id=?", id_, account)  # noqa: S608
    return _writing(row) if row else None


def list_writings(tx: Tx, account: AccountId) -> list[Writing]:
    """Return the account's writings, newest first."""
    rows = tx.rows(f"SELECT {_COLUMNS} FROM writing WHERE account_id=? ORDER BY changed_at DESC, id DESC", account)  # noqa: S608
    return [_writing(row) for row in rows]


def find_by_draft(tx: Tx, account: AccountId, uid: int) -> int:
    """Return the open writing whose copy in Drafts this is, or 0."""
    row = tx.row(
        "SELECT id FROM writing WHERE account_id=? AND draft=? AND state='open' ORDER BY id DESC LIMIT 1", account, uid
    )
    return int(row[0]) if row else 0


def add_writing(tx: Tx, account: AccountId, data: str, draft: int, now: int) -> int:
    return tx.insert(
        "INSERT INTO writing (account_id,data,draft,state,send_at,problem,changed_at) VALUES (?,?,?,'open',0,'',?)",
        account,
        data,
        draft,
        now,
    )


def save_form(tx: Tx, id_: int, data: str, now: int) -> bool:
    """Save the form; return False if it is not open any more: it was sent from another window."""
    return tx.run("UPDATE writing SET data=?, changed_at=? WHERE id=? AND state='open'", data, now, id_) > 0


def set_draft(tx: Tx, id_: int, uid: int) -> None:
    tx.run("UPDATE writing SET draft=? WHERE id=?", uid, id_)


def save_send_at(tx: Tx, id_: int, send_at: int) -> bool:
    return (
        tx.run("UPDATE writing SET state='waiting', send_at=?, problem='' WHERE id=? AND state='open'", send_at, id_)
        > 0
    )


def take_back_writing(tx: Tx, account: AccountId, id_: int) -> bool:
    """Open the writing again, unless it is on its way already."""
    return (
        tx.run(
            "UPDATE writing SET state='open', send_at=0, problem='' WHERE id=? AND account_id=?"
            " AND state IN ('waiting','failed','open')",
            id_,
            account,
        )
        > 0
    )


def list_due(tx: Tx, now: int, most: int) -> list[tuple[int, AccountId]]:
    """Return messages whose time has come, and those whose sender died in the middle."""
    rows = tx.rows(
        "SELECT id, account_id FROM writing WHERE state IN ('waiting','sending') AND send_at<=?"  # noqa: S608
        f" ORDER BY send_at LIMIT {most:d}",
        now,
    )
    return [(row[0], AccountId(row[1])) for row in rows]


def claim_writing(tx: Tx, id_: int, now: int, lease_seconds: int) -> bool:
    return (
        tx.run(
            "UPDATE writing SET state='sending', send_at=? WHERE id=? AND state IN ('waiting','sending') AND send_at<=?",
            now + lease_seconds,
            id_,
            now,
        )
        > 0
    )


def mark_failed(tx: Tx, id_: int, problem: str) -> None:
    tx.run("UPDATE writing SET state='failed', problem=? WHERE id=?", problem, id_)


def postpone_sending(tx: Tx, id_: int, send_at: int) -> None:
    tx.run("UPDATE writing SET state='waiting', send_at=? WHERE id=?", send_at, id_)


def delete_writing(tx: Tx, id_: int) -> None:
    tx.run("DELETE FROM writing_piece WHERE file IN (SELECT id FROM writing_file WHERE writing=?)", id_)
    tx.run("DELETE FROM writing_file WHERE writing=?", id_)
    tx.run("DELETE FROM writing WHERE id=?", id_)


def delete_old(tx: Tx, before: int) -> int:
    """Delete open ones that have a copy in Drafts and were not touched since; what has none stays."""
    old = tx.rows("SELECT id FROM writing WHERE state='open' AND draft>0 AND changed_at<? LIMIT 200", before)
    gone = tx.rows("SELECT id FROM writing WHERE account_id NOT IN (SELECT id FROM account) LIMIT 200")
    for (id_,) in [*old, *gone]:
        delete_writing(tx, id_)
    return len(old) + len(gone)


# Files


def list_files(tx: Tx, writing: int) -> list[StoredFile]:
    return [
        StoredFile(*row)
        for row in tx.rows("SELECT id,name,type,size FROM writing_file WHERE writing=? ORDER BY id", writing)
    ]


def add_file(tx: Tx, writing: int, name: str, kind: str) -> int:
    return tx.insert("INSERT INTO writing_file (writing,name,type,size) VALUES (?,?,?,0)", writing, name, kind)


def add_piece(tx: Tx, file: int, number: int, octets: bytes) -> None:
    tx.run("INSERT INTO writing_piece (file,number,octets) VALUES (?,?,?)", file, number, octets)
    tx.run("UPDATE writing_file SET size=size+? WHERE id=?", len(octets), file)


def delete_files(tx: Tx, writing: int, ids: list[int]) -> None:
    for id_ in ids:
        if tx.run("DELETE FROM writing_file WHERE id=? AND writing=?", id_, writing):
            tx.run("DELETE FROM writing_piece WHERE file=?", id_)


def measure_files(tx: Tx, account: AccountId) -> int:
    """Return the octets of files of all writings of the account."""
    row = tx.row(
        "SELECT COALESCE(SUM(f.size),0) FROM writing_file f JOIN writing w ON w.id=f.writing WHERE w.account_id=?",
        account,
    )
    return int(row[0]) if row else 0


def find_piece(tx: Tx, file: int, number: int) -> bytes | None:
    row = tx.row("SELECT octets FROM writing_piece WHERE file=? AND number=?", file, number)
    return bytes(row[0]) if row else None
