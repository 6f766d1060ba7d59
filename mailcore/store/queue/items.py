"""Outgoing mail at rest: items, leases, attempts.  Work is claimed by a conditional update, so nobody sends twice."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mailcore.clock import to_time
from mailcore.domain import AccountId, Attempt, Dsn, QueueItem, QueueState
from mailcore.log import about_mail, create_mail_id, current_mail_id
from mailcore.spans import open_span
from mailcore.store.engine.db import Row, Tx
from mailcore.store.mail.blobs import Blobs, Prepared
from mailcore.store.queue import destinations

QUEUE = AccountId(0)  # nobody's: whose change tells that there may be something to send (process/feed.py)
MOST_AHEAD = 4 * 3600  # seconds; no item waits longer for its next attempt, and no lease or rest is longer
_DUE = "state='waiting' AND next_at<=? AND leased_until<=?"
_COLUMNS = "id,sender,recipient,blob,prefix,tries,created_at,next_at,state,last_reply,account_id,origin,delay_told,"
_COLUMNS += "notify,ret,orcpt,envid,require_tls,mail_id"
_ENQUEUE = (
    "INSERT INTO queue (sender,recipient,domain,blob,prefix,account_id,origin,state,tries,created_at,next_at,"
    "leased_until,leased_by,last_reply,delay_told,notify,ret,orcpt,envid,require_tls,mail_id)"
    " VALUES (?,?,?,?,?,?,?,'waiting',0,?,?,0,'','',0,?,?,?,?,?,?) RETURNING id"
)
_NOTHING_SAID: Mapping[str, Dsn] = {}


def domain_of(address: str) -> str:
    return address.rpartition("@")[2].lower()


def _item(row: Row) -> QueueItem:
    return QueueItem(
        row[0],
        row[1],
        row[2],
        row[3],
        bytes(row[4]),
        row[5],
        to_time(row[6]),
        to_time(row[7]),
        QueueState(row[8]),
        row[9],
        row[10],
        row[11],
        bool(row[12]),
        Dsn(*row[13:17]),
        bool(row[17]),
        row[18],
    )


def enqueue_mail(
    tx: Tx,
    blobs: Blobs,
    *,
    sender: str,
    recipients: Sequence[str],
    prepared: Prepared,
    prefix: bytes,
    account: AccountId | None,
    origin: str,
    now: int,
    dsn: Mapping[str, Dsn] = _NOTHING_SAID,
    require_tls: bool = False,
) -> list[int]:
    """Save the message and one item per recipient; `dsn` is by recipient (RFC 3461).

    The items have the id of the message that causes them, so that the log tells of all that came of it.
    """
    blob, mail_id = blobs.save(tx, prepared, now), current_mail_id()
    if not mail_id:
        mail_id = create_mail_id()
        # Noted within the write, and costs it an append: a run that is undone had an id of its own, which nothing else has.
        with about_mail(mail_id), open_span("write", first=True, origin=origin):
            pass
    tx.changed.add(QUEUE)
    answers = tx.ask(
        [
            (
                _ENQUEUE,
                (
                    sender,
                    recipient,
                    domain_of(recipient),
                    blob,
                    prefix,
                    account,
                    origin,
                    now,
                    now,
                    said.notify,
                    said.ret,
                    said.orcpt,
                    said.envid,
                    require_tls,
                    mail_id,
                ),
            )
            for recipient in recipients
            for said in (dsn.get(recipient, Dsn()),)
        ]
    )
    return [int(rows[0][0]) for rows in answers]


def is_mail_due(tx: Tx, now: int, full: Sequence[str] = ()) -> bool:
    """Say if an item may be claimed now; `full` as in `claim_items`."""
    sql = f"SELECT 1 FROM queue WHERE {_DUE}{_but(full)} LIMIT 1"  # noqa: S608
    return tx.row(sql, now, now, *full) is not None


def _but(full: Sequence[str]) -> str:
    return f" AND domain NOT IN ({','.join('?' * len(full))})" if full else ""


def claim_items(
    tx: Tx, now: int, limit: int, lease_seconds: int, *, by: str = "", full: Sequence[str] = ()
) -> list[QueueItem]:
    """Lease what is due; a lease that ran out counts as free again.

    Args:
        by: name of the process that leases, so that others can see when it is dead.
        full: domains of which nothing more is wanted now.
    """
    rows = tx.rows(
        f"UPDATE queue SET leased_until=?, leased_by=? WHERE id IN (SELECT id FROM queue WHERE {_DUE}{_but(full)}"  # noqa: S608
        " ORDER BY next_at LIMIT ? /* skip locked */) AND leased_until<=?"
        f" RETURNING {_COLUMNS}",
        now + lease_seconds,
        by,
        now,
        now,
        *full,
        limit,
        now,
    )
    return [_item(row) for row in rows]


def is_mail_far_off(tx: Tx, now: int) -> bool:
    """Say if an item waits for longer than any may: a clock that was ahead has set its time."""
    sql = "SELECT 1 FROM queue WHERE state='waiting' AND next_at>? LIMIT 1"
    return tx.row(sql, now + MOST_AHEAD) is not None


def end_far_waits(tx: Tx, now: int) -> int:
    """Make due what waits for longer than any item may, and return the number of items."""
    destinations.end_far_rests(tx, now, now + MOST_AHEAD)
    return tx.run("UPDATE queue SET next_at=? WHERE state='waiting' AND next_at>?", now, now + MOST_AHEAD)


def is_lease_far_off(tx: Tx, now: int) -> bool:
    """Say if a lease is longer than any may be."""
    return tx.row("SELECT 1 FROM queue WHERE leased_until>? LIMIT 1", now + MOST_AHEAD) is not None


def end_far_leases(tx: Tx, now: int) -> int:
    """Free items whose lease is longer than any may be, and return their number."""
    return tx.run("UPDATE queue SET leased_until=0 WHERE leased_until>?", now + MOST_AHEAD)


def list_lessees(tx: Tx, now: int) -> list[str]:
    """Return the names of all who hold a lease now."""
    return [row[0] for row in tx.rows("SELECT DISTINCT leased_by FROM queue WHERE leased_until>?", now)]


def holds_lease(tx: Tx, item: int, lessee: str) -> bool:
    """Say if the item is still this process's; another takes it over when the lease ended or the node was taken for dead."""
    return tx.row("SELECT 1 FROM queue WHERE id=? AND leased_by=? AND leased_until>0", item, lessee) is not None


