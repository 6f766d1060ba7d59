"""Turns of periodic jobs, claimed by a conditional update so that several nodes do each once."""

from mailcore.store.engine.db import Tx


def is_job_due(tx: Tx, name: str, now: int) -> bool:
    row = tx.row("SELECT next_at, leased_until FROM job WHERE name=?", name)
    return row is None or (row[0] <= now and row[1] <= now)


def claim_job(tx: Tx, name: str, now: int, lease_seconds: int) -> bool:
    """Take the job if it is due and nobody has it."""
    tx.run("INSERT INTO job (name,next_at,leased_until,problem) VALUES (?,0,0,'') ON CONFLICT (name) DO NOTHING", name)
    return (
        tx.run(
            "UPDATE job SET leased_until=? WHERE name=? AND next_at<=? AND leased_until<=?",
            now + lease_seconds,
            name,
            now,
            now,
        )
        > 0
    )


def finish_job(tx: Tx, name: str, next_at: int, problem: str = "") -> None:
    tx.run("UPDATE job SET next_at=?, leased_until=0, problem=? WHERE name=?", next_at, problem, name)
