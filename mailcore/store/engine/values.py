"""Values of the installation by name, such as what a job found last."""

from mailcore.store.engine.tx import Tx

SAVE_VALUE = "INSERT INTO setting (key,value) VALUES (?,?) ON CONFLICT (key) DO UPDATE SET value=excluded.value"


def get_value(tx: Tx, key: str) -> str:
    """Return the value, "" if there is none."""
    row = tx.row("SELECT value FROM setting WHERE key=?", key)
    return str(row[0]) if row else ""


def save_value(tx: Tx, key: str, value: str) -> None:
    tx.run(SAVE_VALUE, key, value)
