"""The forwarding of an account as SQL: its target and state, and the question that waits for an answer."""

from mailcore.clock import to_time
from mailcore.domain import AccountId, Forwarding, ForwardingState
from mailcore.store.engine.db import Tx

_COLUMNS = "target,state,copy,failures,last_reply,confirmed_at,unsafe,digest,rolling_days"


def get_forwarding(tx: Tx, account: AccountId) -> Forwarding:
    row = tx.row(f"SELECT {_COLUMNS} FROM forwarding WHERE account_id=?", account)  # noqa: S608
    if row is None:
        return Forwarding()
    confirmed_at = to_time(row[5]) if row[5] is not None else None
    return Forwarding(
        row[0], ForwardingState(row[1]), bool(row[2]), row[3], row[4], confirmed_at, row[6], bool(row[7]), row[8]
    )


def save_forwarding(tx: Tx, account: AccountId, forwarding: Forwarding, token: str = "") -> None:
    confirmed_at = int(forwarding.confirmed_at.timestamp()) if forwarding.confirmed_at else None
    tx.run(
        "INSERT INTO forwarding (account_id,target,state,copy,failures,last_reply,confirmed_at,token,unsafe,"
        "digest,rolling_days) VALUES (?,?,?,?,?,?,?,?,?,?,?)"
        " ON CONFLICT (account_id) DO UPDATE SET target=excluded.target, state=excluded.state, copy=excluded.copy,"
        " failures=excluded.failures, last_reply=excluded.last_reply,"
        " confirmed_at=excluded.confirmed_at, token=excluded.token, unsafe=excluded.unsafe, digest=excluded.digest,"
        " rolling_days=excluded.rolling_days",
        account,
        forwarding.target,
        forwarding.state.value,
        forwarding.copy,
        forwarding.failures,
        forwarding.last_reply,
        confirmed_at,
        token,
        forwarding.unsafe,
        forwarding.digest,
        forwarding.rolling_days,
    )


def get_question_hash(tx: Tx, account: AccountId) -> str:
    """Return the hash of the token in the question that waits for an answer, or ""."""
    row = tx.row("SELECT token FROM forwarding WHERE account_id=?", account)
    return str(row[0]) if row else ""


def find_account_by_question(tx: Tx, hashed: str) -> AccountId | None:
    row = tx.row("SELECT account_id FROM forwarding WHERE token=? AND token<>''", hashed)
    return AccountId(row[0]) if row else None
