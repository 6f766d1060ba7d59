"""Webhooks and what is on its way to them, as SQL.

A delivery is saved in the transaction of the change that it tells of.  One process at a time works for a webhook, by a lease;
what was sent and whose answer was not saved is sent again.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from mailcore.clock import to_time
from mailcore.domain import AccountId, Webhook, WebhookDelivery, WebhookDeliveryState, WebhookKind, WebhookState
from mailcore.store.engine.db import Row, Tx

_WAITING = "SELECT count(*) FROM webhook_delivery d WHERE d.webhook_id=w.id AND d.state='waiting'"
_COLUMNS = f"w.id,w.label,w.url,w.kinds,w.state,w.failures,w.missed,({_WAITING}),w.created_at"
_DELIVERY = "id,webhook_id,event,kind,body,state,tries,created_at,next_at,answer,answered_at"


class LeasedWebhook(NamedTuple):
    """A webhook that this process works for."""

    id: int
    url: str
    failures: int


def _webhook(row: Row) -> Webhook:
    kinds = tuple(WebhookKind(kind) for kind in row[3].split())
    return Webhook(row[0], row[1], row[2], kinds, WebhookState(row[4]), row[5], row[6], row[7], to_time(row[8]))


def _delivery(row: Row) -> WebhookDelivery:
    answered = to_time(row[10]) if row[10] is not None else None
    return WebhookDelivery(
        row[0],
        row[1],
        row[2],
        WebhookKind(row[3]),
        row[4],
        WebhookDeliveryState(row[5]),
        row[6],
        to_time(row[7]),
        to_time(row[8]),
        row[9],
        answered,
    )


# Webhooks


def add_webhook(tx: Tx, label: str, url: str, kinds: Sequence[WebhookKind], now: int) -> int:
    """Add a webhook that is not told of anything yet: its key is not there."""
    return tx.insert(
        "INSERT INTO webhook (label,url,kinds,sealed,former,former_until,state,failures,missed,next_at,leased_until,created_at)"
        " VALUES (?,?,?,'','',0,'off',0,0,0,0,?)",
        label,
        url,
        " ".join(kinds),
        now,
    )


def list_webhooks(tx: Tx) -> list[Webhook]:
    return [_webhook(row) for row in tx.rows(f"SELECT {_COLUMNS} FROM webhook w ORDER BY w.id")]  # noqa: S608


def find_webhook(tx: Tx, id_: int) -> Webhook | None:
    row = tx.row(f"SELECT {_COLUMNS} FROM webhook w WHERE w.id=?", id_)  # noqa: S608
    return _webhook(row) if row else None


def save_key(tx: Tx, id_: int, sealed: str, former_until: int) -> None:
    """Save a new key; the one before counts beside it until then."""
    tx.run("UPDATE webhook SET former=sealed, former_until=?, sealed=? WHERE id=?", former_until, sealed, id_)


def list_keys(tx: Tx, id_: int, now: int) -> list[str]:
    """Return the sealed keys that count, the newest first."""
    row = tx.row("SELECT sealed, CASE WHEN former_until>? THEN former ELSE '' END FROM webhook WHERE id=?", now, id_)
    return [sealed for sealed in row if sealed] if row else []


def save_state(tx: Tx, id_: int, state: WebhookState) -> bool:
    """Turn it on or off; it is asked at once.  False where there is no such webhook."""
    return tx.run("UPDATE webhook SET state=?, failures=0, next_at=0 WHERE id=?", state, id_) > 0


def end_webhook(tx: Tx, id_: int) -> None:
    """Note that its server wants to hear nothing more, if it is still on."""
    tx.run("UPDATE webhook SET state='gone', failures=0 WHERE id=? AND state='on'", id_)


def delete_webhook(tx: Tx, id_: int) -> bool:
    """Delete it with all that was on its way to it."""
    tx.run("DELETE FROM webhook_delivery WHERE webhook_id=?", id_)
    return tx.run("DELETE FROM webhook WHERE id=?", id_) > 0


# What is on its way


def list_listeners(tx: Tx, kind: WebhookKind) -> list[int]:
    """Return the webhooks that want to hear of this kind, also while their server is away."""
    rows = tx.rows("SELECT id, kinds FROM webhook WHERE state='on' ORDER BY id")
    return [id_ for id_, kinds in rows if kind in kinds.split()]


def add_delivery(
    tx: Tx,
    id_: int,
    account: AccountId | None,
    event: str,
    kind: WebhookKind,
    body: str,
    now: int,
    most: int,
) -> bool:
    """Save what a webhook is told; False, and it is counted as missed, where `most` wait already."""
    # as far as that, and no further: the rows of a server that is away for a week are not all counted for each change
    sql = "SELECT count(*) FROM (SELECT 1 FROM webhook_delivery WHERE webhook_id=? AND state='waiting' LIMIT ?) AS w"
    if tx.rows(sql, id_, most)[0][0] >= most:
        tx.run("UPDATE webhook SET missed=missed+1 WHERE id=?", id_)
        return False
    tx.insert(
        "INSERT INTO webhook_delivery (webhook_id,account_id,event,kind,body,state,tries,next_at,created_at,answer)"
        " VALUES (?,?,?,?,?,'waiting',0,?,?,'')",
        id_,
        account,
        event,
        kind,
        body,
        now,
        now,
    )
    return True


def list_deliveries(tx: Tx, id_: int, before: int, limit: int) -> list[WebhookDelivery]:
    """Return deliveries of a webhook, newest first; `before` a delivery's number, 0 = from the newest."""
    rows = tx.rows(
        f"SELECT {_DELIVERY} FROM webhook_delivery WHERE webhook_id=? AND (?=0 OR id<?) ORDER BY id DESC LIMIT ?",  # noqa: S608
        id_,
        before,
        before,
        limit,
    )
    return [_delivery(row) for row in rows]