def release_items_of(tx: Tx, lessee: str, but: Sequence[int] = ()) -> int:
    """Give back what a process leased, but for these items; return the number of those that were given back."""
    return tx.run(
        "UPDATE queue SET leased_until=0 WHERE leased_by=? AND leased_until>0"
        " AND id NOT IN (SELECT value FROM json_each(?))",
        lessee,
        json.dumps(list(but)),
    )


def put_off_items(tx: Tx, items: Sequence[int], until: int, reply: str) -> None:
    """Put items off whose destination rests, or that were kept from being tried: no try, no lease."""
    tx.many(
        "UPDATE queue SET next_at=?, leased_until=0, last_reply=? WHERE id=?",
        [(until, reply, item) for item in items],
    )


def defer_item(tx: Tx, item: int, next_at: int, attempt: Attempt) -> None:
    _save_attempt(tx, item, attempt)
    tx.run(
        "UPDATE queue SET tries=tries+1, next_at=?, leased_until=0, last_reply=? WHERE id=?",
        next_at,
        attempt.reply,
        item,
    )


def capture_item(tx: Tx, item: int, attempt: Attempt) -> None:
    """Save the item to be shown; it is never sent (outbound.mode = "capture")."""
    _save_attempt(tx, item, attempt)
    tx.run("UPDATE queue SET state='captured', leased_until=0, last_reply=? WHERE id=?", attempt.reply, item)


def release_items(tx: Tx, items: Sequence[int], lessee: str) -> None:
    """Give items back, except those that another process has taken over."""
    tx.many("UPDATE queue SET leased_until=0 WHERE id=? AND leased_by=?", [(item, lessee) for item in items])


def delete_item(tx: Tx, item: int) -> None:
    tx.run("DELETE FROM attempt WHERE item=?", item)
    tx.run("DELETE FROM queue WHERE id=?", item)


def mark_delay_reported(tx: Tx, item: int) -> None:
    tx.run("UPDATE queue SET delay_told=1 WHERE id=?", item)


def find_item(tx: Tx, item: int) -> QueueItem | None:
    row = tx.row(f"SELECT {_COLUMNS} FROM queue WHERE id=?", item)  # noqa: S608
    return _item(row) if row else None


