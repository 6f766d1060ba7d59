"""Numbers for who watches the service; none of them names a person."""

from collections.abc import Iterable

from mailcore.store.engine.db import Tx

# SQL that gives (state, number) rows; `?` is a moment, in seconds
_BY_STATE = {
    "accounts": "SELECT state, count(*) FROM account GROUP BY state",
    "queue": "SELECT state, count(*) FROM queue GROUP BY state",
    "forwardings": "SELECT state, count(*) FROM forwarding GROUP BY state",
    "orders": "SELECT state, count(*) FROM orders GROUP BY state",
    "tickets": "SELECT state, count(*) FROM ticket GROUP BY state",
}
_ONE = {
    "stored": "SELECT COALESCE(SUM(used),0) FROM account",
    "oldest": "SELECT COALESCE(MIN(created_at),0) FROM queue",
    "oldest_waiting": "SELECT COALESCE(MIN(created_at),0) FROM queue WHERE state='waiting'",
    "on_hold": "SELECT count(*) FROM sending_hold",
}


def count_by_state(tx: Tx, names: Iterable[str] = tuple(_BY_STATE)) -> dict[str, dict[str, int]]:
    """Count `accounts`, `queue` items, `forwardings`, `orders` and `tickets` in each state, or those of them that are named."""
    return {name: dict(tx.rows(_BY_STATE[name])) for name in names}


def count_single(tx: Tx, names: Iterable[str] = tuple(_ONE)) -> dict[str, int]:
    """Return figures by name, all or those that are named.

    `stored`: octets of all mail; `oldest`, `oldest_waiting`: since when the oldest queue item, or the oldest that is not held,
    is there, or 0; `on_hold`: who may not send.
    """
    return {name: tx.rows(_ONE[name])[0][0] for name in names}


def count_outcomes(tx: Tx, since: int) -> dict[str, int]:
    """Count the messages that came in since then, by outcome."""
    return dict(
        tx.rows("SELECT outcome, count(*) FROM delivery INDEXED BY delivery_at WHERE at>=? GROUP BY outcome", since)
    )


def count_failed_logins(tx: Tx, since: int) -> int:
    return int(tx.rows("SELECT count(*) FROM login_failure WHERE at>=?", since)[0][0])


def list_jobs(tx: Tx) -> list[tuple[str, int, bool]]:
    """Return each job's name, when its next turn is due, and whether the last one failed."""
    return [(name, at, bool(problem)) for name, at, problem in tx.rows("SELECT name, next_at, problem FROM job")]


def list_slow_writes(tx: Tx, since: int) -> list[tuple[str, int, int]]:
    """Return the callers that held up all other writes since then, how often, and the longest time in milliseconds."""
    sql = "SELECT caller, sum(count), max(longest) FROM slow_write WHERE hour>=? GROUP BY caller"
    return [(caller, count, longest) for caller, count, longest in tx.rows(sql, since // 3600)]
