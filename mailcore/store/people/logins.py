"""The list of log-ins as SQL."""

from dataclasses import dataclass
from datetime import datetime

from mailcore.clock import to_time
from mailcore.domain import AccountId
from mailcore.store.engine.db import Row, Tx


@dataclass(frozen=True, slots=True)
class LoginEvent:
    """`credential` is the label of the app password, if one was used and still is there."""

    scope: str
    source: str
    credential: str
    place: str
    agent: str
    outcome: str
    first_at: datetime
    last_at: datetime
    times: int


def save_login(
    tx: Tx, account: AccountId, scope: str, source: str, credential: int, place: str, agent: str, outcome: str, now: int
) -> bool:
    """Note a log-in; return True if such a one was not seen before."""
    changed = tx.run(
        "UPDATE login_event SET last_at=?, times=times+1 WHERE account_id=? AND scope=? AND source=? AND credential=?"
        " AND place=? AND agent=? AND outcome=?",
        now,
        account,
        scope,
        source,
        credential,
        place,
        agent,
        outcome,
    )
    if not changed:
        tx.run(
            "INSERT INTO login_event (account_id,scope,source,credential,place,agent,outcome,first_at,last_at,times)"
            " VALUES (?,?,?,?,?,?,?,?,?,1)",
            account,
            scope,
            source,
            credential,
            place,
            agent,
            outcome,
            now,
            now,
        )
    return not changed


def list_logins(tx: Tx, account: AccountId, limit: int) -> list[LoginEvent]:
    """Return the account's log-ins, the latest first."""
    rows = tx.rows(
        "SELECT e.scope, e.source, COALESCE(c.label,''), e.place, e.agent, e.outcome, e.first_at, e.last_at, e.times"
        " FROM login_event e LEFT JOIN credential c ON c.id=e.credential AND c.kind='app'"
        " WHERE e.account_id=? ORDER BY e.last_at DESC LIMIT ?",
        account,
        limit,
    )
    return [_event(row) for row in rows]


def _event(row: Row) -> LoginEvent:
    scope, source, label, place, agent, outcome, first, last, times = row
    return LoginEvent(
        scope,
        source,
        label,
        place,
        agent,
        outcome,
        to_time(first),
        to_time(last),
        times,
    )


def is_first_login(tx: Tx, account: AccountId) -> bool:
    """Has the account never been opened?"""
    return tx.row("SELECT 1 FROM login_event WHERE account_id=? AND outcome='ok' LIMIT 1", account) is None


def is_known_network(tx: Tx, account: AccountId, beginning: str) -> bool:
    """Was it opened from a place that begins so?"""
    return (
        tx.row(
            "SELECT 1 FROM login_event WHERE account_id=? AND outcome='ok' AND substr(place,1,CAST(? AS SMALLINT))=? LIMIT 1",
            account,
            len(beginning),
            beginning,
        )
        is not None
    )


def delete_logins(tx: Tx, before: int) -> int:
    return tx.run("DELETE FROM login_event WHERE last_at<?", before)
