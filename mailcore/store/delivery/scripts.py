"""Sieve scripts of accounts as SQL, personal and generated ones."""

from mailcore.domain import AccountId, Script
from mailcore.store.engine.db import Row, Tx


def _script(row: Row) -> Script:
    return Script(row[0], row[1], bool(row[2]), row[3], bool(row[4]))


def list_scripts(tx: Tx, account: AccountId, origin: str = "personal") -> list[Script]:
    rows = tx.rows(
        "SELECT name,source,active,origin,held FROM script WHERE account_id=? AND origin=? ORDER BY name",
        account,
        origin,
    )
    return [_script(row) for row in rows]


def find_script(tx: Tx, account: AccountId, name: str, origin: str = "personal") -> Script | None:
    row = tx.row(
        "SELECT name,source,active,origin,held FROM script WHERE account_id=? AND origin=? AND name=?",
        account,
        origin,
        name,
    )
    return _script(row) if row else None


def save_script(tx: Tx, account: AccountId, script: Script) -> None:
    """Save a new script, or a new source for one that stays as active as it was; one that is held is not active."""
    tx.run(
        "INSERT INTO script (account_id,name,source,active,origin,held) VALUES (?,?,?,?,?,?)"
        " ON CONFLICT (account_id,origin,name) DO UPDATE SET source=excluded.source,held=excluded.held,"
        " active=(CASE WHEN excluded.held<>0 THEN 0 ELSE script.active END)",
        account,
        script.name,
        script.source,
        script.active,
        script.origin,
        script.held,
    )


def release_script(tx: Tx, account: AccountId, name: str) -> None:
    """Let an imported script run from now on."""
    tx.run("UPDATE script SET held=0 WHERE account_id=? AND origin='personal' AND name=?", account, name)


def activate_script(tx: Tx, account: AccountId, name: str) -> None:
    """Activate a personal script; at most one is active, and the empty name leaves none."""
    tx.run(
        "UPDATE script SET active=(CASE WHEN name=? THEN 1 ELSE 0 END) WHERE account_id=? AND origin='personal'",
        name,
        account,
    )


def remove_script(tx: Tx, account: AccountId, name: str, origin: str = "personal") -> None:
    tx.run("DELETE FROM script WHERE account_id=? AND origin=? AND name=?", account, origin, name)


def change_script_name(tx: Tx, account: AccountId, old: str, new: str) -> None:
    tx.run("UPDATE script SET name=? WHERE account_id=? AND origin='personal' AND name=?", new, account, old)
