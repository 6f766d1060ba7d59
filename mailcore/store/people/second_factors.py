"""Second factors as SQL.  Secrets are sealed (services/signin/two_factor.py)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailcore.clock import to_time
from mailcore.domain import AccountId
from mailcore.store.engine.db import Row, Tx

_COLUMNS = "id,account_id,kind,label,handle,secret,counter,active,created_at,last_used_at"


class FactorKind(StrEnum):
    """Kind of a SecondFactor; a passkey is a log-in of its own, which asks for no second factor after a password."""

    TOTP = "totp"
    WEBAUTHN = "webauthn"
    PASSKEY = "passkey"


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """`handle` is a key's credential id; `counter` only grows."""

    id: int
    account: AccountId
    kind: FactorKind
    label: str
    handle: str
    secret: str
    counter: int
    active: bool
    created_at: datetime
    last_used_at: datetime | None

    def __repr__(self) -> str:
        return f"SecondFactor({self.id}, {self.kind})"


def _factor(row: Row) -> SecondFactor:
    number, account, kind, label, handle, secret, counter, active, created, used = row
    return SecondFactor(
        number,
        AccountId(account),
        FactorKind(kind),
        label,
        handle,
        secret,
        counter,
        bool(active),
        to_time(created),
        to_time(used) if used is not None else None,
    )


def list_factors(tx: Tx, account: AccountId, *, active: bool = True) -> list[SecondFactor]:
    rows = tx.rows(
        f"SELECT {_COLUMNS} FROM second_factor WHERE account_id=? AND active=? ORDER BY id",  # noqa: S608
        account,
        active,
    )
    return [_factor(row) for row in rows]


def has_factor(tx: Tx, account: AccountId) -> bool:
    """Say if a password alone is not enough; passkeys do not make it so."""
    sql = "SELECT 1 FROM second_factor WHERE account_id=? AND active<>0 AND kind<>'passkey' LIMIT 1"
    return tx.row(sql, account) is not None


def find_passkey(tx: Tx, handle: str) -> SecondFactor | None:
    row = tx.row(f"SELECT {_COLUMNS} FROM second_factor WHERE handle=? AND kind='passkey' AND active<>0", handle)  # noqa: S608
    return _factor(row) if row else None


def add_factor(
    tx: Tx,
    account: AccountId,
    kind: FactorKind,
    label: str,
    handle: str,
    secret: str,
    counter: int,
    now: int,
    *,
    active: bool,
) -> int:
    """Add a second factor, and drop those of its kind that were begun and never finished."""
    tx.run("DELETE FROM second_factor WHERE account_id=? AND kind=? AND active=0", account, kind)
    return tx.insert(
        "INSERT INTO second_factor (account_id,kind,label,handle,secret,counter,active,created_at) VALUES (?,?,?,?,?,?,?,?)",
        account,
        kind,
        label,
        handle,
        secret,
        counter,
        active,
        now,
    )


def activate_factor(tx: Tx, number: int) -> None:
    tx.run("UPDATE second_factor SET active=1 WHERE id=?", number)


def use_factor(tx: Tx, number: int, counter: int, now: int, *, equal: bool = False) -> bool:
    """Use a counter; return False if it was used before.  `equal`: keys without a counter say 0 each time."""
    operator = "<=" if equal else "<"
    return (
        tx.run(
            f"UPDATE second_factor SET counter=?, last_used_at=? WHERE id=? AND counter{operator}?",  # noqa: S608
            counter,
            now,
            number,
            counter,
        )
        == 1
    )


def delete_factor(tx: Tx, account: AccountId, number: int) -> str:
    """Delete a second factor or passkey, and return its kind; "" if the account has none of that number."""
    row = tx.row("DELETE FROM second_factor WHERE account_id=? AND id=? RETURNING kind", account, number)
    return str(row[0]) if row else ""


def delete_passkeys(tx: Tx, account: AccountId) -> int:
    return tx.run("DELETE FROM second_factor WHERE account_id=? AND kind='passkey'", account)


def delete_factors(tx: Tx, account: AccountId) -> int:
    return tx.run("DELETE FROM second_factor WHERE account_id=?", account)
