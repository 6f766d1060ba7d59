"""History of senders, as SQL: what their mail counted as (mail/judging/history.py), and which deliveries were counted."""

import json
from collections.abc import Collection, Mapping, Sequence

from mailcore.mail.judging.history import Past
from mailcore.store.delivery.records import Record, record_of, record_sql
from mailcore.store.engine.db import Row, Tx
from mailcore.store.engine.tx import Statement

MAX_ROWS = 200_000
MAX_BULK = 40_000  # rows of messages that are alike, whose numbers are negative


def ask_for_pasts(keys: Collection[int]) -> Statement:
    sql = "SELECT sender, spam, ham, at FROM sender_history WHERE sender IN (SELECT value FROM json_each(?))"
    return sql, (json.dumps([*keys]),)


def read_pasts(rows: Sequence[Row]) -> dict[int, Past]:
    """Read the answer to `ask_for_pasts`: those that are known."""
    return {row[0]: Past(row[1] / 1000, row[2] / 1000, row[3]) for row in rows}


def get_pasts(tx: Tx, keys: Collection[int]) -> dict[int, Past]:
    """Return those that are known."""
    return read_pasts(*tx.ask([ask_for_pasts(keys)]))


def save_pasts(tx: Tx, pasts: Mapping[int, Past]) -> None:
    tx.many(
        "INSERT INTO sender_history (sender,spam,ham,at) VALUES (?,?,?,?) ON CONFLICT (sender) DO UPDATE SET"
        " spam=excluded.spam, ham=excluded.ham, at=excluded.at",
        [(key, round(one.spam * 1000), round(one.ham * 1000), one.at) for key, one in pasts.items()],
    )


def delete_pasts(tx: Tx, before: int) -> None:
    """Delete what was last seen before then, and the oldest where there are too many."""
    tx.run("DELETE FROM sender_history WHERE at<?", before)
    [[rows]] = tx.rows("SELECT COUNT(*) FROM sender_history WHERE sender>=0")
    if rows > MAX_ROWS:
        tx.run(
            "DELETE FROM sender_history WHERE sender IN (SELECT sender FROM sender_history WHERE sender>=0 ORDER BY at LIMIT ?)",
            rows - MAX_ROWS + MAX_ROWS // 10,
        )


def delete_bulk(tx: Tx, before: int) -> None:
    """Delete what was counted of messages that are alike and last came before then, and the oldest where there are too many."""
    tx.run("DELETE FROM sender_history WHERE sender<0 AND at<?", before)
    [[rows]] = tx.rows("SELECT COUNT(*) FROM sender_history WHERE sender<0")
    if rows > MAX_BULK:
        tx.run(
            "DELETE FROM sender_history WHERE sender IN"
            " (SELECT sender FROM sender_history WHERE sender<0 ORDER BY at LIMIT ?)",
            rows - MAX_BULK + MAX_BULK // 10,
        )


def list_deliveries(tx: Tx, after: int, limit: int) -> list[Record]:
    """Return deliveries of mail from outside after this one, the oldest first."""
    rows = tx.rows(record_sql("WHERE id>? ORDER BY id LIMIT ?"), after, limit)
    return [record_of(row) for row in rows]


def find_last_delivery(tx: Tx) -> int:
    row = tx.row("SELECT MAX(id) FROM delivery")
    return int(row[0] or 0) if row else 0
