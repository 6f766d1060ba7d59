"""Counts that all processes share: so many in a window of time, and the memory of greylisting."""

from mailcore.store.engine.db import Tx


def count_if_allowed(tx: Tx, key: str, amount: int, limit: int, window_seconds: int, now: int) -> bool:
    """Count `amount` more; False, and nothing counted, where that is above the limit of the window."""
    if amount > limit:
        return False
    over = now - window_seconds
    # one statement, so that nobody counts between the look and the count
    return (
        tx.run(
            "INSERT INTO rate (key,started_at,count) VALUES (?,?,?) ON CONFLICT (key) DO UPDATE SET"
            " started_at=CASE WHEN rate.started_at<=? THEN excluded.started_at ELSE rate.started_at END,"
            " count=CASE WHEN rate.started_at<=? THEN excluded.count ELSE rate.count+excluded.count END"
            " WHERE rate.started_at<=? OR rate.count+excluded.count<=?",
            key,
            now,
            amount,
            over,
            over,
            over,
            limit,
        )
        > 0
    )


def count_in_window(tx: Tx, key: str, window_seconds: int, now: int) -> int:
    row = tx.row("SELECT count FROM rate WHERE key=? AND started_at>?", key, now - window_seconds)
    return int(row[0]) if row else 0


def delete_rate(tx: Tx, key: str) -> None:
    tx.run("DELETE FROM rate WHERE key=?", key)


def has_waited(tx: Tx, key: str, wait_seconds: int, now: int) -> bool:
    """Has it come again after the wait?  The first time is saved."""
    row = tx.row("SELECT first_at, passed_at FROM grey WHERE key=?", key)
    if row is None:
        tx.run("INSERT INTO grey (key,first_at,passed_at,seen_at) VALUES (?,?,0,?)", key, now, now)
        return False
    if not row[1] and now - row[0] < wait_seconds:
        return False
    tx.run("UPDATE grey SET passed_at=?, seen_at=? WHERE key=?", row[1] or now, now, key)
    return True


def is_known(tx: Tx, key: str) -> bool:
    return tx.row("SELECT 1 FROM grey WHERE key=? AND passed_at>0", key) is not None


def save_known(tx: Tx, key: str, now: int) -> None:
    """Let `is_known` accept the key from now on, until it has not been seen for long."""
    tx.run(
        "INSERT INTO grey (key,first_at,passed_at,seen_at) VALUES (?,?,?,?)"
        " ON CONFLICT (key) DO UPDATE SET first_at=excluded.first_at, passed_at=excluded.passed_at,"
        " seen_at=excluded.seen_at",
        key,
        now,
        now,
        now,
    )


def delete_expired(tx: Tx, rates_before: int, waiting_before: int, passed_before: int) -> None:
    tx.run("DELETE FROM rate WHERE started_at<?", rates_before)
    tx.run("DELETE FROM grey WHERE (passed_at=0 AND seen_at<?) OR seen_at<?", waiting_before, passed_before)
