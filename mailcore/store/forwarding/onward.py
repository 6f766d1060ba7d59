"""Results of forwarded messages, as SQL.  "Delivered" means that the target's server took it with a 250."""

from dataclasses import dataclass
from datetime import datetime

from mailcore.clock import to_time
from mailcore.domain import AccountId
from mailcore.store.engine.db import Row, Tx

_COLUMNS = "item,content,target,at,state,host,code,reply,answered_at"


@dataclass(frozen=True, slots=True)
class Onward:
    """One message to one target; `content` is the SHA-256 of its octets as they came in."""

    item: int
    content: bytes
    target: str
    at: datetime
    state: str  # waiting, delivered, here, refused, unknown
    host: str
    code: int
    reply: str
    answered_at: datetime | None


def _onward(row: Row) -> Onward:
    item, content, target, at, state, host, code, reply, answered = row
    answered_at = to_time(answered) if answered is not None else None
    return Onward(item, bytes(content), target, to_time(at), state, host, code, reply, answered_at)


def add_message(tx: Tx, item: int, account: AccountId, content: bytes, target: str, now: int) -> None:
    """Add a row for a forwarded message, in the transaction that queues it."""
    # the queue may use a number again; whoever had it before went away without an answer
    tx.run("UPDATE onward SET state='unknown' WHERE item=? AND state='waiting'", item)
    tx.run(
        "INSERT INTO onward (item,account_id,content,target,at,state,host,code,reply) VALUES (?,?,?,?,?,'waiting','',0,'')",
        item,
        account,
        content,
        target,
        now,
    )


def save_answer(tx: Tx, item: int, state: str, *, host: str, code: int, reply: str, now: int) -> None:
    """Save the reply of the target's server; `state` stays `waiting` if the message shall be tried again."""
    tx.run(
        "UPDATE onward SET state=?, host=?, code=?, reply=?, answered_at=? WHERE item=? AND state='waiting'",
        state,
        host,
        code,
        reply[:500],
        now,
        item,
    )


def save_return(tx: Tx, account: AccountId, content: bytes, target: str, reply: str, now: int) -> None:
    """Mark a message as refused that was taken with a 250, but did not arrive, as a report says."""
    tx.run(
        "UPDATE onward SET state='refused', reply=?, answered_at=? WHERE account_id=? AND content=? AND target=?",
        reply[:500],
        now,
        account,
        content,
        target,
    )


def find_content(tx: Tx, item: int) -> bytes | None:
    """Return the SHA-256 of the octets, as they came in, of an item that is still in the queue."""
    row = tx.row("SELECT content FROM onward WHERE item=? ORDER BY id DESC LIMIT 1", item)
    return bytes(row[0]) if row else None


def list_of_content(tx: Tx, account: AccountId, content: bytes) -> list[Onward]:
    rows = tx.rows(f"SELECT {_COLUMNS} FROM onward WHERE account_id=? AND content=? ORDER BY id", account, content)  # noqa: S608
    return [_onward(row) for row in rows]


def list_latest(tx: Tx, account: AccountId, limit: int) -> list[Onward]:
    """Return those that were answered at least once, newest first."""
    rows = tx.rows(
        f"SELECT {_COLUMNS} FROM onward WHERE account_id=? AND answered_at IS NOT NULL"  # noqa: S608
        " ORDER BY at DESC, id DESC LIMIT ?",
        account,
        limit,
    )
    return [_onward(row) for row in rows]


def count_results(tx: Tx, account: AccountId, since: int) -> dict[str, int]:
    """Count messages since then, by state."""
    return dict(
        tx.rows("SELECT state, count(*) FROM onward WHERE account_id=? AND at>=? GROUP BY state", account, since)
    )


def delete_old(tx: Tx, before: int) -> int:
    """Delete rows older than `before` whose message is removed; those with a local copy stay, for the copy's sake."""
    return tx.run(
        "DELETE FROM onward WHERE at<? AND NOT EXISTS (SELECT 1 FROM blob b JOIN message m ON m.blob=b.id"
        " WHERE b.name=onward.content)",
        before,
    )
