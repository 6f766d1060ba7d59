"""Counts by hour and day as SQL; what is counted stands in services/operations/figures.py."""

from collections.abc import Mapping

from mailcore.store.engine.db import Tx

_RAISE = (
    "INSERT INTO figure (name,label,grain,at,count) VALUES (?,?,?,?,?) ON CONFLICT (name,label,grain,at)"
    " DO UPDATE SET count=CASE WHEN excluded.count>figure.count THEN excluded.count ELSE figure.count END"
)
_SAVE = (
    "INSERT INTO figure (name,label,grain,at,count) VALUES (?,?,?,?,?) ON CONFLICT (name,label,grain,at)"
    " DO UPDATE SET count=excluded.count"
)
_ADD = (
    "INSERT INTO figure (name,label,grain,at,count) VALUES (?,?,?,?,?) ON CONFLICT (name,label,grain,at)"
    " DO UPDATE SET count=figure.count+excluded.count"
)


def raise_figures(tx: Tx, name: str, grain: str, at: int, counts: Mapping[str, int]) -> None:
    """Save counts where they are larger than before: what is counted from rows that go may only grow."""
    tx.many(_RAISE, [(name, label, grain, at, count) for label, count in counts.items()])


def save_figures(tx: Tx, name: str, grain: str, at: int, counts: Mapping[str, int]) -> None:
    """Save counts in the place of those from before: of what may grow and shrink."""
    tx.many(_SAVE, [(name, label, grain, at, count) for label, count in counts.items()])


def add_figures(tx: Tx, name: str, grain: str, at: int, counts: Mapping[str, int]) -> None:
    """Add to counts."""
    tx.many(_ADD, [(name, label, grain, at, count) for label, count in counts.items()])


def sum_hours(tx: Tx, name: str, since: int, until: int, *, largest: bool) -> dict[str, int]:
    """Return the sum, or the largest, of the hours in a span, by label."""
    how = "MAX" if largest else "SUM"
    rows = tx.rows(
        f"SELECT label, {how}(count) FROM figure WHERE name=? AND grain='hour' AND at>=? AND at<? GROUP BY label",  # noqa: S608
        name,
        since,
        until,
    )
    return {label: int(count) for label, count in rows}


def list_figures(tx: Tx, name: str, grain: str, since: int) -> list[tuple[str, int, int]]:
    """Return label, beginning and count, the oldest first."""
    sql = "SELECT label, at, count FROM figure WHERE name=? AND grain=? AND at>=? ORDER BY at"
    return [(label, at, count) for label, at, count in tx.rows(sql, name, grain, since)]


def delete_old_figures(tx: Tx, hours_before: int, days_before: int) -> None:
    tx.run("DELETE FROM figure WHERE (grain='hour' AND at<?) OR (grain='day' AND at<?)", hours_before, days_before)


def count_outcomes(tx: Tx, since: int, until: int) -> dict[str, int]:
    """Count what came in within a span, by outcome."""
    sql = "SELECT outcome, count(*) FROM delivery INDEXED BY delivery_at WHERE at>=? AND at<? GROUP BY outcome"
    return dict(tx.rows(sql, since, until))


def count_spam(tx: Tx, since: int, until: int) -> dict[str, int]:
    """Count what reached somebody within a span: judged to be spam, or not.

    `rules` is JSON (services/delivery/traces.py), in which a quotation mark of a text is escaped and so ends no such word.
    """
    rows = tx.rows(
        "SELECT CASE WHEN rules LIKE '%[\"spam\",%' OR rules LIKE '%[\"junk\",%' THEN 'spam' ELSE 'other' END AS judged,"
        " count(*) FROM delivery INDEXED BY delivery_at WHERE at>=? AND at<? AND outcome IN ('filed','forwarded')"
        " GROUP BY judged",
        since,
        until,
    )
    return dict(rows)


def count_logins(tx: Tx, since: int, until: int) -> dict[str, int]:
    """Count log-ins within a span, one for each account, way and place, and wrong passwords."""
    right = tx.rows("SELECT count(*) FROM login_event WHERE outcome='ok' AND last_at>=? AND last_at<?", since, until)
    wrong = tx.rows("SELECT count(*) FROM login_failure WHERE at>=? AND at<?", since, until)
    return {"right": right[0][0], "wrong": wrong[0][0]}
