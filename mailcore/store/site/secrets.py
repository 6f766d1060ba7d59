"""Secrets of the installation, as SQL."""

import secrets

from mailcore.store.engine.db import Tx


def get_secret(tx: Tx, key: str) -> bytes:
    """Return a random value of this installation, created when first asked for (needs a write)."""
    row = tx.row("SELECT value FROM setting WHERE key=?", key)
    if row:
        return bytes.fromhex(row[0])
    value = secrets.token_bytes(32)
    tx.run("INSERT INTO setting (key,value) VALUES (?,?)", key, value.hex())
    return value
