"""Recurring jobs: one row for each, run by the queue worker's process when it is due.

A turn is claimed in the database, so several nodes do each job once; a job that fails is logged and has its
next turn at the usual time.  A job is a blocking function of Core that bounds its own work.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from mailcore.core import Core
from mailcore.errors import MailError
from mailcore.log import log_for
from mailcore.services.accounts import (
    affiliations,
    closing,
    contact_letters,
    leaving,
    orders,
    sleeping,
    sunset_notices,
    waves,
)
from mailcore.services.credentials import directory, login_log
from mailcore.services.delivery import queue_admin, traces
from mailcore.services.filtering import learning, sender_reputation
from mailcore.services.forwarding import arrivals, bounces, complaints, consent, copy_expiry, digest
from mailcore.services.limits import rates
from mailcore.services.newsletters import results, work
from mailcore.services.operations import (
    account_imports,
    certificate_renewal,
    dns_watch,
    figures,
    health,
    reports,
    rereading,
    webhook_post,
)
from mailcore.services.quota import quota, quota_warnings
from mailcore.services.tickets import first_notice, tickets
from mailcore.services.transfer import (
    mail_fetch,
    mail_fetch_work,
    moving_letters,
    moving_scan,
    takeout_reminder,
    transfers,
)
from mailcore.services.webmail import drafts, indexing, list_lines, push, snooze
from mailcore.store.site import jobs as store

log = log_for(__name__)
LOOK_SECONDS = 2
LEASE_SECONDS = 900  # a turn that takes longer may be taken by another node
MINUTE, HOUR, DAY = 60, 3600, 86_400


@dataclass(frozen=True, slots=True)
class Job:
    """`waits`: it waits for another server, and so runs in a thread of its own.

    `every_seconds` 0 is every look, on every node: such a job claims what it works on piece by piece.
    """

    name: str
    every_seconds: int
    run: Callable[[Core], object]
    waits: bool = False


def _sync_directory(core: Core) -> None:
    if directory.is_on(core.config):
        affiliations.sync_directory(core)


def list_jobs(core: Core) -> tuple[Job, ...]:
    """List every job; a new one is a new row."""
    return (
        Job("sweep of orphaned blobs", HOUR, health.sweep_orphans),
        Job("cutting of change logs", HOUR, health.cut_change_logs),
        Job("expiry of orders", HOUR, orders.expire_orders),
        Job("learning of the spam filter", MINUTE, learning.teach_filters, waits=True),
        Job("history of senders", MINUTE, sender_reputation.count_deliveries),
        Job("old history of senders", DAY, sender_reputation.sweep_history),
        Job("old complaints", DAY, complaints.delete_old),
        Job("sweep of rates", HOUR, rates.expire_counts),
        Job("end of help cases", HOUR, tickets.expire_tickets),
        Job("first letters of help cases", MINUTE, first_notice.send_due_notices),
        Job("quota warnings", MINUTE, quota_warnings.warn_all),
        Job("yearly word on take-outs", DAY, takeout_reminder.send_reminders),
        Job("moving days", 0, moving_scan.continue_scans),
        Job("messages about new addresses", 10 * MINUTE, moving_letters.send_portions),
        Job("mail fetched from other servers", 0, mail_fetch_work.work_on_fetches),
        Job("passwords of old imports", DAY, mail_fetch.forget_passwords),
        Job("old imports", DAY, transfers.delete_expired),
        Job("messages that an earlier reader read", MINUTE, rereading.reread_blobs),
        Job("marks of texts", 10, indexing.mark_texts),
        Job("lists of full mailboxes", MINUTE, list_lines.update_busy_lists),
        Job("old lines of lists", DAY, list_lines.sweep_lists),
        Job("old traces", DAY, traces.forget),
        Job("end of lent quota", HOUR, quota.end_extras),
        Job("forwardings asked once a year", DAY, consent.ask_yearly),
        Job("count of what arrives", 6 * HOUR, arrivals.count_arrivals),
        Job("digests of what was not forwarded", DAY, digest.send_digests),
        Job("times that a wrong clock set", MINUTE, queue_admin.mend_times),
        Job("old news of other domains", DAY, queue_admin.tidy_up),
        Job("look at the domain's DNS records", HOUR, dns_watch.check_records, waits=True),
        Job("certificate from the ACME server", HOUR, certificate_renewal.renew_when_due, waits=True),
        Job("figures for administrators", 5 * MINUTE, figures.collect_figures),
        Job("reports to other domains", 6 * HOUR, reports.send_reports, waits=True),
        Job("kept copies that roll", HOUR, copy_expiry.expire_copies),
        Job("old envelope senders of forwarded mail", DAY, bounces.delete_expired_addresses),
        Job("reminders to those who leave", DAY, leaving.send_reminders),
        Job("sessions of those who left", affiliations.CHECK_SECONDS, affiliations.end_sessions_of_leavers, waits=True),
        Job("notices of the end of the service", 600, sunset_notices.notify_people),
        Job("erasure of closed accounts", HOUR, closing.erase_closed),
        Job("contact addresses asked twice a year", DAY, contact_letters.ask_addresses),
        Job("old log-ins", DAY, login_log.expire_logins),
        Job("accounts that staff import", 0, account_imports.run_imports),
        Job("word of stolen passwords", MINUTE, waves.tell_desk),
        Job("accounts that nobody uses", DAY, sleeping.send_letters),
        Job("newsletters", 0, work.work_on_newsletters),
        Job("answers to newsletters", HOUR, results.count_answers),
        Job("webhooks", 0, webhook_post.work_on_webhooks),
        Job("old deliveries to webhooks", DAY, webhook_post.delete_old_deliveries),
        Job("messages that wait for their time", 0, drafts.send_due),
        Job("messages that are shown again", MINUTE, snooze.wake_due),
        Job("word of new mail to browsers", 0, push.send_due, waits=True),
        Job("what was written long ago", HOUR, drafts.delete_untouched),
        Job("directory sync", max(60, core.config.directory.sync_seconds), _sync_directory, waits=True),
    )


def run_due(core: Core, job: Job) -> bool:
    """Do the job if it is due and not taken; True when it had its turn.  Never raises what a job raised."""
    now = core.clock.seconds()
    if not job.every_seconds:
        _run_job(core, job)
        return True
    if not core.db.read(lambda tx: store.is_job_due(tx, job.name, now, job.every_seconds)):
        return False  # most looks end here, without a write
    if not core.db.write(
        lambda tx: store.claim_job(tx, job.name, now, job.every_seconds, LEASE_SECONDS, core.config.node_name)
    ):
        return False
    problem = _run_job(core, job)
    core.db.write(lambda tx: store.finish_job(tx, job.name, now + job.every_seconds, problem))
    return True


def _run_job(core: Core, job: Job) -> str:
    """Run one job and return its problem, or ""."""
    try:
        job.run(core)
    except MailError as error:
        log.warning("%s waits for its next turn: %s", job.name, error)
        return str(error)
    except Exception as error:  # a bug in one job must not keep the others from their turn
        log.exception("%s failed", job.name)
        return type(error).__name__
    return ""


async def run_forever(core: Core, is_fenced: Callable[[], bool] = lambda: False) -> None:
    """Look for due jobs until cancelled; a node that is fenced does none."""
    jobs = list_jobs(core)
    while True:
        for job in jobs:
            if is_fenced():
                break
            run = core.threads.run_waiting if job.waits else core.threads.run
            try:
                await run(run_due, core, job)
            except MailError as problem:  # the database is busy: all wait for the next look
                log.warning("jobs wait: %s", problem)
        await asyncio.sleep(LOOK_SECONDS)