def list_items(tx: Tx, state: str | None = None) -> list[QueueItem]:
    rows = tx.rows(
        f"SELECT {_COLUMNS} FROM queue WHERE CAST(? AS TEXT) IS NULL OR state=? ORDER BY id LIMIT 10000",  # noqa: S608
        state,
        state,
    )
    return [_item(row) for row in rows]


@dataclass(frozen=True, slots=True)
class QueuedDestination:
    """Counts of items to a domain; `oldest` came first; `last_reply` is one of theirs, "" where none was tried."""

    domain: str
    waiting: int
    held: int
    oldest: datetime
    last_reply: str
    rests_until: datetime | None


def list_destinations(tx: Tx) -> list[QueuedDestination]:
    """Return every domain that mail is queued for, the one with the oldest item first."""
    rows = tx.rows(
        "SELECT q.domain, SUM(CASE WHEN q.state='waiting' THEN 1 ELSE 0 END), SUM(CASE WHEN q.state='held' THEN 1 ELSE 0 END),"
        " MIN(q.created_at), MAX(q.last_reply), MAX(d.until) FROM queue q LEFT JOIN destination d ON d.domain=q.domain"
        " GROUP BY q.domain ORDER BY MIN(q.created_at), q.domain LIMIT 500"
    )
    return [
        QueuedDestination(
            row[0],
            row[1],
            row[2],
            to_time(row[3]),
            row[4],
            to_time(row[5]) if row[5] else None,
        )
        for row in rows
    ]


def list_items_to(tx: Tx, domain: str, after: int, limit: int) -> list[QueueItem]:
    rows = tx.rows(
        f"SELECT {_COLUMNS} FROM queue WHERE domain=? AND id>? ORDER BY id LIMIT ?",  # noqa: S608
        domain,
        after,
        limit,
    )
    return [_item(row) for row in rows]


def list_of_blob(tx: Tx, *, blob: int) -> list[QueueItem]:
    """Return the items of a message that wait and that nobody sends at this moment."""
    sql = f"SELECT {_COLUMNS} FROM queue WHERE blob=? AND state IN ('waiting','held') ORDER BY id"  # noqa: S608
    return [_item(row) for row in tx.rows(sql, blob)]


def replace_octets(tx: Tx, *, item: int, blob: int, prefix: bytes, now: int) -> bool:
    """Let an item send another message; False where somebody sends it at this moment, or has."""
    sql = "UPDATE queue SET blob=?, prefix=? WHERE id=? AND state IN ('waiting','held') AND leased_until<=?"
    return tx.run(sql, blob, prefix, item, now) > 0


def list_given_up(tx: Tx, limit: int) -> list[int]:
    return [row[0] for row in tx.rows("SELECT id FROM queue WHERE state='given up' ORDER BY id LIMIT ?", limit)]


def save_state(tx: Tx, item: int, state: QueueState) -> None:
    tx.run("UPDATE queue SET state=? WHERE id=?", state, item)
    tx.changed.add(QUEUE)


def retry_items(tx: Tx, items: Sequence[int] | None, now: int) -> None:
    """Make items due now, whatever the back-off of them and of their destinations; None = all that wait."""
    tx.changed.add(QUEUE)
    if items is None:
        tx.run("UPDATE queue SET next_at=? WHERE state='waiting'", now)
        destinations.end_rests(tx, None)
        return
    if not items:
        return
    tx.many("UPDATE queue SET next_at=?, state='waiting' WHERE id=?", [(now, item) for item in items])
    marks = ",".join("?" * len(items))
    rows = tx.rows(f"SELECT DISTINCT domain FROM queue WHERE id IN ({marks})", *items)  # noqa: S608
    destinations.end_rests(tx, [row[0] for row in rows])


def list_attempts(tx: Tx, item: int) -> Sequence[Attempt]:
    rows = tx.rows("SELECT at, host, code, reply FROM attempt WHERE item=? ORDER BY id", item)
    return [Attempt(to_time(row[0]), *row[1:]) for row in rows]


def read_octets(tx: Tx, blobs: Blobs, item: QueueItem) -> bytes:
    return item.prefix + blobs.octets(tx, item.blob)


def _save_attempt(tx: Tx, item: int, attempt: Attempt) -> None:
    tx.run(
        "INSERT INTO attempt (item,at,host,code,reply) VALUES (?,?,?,?,?)",
        item,
        int(attempt.at.timestamp()),
        attempt.host,
        attempt.code,
        attempt.reply,
    )
