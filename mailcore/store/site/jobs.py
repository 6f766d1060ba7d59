"""Turns of periodic jobs, claimed by a conditional update so that several nodes do each once."""

from dataclasses import dataclass
from datetime import datetime

from mailcore.clock import to_time
from mailcore.store.engine.db import Tx

CLOCK_SECONDS = 300  # by which the clocks of two nodes may differ


@dataclass(frozen=True, slots=True)
class JobTurn:
    """`leased_until` in seconds since 1970; `problem` is why the last turn failed, or ""."""

    name: str
    next_at: datetime
    leased_until: int
    problem: str


def list_jobs(tx: Tx) -> list[JobTurn]:
    """Return the turns of all jobs that ever had one."""
    rows = tx.rows("SELECT name, next_at, leased_until, problem FROM job ORDER BY name")
    return [JobTurn(row[0], to_time(row[1]), row[2], row[3]) for row in rows]


def is_job_due(tx: Tx, name: str, now: int, every_seconds: int) -> bool:
    """Say if it may be claimed; a turn that is later than one comes after another was set by a clock that was ahead."""
    row = tx.row("SELECT next_at, leased_until FROM job WHERE name=?", name)
    return row is None or (not now < row[0] <= now + every_seconds + CLOCK_SECONDS and row[1] <= now)


def claim_job(tx: Tx, name: str, now: int, every_seconds: int, lease_seconds: int, by: str = "") -> bool:
    """Take the job if it is due and nobody has it; `by` is the node that takes it."""
    tx.run("INSERT INTO job (name,next_at,leased_until,problem) VALUES (?,0,0,'') ON CONFLICT (name) DO NOTHING", name)
    return (
        tx.run(
            "UPDATE job SET leased_until=?, leased_by=? WHERE name=? AND (next_at<=? OR next_at>?) AND leased_until<=?",
            now + lease_seconds,
            by,
            name,
            now,
            now + every_seconds + CLOCK_SECONDS,
            now,
        )
        > 0
    )


def make_due(tx: Tx, name: str, now: int) -> bool:
    """Give the job its next turn now; False if it never had one, and so is due anyway."""
    return tx.run("UPDATE job SET next_at=? WHERE name=? AND next_at>?", now, name, now) > 0


def finish_job(tx: Tx, name: str, next_at: int, problem: str = "") -> None:
    tx.run("UPDATE job SET next_at=?, leased_until=0, leased_by='', problem=? WHERE name=?", next_at, problem, name)
