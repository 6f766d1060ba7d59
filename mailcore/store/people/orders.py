"""Orders as SQL.  The rules stand in services/accounts/orders.py."""

from collections.abc import Sequence

from mailcore.clock import to_time
from mailcore.domain import AccountId, Order, OrderState
from mailcore.store.engine.db import Row, Tx
from mailcore.store.people.skeleton import skeleton

_COLUMNS = "id,name,display_name,contact,affiliation,state,language,created_at,account_id,person,proof,confirmed"
OPEN = "('submitted','awaiting proof')"


def _order(row: Row) -> Order:
    number, name, display_name, contact, affiliation, state, language, at, account, person, proof, confirmed = row
    return Order(
        number,
        name,
        display_name,
        contact,
        affiliation,
        OrderState(state),
        language,
        to_time(at),
        account,
        person,
        proof,
        bool(confirmed),
    )


def add_order(
    tx: Tx,
    key: str,
    *,
    name: str,
    display_name: str,
    contact: str,
    affiliation: str,
    language: str,
    terms: str,
    person: str,
    proof: str,
    token: str,
    now: int,
    place: str = "",
) -> Order:
    number = tx.insert(
        "INSERT INTO orders (key,name,display_name,contact,affiliation,state,language,terms,person,proof,token,created_at,place)"
        " VALUES (?,?,?,?,?,'submitted',?,?,?,?,?,?,?)",
        key,
        name,
        display_name,
        contact,
        affiliation,
        language,
        terms,
        person,
        proof,
        token,
        now,
        place,
    )
    return _order(tx.row(f"SELECT {_COLUMNS} FROM orders WHERE id=?", number) or ())  # noqa: S608


def find_order(tx: Tx, number: int) -> Order | None:
    row = tx.row(f"SELECT {_COLUMNS} FROM orders WHERE id=?", number)  # noqa: S608
    return _order(row) if row else None


def find_order_by_key(tx: Tx, key: str) -> Order | None:
    row = tx.row(f"SELECT {_COLUMNS} FROM orders WHERE key=?", key)  # noqa: S608
    return _order(row) if row else None


def find_order_by_token(tx: Tx, hashed: str) -> Order | None:
    row = tx.row(f"SELECT {_COLUMNS} FROM orders WHERE token=? AND token<>''", hashed)  # noqa: S608
    return _order(row) if row else None


def list_orders(tx: Tx, states: Sequence[OrderState]) -> list[Order]:
    """List the orders in any of `states`, oldest first."""
    marks = ",".join("?" * len(states))
    rows = tx.rows(f"SELECT {_COLUMNS} FROM orders WHERE state IN ({marks}) ORDER BY id", *states)  # noqa: S608
    return [_order(row) for row in rows]


_HOLDS = "(confirmed=1 OR state='awaiting proof' OR created_at>?)"


def is_wanted(tx: Tx, name: str, since: int, besides: int = 0) -> bool:
    """Does an open order hold that name: one confirmed, asked about by the desk, or created after `since`?"""
    sql = f"SELECT 1 FROM orders WHERE name=? AND id<>? AND state IN {OPEN} AND {_HOLDS}"  # noqa: S608
    return tx.row(sql, name, besides, since) is not None


def count_unconfirmed(tx: Tx, place: str, since: int) -> int:
    """Count the orders from that place that hold a name and are not confirmed yet."""
    sql = f"SELECT count(*) FROM orders WHERE place=? AND confirmed=0 AND state IN {OPEN} AND created_at>?"  # noqa: S608
    row = tx.row(sql, place, since)
    return int(row[0]) if row else 0


def save_state(tx: Tx, number: int, state: OrderState) -> bool:
    """Set the state of an order that is not decided; return True if there was one."""
    return tx.run(f"UPDATE orders SET state=? WHERE id=? AND state IN {OPEN}", state, number) == 1  # noqa: S608


def save_decision(tx: Tx, number: int, state: OrderState, account: AccountId | None, now: int) -> bool:
    """Decide an order; return False if it was decided before."""
    return (
        tx.run(
            f"UPDATE orders SET state=?, account_id=?, decided_at=?, token='', place='' WHERE id=? AND state IN {OPEN}",  # noqa: S608
            state,
            account,
            now,
            number,
        )
        == 1
    )


def save_change(tx: Tx, number: int, *, name: str, affiliation: str) -> None:
    tx.run("UPDATE orders SET name=?, affiliation=? WHERE id=?", name, affiliation, number)


def save_confirmation(tx: Tx, number: int) -> None:
    tx.run("UPDATE orders SET confirmed=1, place='' WHERE id=?", number)


def save_token(tx: Tx, number: int, hashed: str) -> None:
    tx.run("UPDATE orders SET token=? WHERE id=?", hashed, number)


def expire_orders(tx: Tx, before: int, unconfirmed_before: int, now: int) -> int:
    """Expire orders that nobody decided, or confirmed, and erase the person's data in them."""
    return tx.run(
        "UPDATE orders SET state='expired', decided_at=?, display_name='', contact='', affiliation='', person='', proof='',"  # noqa: S608
        f" token='', place='' WHERE state IN {OPEN} AND (created_at<? OR (confirmed=0 AND state='submitted' AND created_at<?))",
        now,
        before,
        unconfirmed_before,
    )


def erase_decided_orders(tx: Tx, before: int) -> int:
    """Erase the personal data of orders rejected before that time; return their number."""
    return tx.run(
        "UPDATE orders SET display_name='', contact='', affiliation='', person='', proof='' WHERE state='rejected'"
        " AND decided_at<? AND contact<>''",
        before,
    )


def looks_like(tx: Tx, name: str, domain: str, *, besides: str, account: AccountId | None = None) -> bool:
    """Is there another address, of somebody else than `account`, that people would take for this one?"""
    return (
        tx.row(
            "SELECT 1 FROM address WHERE skeleton=? AND domain=? AND localpart<>? AND COALESCE(account_id,former,0)<>? LIMIT 1",
            skeleton(name),
            domain,
            besides,
            account or -1,
        )
        is not None
    )


# Log-ins elsewhere that belong to an account


def save_link(tx: Tx, account: AccountId, provider: str, mark: str, now: int) -> None:
    tx.run(
        "INSERT INTO elsewhere (provider,mark,account_id,linked_at) VALUES (?,?,?,?)"
        " ON CONFLICT (provider,mark) DO UPDATE SET account_id=excluded.account_id, linked_at=excluded.linked_at",
        provider,
        mark,
        account,
        now,
    )


def find_linked(tx: Tx, provider: str, mark: str) -> AccountId | None:
    row = tx.row("SELECT account_id FROM elsewhere WHERE provider=? AND mark=?", provider, mark)
    return AccountId(row[0]) if row else None


def list_links(tx: Tx, account: AccountId) -> list[tuple[str, int]]:
    """Return the providers, and when each was linked."""
    return [(row[0], row[1]) for row in tx.rows("SELECT provider,linked_at FROM elsewhere WHERE account_id=?", account)]


def delete_links(tx: Tx, account: AccountId) -> int:
    """Delete all log-ins elsewhere of an account; return how many."""
    return tx.run("DELETE FROM elsewhere WHERE account_id=?", account)


def delete_link(tx: Tx, account: AccountId, provider: str) -> bool:
    return tx.run("DELETE FROM elsewhere WHERE account_id=? AND provider=?", account, provider) > 0
