"""Mail that owners fetch from another server, as SQL."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

from mailcore.clock import to_time
from mailcore.domain import AccountId
from mailcore.store.engine.db import Row, Tx


class FetchState(StrEnum):
    """State of a fetch; LISTING and RUNNING are worked on, the others wait for their owner or are over."""

    LISTING = "listing"
    CHOOSING = "choosing"
    RUNNING = "running"
    PAUSED = "paused"
    REFUSED = "refused"
    FULL = "full"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class FetchedFolder:
    """A mailbox there: its name on the wire and here, what it held when it was listed, and how far it was fetched."""

    there: str
    name: str
    special_use: str
    messages: int
    octets: int
    chosen: bool = True
    uid: int = 0
    done: int = 0
    uidvalidity: int = 0
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class Fetch:
    """`sealed` is the password there; `failures` in a row; `problem` a sentence for the owner, or "".

    `provider`: where its owner has consented; then tokens are sealed, and no password.
    """

    id: int
    account: AccountId
    host: str
    port: int
    user: str
    sealed: str
    state: FetchState
    folders: tuple[FetchedFolder, ...]
    problem: str
    messages: int
    there: int
    left_out: int
    failures: int
    created_at: datetime
    provider: str = ""

    @property
    def total(self) -> int:
        """Octets of the chosen folders."""
        return sum(folder.octets for folder in self.folders if folder.chosen)

    @property
    def percent(self) -> int:
        done = sum(folder.octets if folder.is_over else folder.done for folder in self.folders if folder.chosen)
        return min(100, done * 100 // self.total) if self.total else 0


_COLUMNS = (
    "id,account_id,host,port,login,sealed,state,folders,problem,messages,there,left_out,failures,created_at,provider"
)


def _fetch(row: Row) -> Fetch:
    id_, account, host, port, user, sealed, state, folders, problem, messages, there, left_out, failures = row[:13]
    return Fetch(
        id_,
        AccountId(account),
        host,
        port,
        user,
        sealed,
        FetchState(state),
        tuple(FetchedFolder(**folder) for folder in json.loads(folders)),
        problem,
        messages,
        there,
        left_out,
        failures,
        to_time(row[13]),
        row[14],
    )


def _to_text(folders: tuple[FetchedFolder, ...]) -> str:
    return json.dumps([asdict(folder) for folder in folders], ensure_ascii=False)


def add_fetch(tx: Tx, account: AccountId, host: str, port: int, user: str, now: int, provider: str = "") -> int:
    """Add a fetch that nobody works on yet: its password is not there."""
    return tx.insert(
        "INSERT INTO mail_fetch (account_id,host,port,login,sealed,state,folders,problem,messages,there,left_out,failures,"
        "leased_until,next_at,created_at,updated_at,provider) VALUES (?,?,?,?,'','paused','[]','',0,0,0,0,0,0,?,?,?)",
        account,
        host,
        port,
        user,
        now,
        now,
        provider,
    )


def find_fetch(tx: Tx, account: AccountId, id_: int) -> Fetch | None:
    row = tx.row(f"SELECT {_COLUMNS} FROM mail_fetch WHERE account_id=? AND id=?", account, id_)  # noqa: S608
    return _fetch(row) if row else None


def list_fetches(tx: Tx, account: AccountId) -> list[Fetch]:
    rows = tx.rows(f"SELECT {_COLUMNS} FROM mail_fetch WHERE account_id=? ORDER BY id DESC", account)  # noqa: S608
    return [_fetch(row) for row in rows]


def list_due(tx: Tx, now: int, limit: int) -> list[Fetch]:
    """List those to be worked on that no process has, those first that waited longest."""
    rows = tx.rows(
        f"SELECT {_COLUMNS} FROM mail_fetch WHERE state IN ('listing','running') AND next_at<=? AND leased_until<=?"  # noqa: S608
        " ORDER BY next_at, id LIMIT ?",
        now,
        now,
        limit,
    )
    return [_fetch(row) for row in rows]


def claim_fetch(tx: Tx, id_: int, now: int, lease_seconds: int) -> int:
    """Take the fetch, and return the end of the lease; 0 when another process has it, or has just had it for a turn."""
    until = now + lease_seconds
    claimed = tx.run(
        "UPDATE mail_fetch SET leased_until=? WHERE id=? AND next_at<=? AND leased_until<=?"
        " AND state IN ('listing','running')",
        until,
        id_,
        now,
        now,
    )
    return until if claimed else 0


def renew_lease(tx: Tx, id_: int, lease: int, now: int, lease_seconds: int) -> int:
    """Keep the fetch for longer, whatever its state; return the lease's new end.

    Args:
        lease: the end that it has had.

    Returns:
        0 when it had ended and another process has the fetch, or the owner has removed it.
    """
    until = max(lease, now + lease_seconds)
    renewed = tx.run(
        "UPDATE mail_fetch SET leased_until=?, updated_at=? WHERE id=? AND leased_until=?", until, now, id_, lease
    )
    return until if renewed else 0


def is_worked_on(tx: Tx, id_: int) -> bool:
    """Say if the fetch is to go on: its owner has not paused it, and it is not over."""
    return tx.row("SELECT 1 FROM mail_fetch WHERE id=? AND state IN ('listing','running')", id_) is not None


def save_folders(tx: Tx, id_: int, folders: tuple[FetchedFolder, ...], now: int) -> None:
    tx.run("UPDATE mail_fetch SET folders=?, updated_at=? WHERE id=?", _to_text(folders), now, id_)


def save_counts(tx: Tx, id_: int, messages: int, there: int, left_out: int) -> None:
    """Add what was fetched; the failures in a row are over."""
    tx.run(
        "UPDATE mail_fetch SET messages=messages+?, there=there+?, left_out=left_out+?, failures=0 WHERE id=?",
        messages,
        there,
        left_out,
        id_,
    )


def set_state(tx: Tx, id_: int, state: FetchState, problem: str, now: int) -> None:
    """Save the state.  A fetch that is done forgets the password there.

    The lease stays: who holds it sees the state with its next batch, so that no two work on one fetch.
    """
    tx.run(
        "UPDATE mail_fetch SET state=?, problem=?, next_at=?, updated_at=?,"
        " sealed=CASE WHEN ?='done' THEN '' ELSE sealed END WHERE id=?",
        state,
        problem,
        now,
        now,
        state,
        id_,
    )


def postpone_fetch(tx: Tx, id_: int, problem: str, next_at: int) -> None:
    """Let it be tried again later; one that is no longer worked on stays as it is."""
    tx.run(
        "UPDATE mail_fetch SET failures=failures+1, problem=?, next_at=? WHERE id=?",
        problem,
        next_at,
        id_,
    )


def postpone_turn(tx: Tx, id_: int, next_at: int) -> None:
    """Let others have their turn."""
    tx.run("UPDATE mail_fetch SET next_at=? WHERE id=?", next_at, id_)


def release_fetch(tx: Tx, id_: int, lease: int) -> None:
    tx.run("UPDATE mail_fetch SET leased_until=0 WHERE id=? AND leased_until=?", id_, lease)


def save_tokens(tx: Tx, id_: int, sealed: str) -> None:
    """Save renewed tokens, unless they were thrown away meanwhile."""
    tx.run("UPDATE mail_fetch SET sealed=? WHERE id=? AND sealed<>''", sealed, id_)


def save_secret(tx: Tx, id_: int, sealed: str) -> None:
    tx.run("UPDATE mail_fetch SET sealed=?, failures=0 WHERE id=?", sealed, id_)


def delete_fetch(tx: Tx, account: AccountId, id_: int) -> None:
    tx.run("DELETE FROM mail_fetch WHERE account_id=? AND id=?", account, id_)


def forget_old(tx: Tx, before: int) -> int:
    """Forget passwords that nobody has used for long, as those of an import that was never gone on with."""
    return tx.run("UPDATE mail_fetch SET sealed='' WHERE updated_at<? AND sealed<>''", before)
