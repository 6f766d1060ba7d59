"""Contact addresses, recovery at the desk and recovery codes as SQL."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailcore.clock import to_time
from mailcore.domain import AccountId
from mailcore.store.engine.db import Row, Tx


class RecoveryState(StrEnum):
    """State of a Recovery: it waits for a second agent, was done, or was dropped."""

    WAITING = "waiting"
    DONE = "done"
    DROPPED = "dropped"


@dataclass(frozen=True, slots=True)
class Recovery:
    """`proof` is what the first agent saw."""

    id: int
    account: AccountId
    agent: str
    proof: str
    send_to: str
    ticket: int | None
    state: RecoveryState
    created_at: datetime


def list_verified(tx: Tx, account: AccountId) -> list[str]:
    return [row[0] for row in tx.rows("SELECT address FROM reach WHERE account_id=? ORDER BY id", account)]


def list_accounts_verifying(tx: Tx, address: str, most: int) -> list[tuple[AccountId, str]]:
    """Return the active accounts that have verified it, with the address as it is saved; `address` in lower case."""
    rows = tx.rows(
        "SELECT r.account_id,r.address FROM reach r JOIN account a ON a.id=r.account_id"
        " WHERE lower(r.address)=? AND a.state='active' ORDER BY r.id LIMIT ?",
        address,
        most,
    )
    return [(AccountId(row[0]), row[1]) for row in rows]


def save_verified(tx: Tx, account: AccountId, address: str, now: int) -> None:
    tx.run(
        "INSERT INTO reach (account_id,address,verified_at) VALUES (?,?,?)"
        " ON CONFLICT (account_id,address) DO UPDATE SET verified_at=excluded.verified_at",
        account,
        address,
        now,
    )
    tx.run("DELETE FROM lost_contact WHERE account_id=? AND address=?", account, address)


def mark_lost(tx: Tx, account: AccountId, address: str, now: int) -> bool:
    """Take the proof off an address; False if there was none."""
    if not delete_verified(tx, account, address):
        return False
    tx.run(
        "INSERT INTO lost_contact (account_id,address,at) VALUES (?,?,?) ON CONFLICT DO NOTHING", account, address, now
    )
    return True


def list_unasked(tx: Tx, before: int, limit: int) -> list[tuple[AccountId, str]]:
    """Return verified addresses of active accounts that were neither proved nor asked since then."""
    rows = tx.rows(
        "SELECT r.account_id,r.address FROM reach r JOIN account a ON a.id=r.account_id"
        " WHERE r.verified_at<? AND r.asked_at<? AND a.state='active' ORDER BY r.id LIMIT ?",
        before,
        before,
        limit,
    )
    return [(AccountId(row[0]), row[1]) for row in rows]


def save_asked(tx: Tx, account: AccountId, address: str, now: int) -> bool:
    """Save that it was asked; False if it is no longer one of the account's."""
    return tx.run("UPDATE reach SET asked_at=? WHERE account_id=? AND address=?", now, account, address) > 0


def delete_verified(tx: Tx, account: AccountId, address: str) -> bool:
    return tx.run("DELETE FROM reach WHERE account_id=? AND address=?", account, address) > 0


# Recovery at the desk

_COLUMNS = "id,account_id,agent,proof,send_to,ticket,state,created_at"


def _recovery(row: Row) -> Recovery:
    number, account, agent, proof, send_to, ticket, state, at = row
    return Recovery(number, AccountId(account), agent, proof, send_to, ticket, state, to_time(at))


def add_recovery(
    tx: Tx, account: AccountId, agent: str, proof: str, send_to: str, ticket: int | None, now: int
) -> Recovery:
    """Save a request that waits for a second agent; older ones for the account are dropped."""
    tx.run("UPDATE recovery SET state='dropped' WHERE account_id=? AND state='waiting'", account)
    number = tx.insert(
        "INSERT INTO recovery (account_id,agent,proof,send_to,ticket,state,created_at) VALUES (?,?,?,?,?,'waiting',?)",
        account,
        agent,
        proof,
        send_to,
        ticket,
        now,
    )
    return Recovery(number, account, agent, proof, send_to, ticket, RecoveryState.WAITING, to_time(now))


def find_recovery(tx: Tx, number: int) -> Recovery | None:
    row = tx.row(f"SELECT {_COLUMNS} FROM recovery WHERE id=?", number)  # noqa: S608
    return _recovery(row) if row else None


def list_waiting(tx: Tx, since: int) -> list[Recovery]:
    rows = tx.rows(f"SELECT {_COLUMNS} FROM recovery WHERE state='waiting' AND created_at>? ORDER BY id", since)  # noqa: S608
    return [_recovery(row) for row in rows]


def finish_recovery(tx: Tx, number: int, state: RecoveryState) -> bool:
    """Set the state of a waiting recovery; return False if somebody did before."""
    return tx.run("UPDATE recovery SET state=? WHERE id=? AND state='waiting'", state, number) == 1


# Recovery codes


def save_codes(tx: Tx, account: AccountId, hashes: list[str]) -> None:
    tx.run("DELETE FROM recovery_code WHERE account_id=?", account)
    tx.many("INSERT INTO recovery_code (account_id,hash) VALUES (?,?)", [(account, hashed) for hashed in hashes])


def count_codes(tx: Tx, account: AccountId) -> int:
    row = tx.row("SELECT count(*) FROM recovery_code WHERE account_id=? AND used_at IS NULL", account)
    return int(row[0]) if row else 0


def spend_code(tx: Tx, account: AccountId, hashed: str, now: int) -> bool:
    """Spend a recovery code; return True once only."""
    return (
        tx.run(
            "UPDATE recovery_code SET used_at=? WHERE account_id=? AND hash=? AND used_at IS NULL", now, account, hashed
        )
        == 1
    )
