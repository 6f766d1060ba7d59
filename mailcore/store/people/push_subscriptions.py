"""Browsers that are told of new mail, as SQL."""

from collections.abc import Iterable
from dataclasses import dataclass

from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx


@dataclass(frozen=True, slots=True)
class PushSubscription:
    """A browser; `agent` is what it says of itself, `created_at` in seconds since 1970."""

    id: int
    endpoint: str
    agent: str
    created_at: int


@dataclass(frozen=True, slots=True)
class DueSubscription:
    """A browser whose owner's INBOX got messages: their UIDs are from `told` up to below `next_uid`."""

    id: int
    endpoint: str
    failures: int
    mailbox: int
    told: int
    next_uid: int


def list_subscriptions(tx: Tx, account: AccountId) -> list[PushSubscription]:
    rows = tx.rows(
        "SELECT id,endpoint,agent,created_at FROM push_subscription WHERE account_id=? ORDER BY created_at, id", account
    )
    return [PushSubscription(*row) for row in rows]


def save_subscription(tx: Tx, account: AccountId, endpoint: str, agent: str, now: int) -> None:
    """Save a browser, told of what comes from now on; whoever asked by it last is told."""
    tx.run("DELETE FROM push_subscription WHERE endpoint=?", endpoint)
    tx.run(
        "INSERT INTO push_subscription (account_id,endpoint,agent,created_at,told,due_at,failures)"
        " SELECT account_id,?,?,?,uidnext,0,0 FROM mailbox WHERE account_id=? AND name='INBOX'",
        endpoint,
        agent,
        now,
        account,
    )


def delete_subscription(tx: Tx, account: AccountId, number: int) -> bool:
    return tx.run("DELETE FROM push_subscription WHERE account_id=? AND id=?", account, number) > 0


def delete_subscriptions(tx: Tx, account: AccountId) -> None:
    tx.run("DELETE FROM push_subscription WHERE account_id=?", account)


def list_due(tx: Tx, now: int, most: int) -> list[DueSubscription]:
    """List browsers whose owners' INBOX got messages since they were told."""
    rows = tx.rows(
        "SELECT p.id,p.endpoint,p.failures,m.id,p.told,m.uidnext FROM push_subscription p"
        " JOIN mailbox m ON m.account_id=p.account_id AND m.name='INBOX'"
        " WHERE p.due_at<=? AND m.uidnext<>p.told ORDER BY p.due_at, p.id LIMIT ?",
        now,
        most,
    )
    return [DueSubscription(*row) for row in rows]


def claim_due(tx: Tx, due: DueSubscription, due_at: int) -> bool:
    """Take what is due; False where another process did, or the browser has gone.

    Returns True only where one of the messages has not been read yet: else there is nothing to tell.
    """
    taken = tx.run(
        "UPDATE push_subscription SET told=?, due_at=? WHERE id=? AND told=?", due.next_uid, due_at, due.id, due.told
    )
    return bool(taken) and has_unread(tx, due)


def has_unread(tx: Tx, due: DueSubscription) -> bool:
    return (
        tx.row(
            "SELECT 1 FROM message WHERE mailbox=? AND uid>=? AND uid<? AND flags & 1 = 0 LIMIT 1",
            due.mailbox,
            due.told,
            due.next_uid,
        )
        is not None
    )


def save_success(tx: Tx, numbers: Iterable[int]) -> None:
    tx.many("UPDATE push_subscription SET failures=0 WHERE id=? AND failures<>0", [(number,) for number in numbers])


def save_failure(tx: Tx, due: DueSubscription, due_at: int) -> None:
    """Save that a push failed; it is sent again at `due_at`."""
    tx.run(
        "UPDATE push_subscription SET told=?, due_at=?, failures=? WHERE id=?",
        due.told,
        due_at,
        due.failures + 1,
        due.id,
    )


def delete_gone(tx: Tx, numbers: Iterable[int]) -> None:
    tx.many("DELETE FROM push_subscription WHERE id=?", [(number,) for number in numbers])
