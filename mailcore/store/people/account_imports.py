"""Files of accounts that administrators bring, as SQL; what happens to them stands in services/operations/account_imports.py."""

from mailcore.clock import to_time
from mailcore.domain import AccountImport, ImportState
from mailcore.store.engine.db import Row, Tx

_COLUMNS = "id,actor,name,at,state,total,position,created"


def _import(row: Row) -> AccountImport:
    return AccountImport(row[0], row[1], row[2], to_time(row[3]), ImportState(row[4]), row[5], row[6], row[7])


def add_import(tx: Tx, actor: str, name: str, at: int, total: int) -> int:
    """Add a file without its text, whose seal needs the number."""
    return tx.insert(
        "INSERT INTO account_import (actor,name,at,sealed,state,total,position,created,leased_until)"
        " VALUES (?,?,?,'','preview',?,0,0,0)",
        actor,
        name,
        at,
        total,
    )


def save_text(tx: Tx, number: int, sealed: str) -> None:
    tx.run("UPDATE account_import SET sealed=? WHERE id=?", sealed, number)


def find_import(tx: Tx, number: int) -> AccountImport | None:
    row = tx.row(f"SELECT {_COLUMNS} FROM account_import WHERE id=?", number)  # noqa: S608
    return _import(row) if row else None


def get_text(tx: Tx, number: int) -> str:
    """Return the sealed text, "" when it is gone."""
    row = tx.row("SELECT sealed FROM account_import WHERE id=?", number)
    return str(row[0]) if row else ""


def list_imports(tx: Tx, limit: int) -> list[AccountImport]:
    """Return the files that were confirmed, newest first."""
    rows = tx.rows(
        f"SELECT {_COLUMNS} FROM account_import WHERE state<>'preview' ORDER BY id DESC LIMIT ?",  # noqa: S608
        limit,
    )
    return [_import(row) for row in rows]


def confirm_import(tx: Tx, number: int, actor: str) -> bool:
    """Let it run in the name of `actor`; False if it does already, or is gone."""
    sql = "UPDATE account_import SET state='running', actor=? WHERE id=? AND state='preview'"
    return tx.run(sql, actor, number) > 0


def is_work_due(tx: Tx, now: int, stale: int, old: int) -> bool:
    """Say if a file runs that nobody works on, a preview is older than `stale`, or one that is done older than `old`."""
    row = tx.row(
        "SELECT 1 FROM account_import WHERE (state='running' AND leased_until<=?) OR (state='preview' AND at<?)"
        " OR (state='done' AND at<?) LIMIT 1",
        now,
        stale,
        old,
    )
    return row is not None


def claim_import(tx: Tx, now: int, lease_seconds: int) -> AccountImport | None:
    """Lease the oldest file that runs and that nobody works on."""
    rows = tx.rows(
        "UPDATE account_import SET leased_until=? WHERE id=(SELECT MIN(id) FROM account_import WHERE state='running'"  # noqa: S608
        f" AND leased_until<=?) AND leased_until<=? RETURNING {_COLUMNS}",
        now + lease_seconds,
        now,
        now,
    )
    return _import(rows[0]) if rows else None


def advance_import(tx: Tx, number: int, before: int, position: int, created: int) -> bool:
    """Count what was done in this transaction; False if another has been here since."""
    return (
        tx.run(
            "UPDATE account_import SET position=?, created=created+? WHERE id=? AND position=? AND state='running'",
            position,
            created,
            number,
            before,
        )
        > 0
    )


def release_import(tx: Tx, number: int) -> None:
    tx.run("UPDATE account_import SET leased_until=0 WHERE id=?", number)


def finish_import(tx: Tx, number: int) -> None:
    """Its text goes."""
    tx.run("UPDATE account_import SET state='done', sealed='', leased_until=0 WHERE id=?", number)


def delete_import(tx: Tx, number: int) -> None:
    """Delete a file that was not confirmed."""
    tx.run("DELETE FROM account_import WHERE id=? AND state='preview'", number)


def delete_old_imports(tx: Tx, stale: int, old: int) -> int:
    """Delete previews older than `stale`, and what is done and older than `old`."""
    return tx.run("DELETE FROM account_import WHERE (state='preview' AND at<?) OR (state='done' AND at<?)", stale, old)
