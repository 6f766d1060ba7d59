"""Policies of other domains, as SQL: which of them rest, and their MTA-STS policies."""

from collections.abc import Sequence
from dataclasses import dataclass

from mailcore.store.engine.db import Tx


@dataclass(frozen=True, slots=True)
class Rest:
    """A destination that could not be reached so many times in a row."""

    failures: int
    until: int
    reply: str


@dataclass(frozen=True, slots=True)
class StsPolicy:
    """RFC 8461 section 3.2; `expires_at` in seconds since 1970."""

    id: str
    mode: str
    hosts: tuple[str, ...]
    expires_at: int


def find_rests(tx: Tx, domains: Sequence[str]) -> dict[str, Rest]:
    """Return those of `domains` that failed lately, even if their rest is over."""
    if not domains:
        return {}
    marks = ",".join("?" * len(domains))
    rows = tx.rows(f"SELECT domain, failures, until, reply FROM destination WHERE domain IN ({marks})", *domains)  # noqa: S608
    return {row[0]: Rest(*row[1:]) for row in rows}


def save_rest(tx: Tx, domain: str, found: Rest) -> None:
    tx.run(
        "INSERT INTO destination (domain,failures,until,reply) VALUES (?,?,?,?)"
        " ON CONFLICT (domain) DO UPDATE SET failures=excluded.failures, until=excluded.until, reply=excluded.reply",
        domain,
        found.failures,
        found.until,
        found.reply[:500],
    )


def end_rests(tx: Tx, domains: Sequence[str] | None) -> None:
    """End the rest of these domains; None = of all."""
    if domains is None:
        tx.run("DELETE FROM destination")
    else:
        tx.many("DELETE FROM destination WHERE domain=?", [(domain,) for domain in domains])


def end_far_rests(tx: Tx, now: int, far: int) -> None:
    """End what would rest beyond `far`: a clock that was ahead has set its time."""
    tx.run("UPDATE destination SET until=? WHERE until>?", now, far)


def delete_old(tx: Tx, now: int, old_seconds: int) -> None:
    """Delete rests that ended long ago, and policies that hold no more."""
    tx.run("DELETE FROM destination WHERE until<?", now - old_seconds)
    tx.run("DELETE FROM sts_policy WHERE expires_at<?", now - old_seconds)


def find_sts_policy(tx: Tx, domain: str) -> StsPolicy | None:
    row = tx.row("SELECT policy_id, mode, hosts, expires_at FROM sts_policy WHERE domain=?", domain)
    return StsPolicy(row[0], row[1], tuple(row[2].split()), row[3]) if row else None


def save_sts_policy(tx: Tx, domain: str, policy: StsPolicy) -> None:
    tx.run(
        "INSERT INTO sts_policy (domain,policy_id,mode,hosts,expires_at) VALUES (?,?,?,?,?)"
        " ON CONFLICT (domain) DO UPDATE SET policy_id=excluded.policy_id, mode=excluded.mode,"
        " hosts=excluded.hosts, expires_at=excluded.expires_at",
        domain,
        policy.id,
        policy.mode,
        " ".join(policy.hosts),
        policy.expires_at,
    )
