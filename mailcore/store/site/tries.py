"""Attempts by those who are not logged in, counted while they matter, as SQL."""

from mailcore.store.engine.db import Tx


def count_tries(tx: Tx, what: str, now: int, seconds: int) -> int:
    """Count the attempts at `what` within the last `seconds`."""
    row = tx.row("SELECT count(*) FROM tried WHERE what=? AND at>?", what, now - seconds)
    return int(row[0]) if row else 0


def add_try(tx: Tx, what: str, now: int) -> None:
    tx.run("DELETE FROM tried WHERE at<?", now - 86_400)
    tx.run("INSERT INTO tried (what,at) VALUES (?,?)", what, now)


def list_tries(tx: Tx, what: str, since: int) -> list[int]:
    return [row[0] for row in tx.rows("SELECT at FROM tried WHERE what=? AND at>=? ORDER BY at DESC", what, since)]
