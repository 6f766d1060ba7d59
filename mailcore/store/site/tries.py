"""Attempts by those who are not logged in, counted while they matter, as SQL."""

from collections.abc import Iterable

from mailcore.store.engine.db import Tx


def count_tries(tx: Tx, asked: Iterable[tuple[str, int]], now: int) -> list[int]:
    """Count the attempts at each `what` within its last seconds."""
    answers = tx.ask([("SELECT count(*) FROM tried WHERE what=? AND at>?", (what, now - ago)) for what, ago in asked])
    return [rows[0][0] for rows in answers]


def add_try(tx: Tx, what: str, now: int) -> None:
    tx.run("DELETE FROM tried WHERE at<?", now - 86_400)
    tx.run("INSERT INTO tried (what,at) VALUES (?,?)", what, now)


def list_tries(tx: Tx, what: str, since: int) -> list[int]:
    return [row[0] for row in tx.rows("SELECT at FROM tried WHERE what=? AND at>=? ORDER BY at DESC", what, since)]
