"""Test messages as SQL."""

from dataclasses import dataclass
from datetime import UTC, datetime

from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx


@dataclass(frozen=True, slots=True)
class Probe:
    """A test message; `found` is "", inbox, spam or missing."""

    id: int
    target: str
    code: str
    at: datetime
    found: str


def add_probe(tx: Tx, account: AccountId, target: str, code: str, item: int, now: int) -> None:
    tx.run(
        "INSERT INTO probe (account_id,target,code,item,at,found) VALUES (?,?,?,?,?,'')",
        account,
        target,
        code,
        item,
        now,
    )


def find_last_probe(tx: Tx, account: AccountId, target: str) -> Probe | None:
    row = tx.row(
        "SELECT id,target,code,at,found FROM probe WHERE account_id=? AND target=? ORDER BY id DESC LIMIT 1",
        account,
        target,
    )
    return Probe(row[0], row[1], row[2], datetime.fromtimestamp(row[3], UTC), row[4]) if row else None


def count_probes(tx: Tx, account: AccountId, since: int) -> int:
    row = tx.row("SELECT count(*) FROM probe WHERE account_id=? AND at>?", account, since)
    return int(row[0]) if row else 0


def save_finding(tx: Tx, account: AccountId, probe: int, found: str, now: int) -> bool:
    return tx.run("UPDATE probe SET found=?, told_at=? WHERE id=? AND account_id=?", found, now, probe, account) == 1