def list_due_webhooks(tx: Tx, now: int) -> list[int]:
    """Return the webhooks that have something to be told now, and that no process works for."""
    rows = tx.rows(
        "SELECT w.id FROM webhook w WHERE w.state='on' AND w.next_at<=? AND w.leased_until<=? AND EXISTS"
        " (SELECT 1 FROM webhook_delivery d WHERE d.webhook_id=w.id AND d.state='waiting' AND d.next_at<=?) ORDER BY w.id",
        now,
        now,
        now,
    )
    return [row[0] for row in rows]


def claim_webhook(tx: Tx, id_: int, now: int, lease_seconds: int) -> int:
    """Take the work for a webhook, and return the end of the lease; 0 where another process has it."""
    until = now + lease_seconds
    sql = "UPDATE webhook SET leased_until=? WHERE id=? AND state='on' AND next_at<=? AND leased_until<=?"
    return until if tx.run(sql, until, id_, now, now) else 0


def find_leased(tx: Tx, id_: int, lease: int) -> LeasedWebhook | None:
    """Find a webhook that is on and whose work is still this process's."""
    row = tx.row("SELECT url, failures FROM webhook WHERE id=? AND state='on' AND leased_until=?", id_, lease)
    return LeasedWebhook(id_, row[0], row[1]) if row else None


def release_webhook(tx: Tx, id_: int, lease: int) -> None:
    tx.run("UPDATE webhook SET leased_until=0 WHERE id=? AND leased_until=?", id_, lease)


def find_next_delivery(tx: Tx, id_: int, now: int) -> WebhookDelivery | None:
    """Return the delivery that is due for the longest time."""
    row = tx.row(
        f"SELECT {_DELIVERY} FROM webhook_delivery WHERE webhook_id=? AND state='waiting' AND next_at<=?"  # noqa: S608
        " ORDER BY next_at, id LIMIT 1",
        id_,
        now,
    )
    return _delivery(row) if row else None


def save_answer(tx: Tx, delivery: int, state: WebhookDeliveryState, answer: str, now: int, next_at: int) -> None:
    """Save what became of a try."""
    tx.run(
        "UPDATE webhook_delivery SET state=?, tries=tries+1, answer=?, answered_at=?, next_at=? WHERE id=?",
        state,
        answer,
        now,
        next_at,
        delivery,
    )


def save_rest(tx: Tx, id_: int, failures: int, next_at: int) -> None:
    """Leave a server alone for a while; 0 and 0 when it has answered."""
    tx.run("UPDATE webhook SET failures=?, next_at=? WHERE id=? AND state='on'", failures, next_at, id_)


def send_again(tx: Tx, id_: int, delivery: int | None, now: int) -> int:
    """Make one delivery, or all that were given up, due now; return how many."""
    which = "state='given up'" if delivery is None else "id=?"
    values = () if delivery is None else (delivery,)
    count = tx.run(
        f"UPDATE webhook_delivery SET state='waiting', tries=0, next_at=? WHERE webhook_id=? AND {which}",  # noqa: S608
        now,
        id_,
        *values,
    )
    if count:
        save_rest(tx, id_, 0, 0)
    return count


def delete_old_deliveries(tx: Tx, before: int) -> None:
    """Delete what has an answer from before that time, and what has waited since then, which its webhook counts as missed."""
    tx.run("DELETE FROM webhook_delivery WHERE state<>'waiting' AND answered_at<?", before)
    waited = tx.rows("DELETE FROM webhook_delivery WHERE state='waiting' AND created_at<? RETURNING webhook_id", before)
    for webhook, count in Counter(row[0] for row in waited).items():
        tx.run("UPDATE webhook SET missed=missed+? WHERE id=?", count, webhook)
