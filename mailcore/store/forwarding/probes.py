"""Test messages as SQL."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailcore.clock import to_time
from mailcore.domain import AccountId
from mailcore.store.engine.db import Tx


class ProbePlace(StrEnum):
    """Places where an owner found a test message, as the database has them."""

    INBOX = "inbox"
    SPAM = "spam"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Probe:
    """A test message; `place` is None until its owner says where it was found."""

    id: int
    target: str
    code: str
    at: datetime
    place: ProbePlace | None


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
    if row is None:
        return None
    return Probe(row[0], row[1], row[2], to_time(row[3]), ProbePlace(row[4]) if row[4] else None)


def count_probes(tx: Tx, account: AccountId, since: int) -> int:
    row = tx.row("SELECT count(*) FROM probe WHERE account_id=? AND at>?", account, since)
    return int(row[0]) if row else 0


def save_place(tx: Tx, account: AccountId, probe: int, place: ProbePlace, now: int) -> bool:
    return tx.run("UPDATE probe SET found=?, told_at=? WHERE id=? AND account_id=?", place, now, probe, account) == 1
