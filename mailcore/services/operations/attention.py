"""Find what needs an administrator: jobs that failed, DNS, the certificate, the queue, disk and backup, accounts on hold.

Nothing here is measured anew; each finding rests on what jobs, tables and files say.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailcore.core import Core
from mailcore.errors import NotAllowed
from mailcore.services import audit, certificates
from mailcore.services.audit import Event
from mailcore.services.operations import backup_times, dns_watch, jobs
from mailcore.store.engine.db import Tx
from mailcore.store.site import jobs as job_store
from mailcore.store.site import metrics as store

HOUR, DAY = 3600, 86_400
CERTIFICATE_WARN_DAYS, CERTIFICATE_BAD_DAYS = 21, 7
QUEUE_WARN_SECONDS, QUEUE_BAD_SECONDS = 4 * HOUR, DAY  # the postmaster of the sender hears after four hours
DISK_WARN_PERCENT, DISK_BAD_PERCENT = 10, 3
JOB_LATE_SECONDS = HOUR
BACKUP_WARN_DAYS, BACKUP_BAD_DAYS = 2, 7


class Trouble(StrEnum):
    """Kinds of what needs attention."""

    JOB_FAILED = "job failed"
    JOB_LATE = "job late"
    DNS_MISSING = "dns missing"
    DNS_SILENT = "dns silent"
    CERTIFICATE_ENDS = "certificate ends"
    CERTIFICATE_UNREADABLE = "certificate unreadable"
    QUEUE_OLD = "queue old"
    DISK_FULL = "disk full"
    SENDING_HELD = "sending held"
    BACKUP_OLD = "backup old"


@dataclass(frozen=True, slots=True)
class Finding:
    """One trouble; `level` is warn or bad, `count` jobs, records, days, seconds, percent or accounts, `names` of what."""

    trouble: Trouble
    level: str
    count: int
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts by state, and single figures, as `store/site/metrics.py` has them."""

    by_state: dict[str, dict[str, int]]
    single: dict[str, int]


@dataclass(frozen=True, slots=True)
class Turn:
    """The state of one recurring job: its next turn, why the last one failed ("" if it did not), whether it runs now."""

    name: str
    every_seconds: int
    next_at: datetime | None
    problem: str
    running: bool


def count_everything(core: Core) -> Figures:
    """Count accounts, outgoing mail, orders and cases."""
    return core.db.read(lambda tx: Figures(store.count_by_state(tx), store.count_single(tx)))


def list_turns(core: Core) -> list[Turn]:
    """List all recurring jobs with their turns, those that failed first."""
    now = core.clock.seconds()
    rows = {row.name: row for row in core.db.read(job_store.list_jobs)}
    turns = [
        Turn(
            job.name,
            job.every_seconds,
            rows[job.name].next_at if job.name in rows else None,
            rows[job.name].problem if job.name in rows else "",
            job.name in rows and rows[job.name].leased_until > now,
        )
        for job in jobs.list_jobs(core)
    ]
    return sorted(turns, key=lambda turn: not turn.problem)


def request_turn(core: Core, name: str, *, actor: str) -> None:
    """Let a job have its turn now, wherever jobs run.  Raises NotAllowed: there is no such job."""
    if name not in {job.name for job in jobs.list_jobs(core)}:
        raise NotAllowed("no such job")

    def write(tx: Tx) -> None:
        job_store.make_due(tx, name, core.clock.seconds())
        audit.note(core, tx, None, Event.JOB_ASKED_FOR, actor=actor, detail=name)

    core.db.write(write)


def list_findings(core: Core) -> list[Finding]:
    """List what needs attention, what is bad first."""
    findings = [
        *_judge_jobs(core),
        *_judge_dns(core),
        *_judge_certificate(core),
        *core.db.read(lambda tx: list(_judge_queue(core, tx))),
        *_judge_disk(core),
        *core.db.read(lambda tx: list(_judge_backup(core, tx))),
    ]
    return sorted(findings, key=lambda finding: finding.level != "bad")


def _judge_jobs(core: Core) -> Iterator[Finding]:
    now = core.clock.now()
    turns = list_turns(core)
    if failed := tuple(turn.name for turn in turns if turn.problem):
        yield Finding(Trouble.JOB_FAILED, "bad", len(failed), failed)
    late = tuple(
        turn.name
        for turn in turns
        if turn.next_at and not turn.running and (now - turn.next_at).total_seconds() > JOB_LATE_SECONDS
    )
    if late:
        yield Finding(Trouble.JOB_LATE, "bad", len(late), late)


def _judge_dns(core: Core) -> Iterator[Finding]:
    look = dns_watch.load_last_look(core)
    if look.is_silent:
        yield Finding(Trouble.DNS_SILENT, "warn", len(look.findings))
    elif look.needs_mending:
        names = tuple(dict.fromkeys(finding.record.name for finding in look.needs_mending))
        yield Finding(Trouble.DNS_MISSING, "bad", len(look.needs_mending), names)


def _judge_certificate(core: Core) -> Iterator[Finding]:
    facts = certificates.read_facts(core.config)
    if facts is None:
        yield Finding(Trouble.CERTIFICATE_UNREADABLE, "bad", 0, (str(core.config.certificate_path),))
        return
    days = (facts.ends - core.clock.now()).days
    if days < CERTIFICATE_WARN_DAYS:
        yield Finding(Trouble.CERTIFICATE_ENDS, "bad" if days < CERTIFICATE_BAD_DAYS else "warn", days, facts.names)


def _judge_queue(core: Core, tx: Tx) -> Iterator[Finding]:
    single = store.count_single(tx, ["oldest_waiting", "on_hold"])
    age = core.clock.seconds() - single["oldest_waiting"] if single["oldest_waiting"] else 0
    if age > QUEUE_WARN_SECONDS:
        yield Finding(Trouble.QUEUE_OLD, "bad" if age > QUEUE_BAD_SECONDS else "warn", age)
    if single["on_hold"]:
        yield Finding(Trouble.SENDING_HELD, "warn", single["on_hold"])


def _judge_backup(core: Core, tx: Tx) -> Iterator[Finding]:
    """Judge the age of the last backup; a site that never made one this way has another, or hears of it by its metrics."""
    last = backup_times.read_backup(tx).at
    days = (core.clock.seconds() - last) // DAY
    if last and days >= BACKUP_WARN_DAYS:
        yield Finding(Trouble.BACKUP_OLD, "bad" if days >= BACKUP_BAD_DAYS else "warn", days)


def _judge_disk(core: Core) -> Iterator[Finding]:
    room = shutil.disk_usage(core.config.data_path)
    percent = room.free * 100 // room.total
    if percent < DISK_WARN_PERCENT:
        yield Finding(Trouble.DISK_FULL, "bad" if percent < DISK_BAD_PERCENT else "warn", percent)
