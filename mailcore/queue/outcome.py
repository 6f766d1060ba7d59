"""The outcome of a queue item, saved in one transaction with all that follows from it.

What strangers read of it, or wrote, is put into words before (`write_sequel`): the write inserts finished values.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from mailcore.core import Core
from mailcore.domain import Attempt, QueueItem
from mailcore.log import log_for, log_message
from mailcore.queue import bounce, destination, schedule
from mailcore.queue.client import NEEDS_8BIT, Answer
from mailcore.queue.route import TlsResult
from mailcore.services.credentials import contact_checks
from mailcore.services.delivery import sending_limits
from mailcore.services.forwarding import forwarding, target_lessons
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding import onward
from mailcore.store.mail.blobs import Prepared
from mailcore.store.queue import destinations, reports
from mailcore.store.queue.destinations import Rest
from mailcore.store.queue.items import defer_item, delete_item, domain_of, mark_delay_reported

log = log_for(__name__)


def is_ours(core: Core, domain: str) -> bool:
    return domain in core.config.our_domains


@dataclass(frozen=True, slots=True)
class Sequel:
    """Reports that an outcome causes, ready to be saved.

    Attributes:
        report: to the sender, if one is wanted.
        undelivered: for the postmaster's ticket, if a report of ours came to nobody.
    """

    report: Prepared | None = None
    undelivered: bounce.UndeliveredReport | None = None


NO_SEQUEL = Sequel()


def _plan_next_attempt(item: QueueItem, answer: Answer, now: datetime) -> datetime | None:
    if answer.ok or answer.permanent:
        return None
    return schedule.plan_next_attempt(item.tries + 1, item.created_at, now)


def _find_kind(item: QueueItem, answer: Answer, now: datetime) -> str:
    """Name the report that may be due: "relayed", "delayed", "failed", or ""."""
    if answer.ok:
        return "relayed" if answer.relayed and "SUCCESS" in item.dsn.notify.upper() else ""
    if _plan_next_attempt(item, answer, now) is None:
        return "failed"
    return "delayed" if not item.delay_told and schedule.is_delay_due(item.created_at, now) else ""


def has_sequel(item: QueueItem, answer: Answer, now: datetime) -> bool:
    """Say if `write_sequel` has anything to do, without asking the database."""
    return bool(kind := _find_kind(item, answer, now)) and (item.origin == "dsn" or bounce.is_wanted(item, kind))


def write_sequel(core: Core, tx: Tx, item: QueueItem, answer: Answer, now: datetime) -> Sequel:
    """Write what `record_outcome` with the same values saves; outside of any write."""
    kind = _find_kind(item, answer, now)
    if not kind:
        return NO_SEQUEL
    if item.origin == "dsn":
        return (
            Sequel(undelivered=bounce.describe_undelivered(core, tx, item, answer)) if kind == "failed" else NO_SEQUEL
        )
    return Sequel(bounce.write_report(core, tx, item, answer, kind=kind, now=now))


def record_outcome(core: Core, tx: Tx, item: QueueItem, answer: Answer, now: datetime, sequel: Sequel) -> None:
    """Record the reply to an item: sent, deferred or given up; its sender, owner and trace are informed.

    `answer.code` 0 means that there was no reply.
    """
    reply = f"{answer.code} {answer.text}"[:500] if answer.code else answer.text[:500]
    attempt = Attempt(now, answer.host, answer.code, reply)
    next_at = _plan_next_attempt(item, answer, now)
    given_up = not answer.ok and next_at is None
    if item.origin == "forward" and item.account is not None and not _is_about_message(item, answer):
        forwarding.record_reply(
            core, tx, item.account, target=item.recipient, ok=answer.ok, permanent=given_up, reply=reply
        )
    if item.origin == "forward":
        onward.save_answer(
            tx,
            item.id,
            _make_onward_state(core, item, answer, next_at),
            host=answer.host,
            code=answer.code,
            reply=reply,
            now=int(now.timestamp()),
        )
    if answer.ok:
        if sequel.report is not None:
            bounce.queue_report(core, tx, item, sequel.report, now)
        delete_item(tx, item.id)
    elif next_at is not None:
        if not item.delay_told and schedule.is_delay_due(item.created_at, now):
            if sequel.report is not None:
                bounce.queue_report(core, tx, item, sequel.report, now)
            mark_delay_reported(tx, item.id)
        defer_item(tx, item.id, int(next_at.timestamp()), attempt)
    else:
        log.info("queue item %d failed for good with %d", item.id, answer.code)
        if item.origin == "forward" and item.account is not None and answer.permanent:
            target_lessons.learn_from_reply(core, tx, item.account, item.blob, answer.code, reply)
        give_up(core, tx, item, answer, now, sequel)


def log_outcome(item: QueueItem, answer: Answer, now: datetime) -> None:
    """Log an outcome that was recorded, of the message at hand."""
    is_over = _plan_next_attempt(item, answer, now) is None
    event = "sent" if answer.ok else "failed" if is_over else "deferred"
    log_message(event, item=item.id, origin=item.origin, tries=item.tries + 1, host=answer.host, code=answer.code)


def _is_about_message(item: QueueItem, answer: Answer) -> bool:
    """Say if the message was refused for itself (REQUIRETLS of RFC 8689, or 8-bit), which says nothing of the recipient."""
    return (item.require_tls and answer.text.startswith("5.7.30")) or answer.text.startswith(NEEDS_8BIT)


def give_up(core: Core, tx: Tx, item: QueueItem, answer: Answer, now: datetime, sequel: Sequel) -> None:
    """Remove the item undelivered; bounce it, save it for the forwarding's owner, or inform the postmaster."""
    if (
        item.origin == "submission"
        and item.account is not None
        and answer.permanent
        and not _is_about_message(item, answer)
    ):
        sending_limits.was_refused(core, tx, item.account)
    is_letter = item.origin == "notice" and answer.permanent
    if is_letter and item.account is not None and contact_checks.says_no_mailbox(answer.text):
        contact_checks.record_unknown(core, tx, item.account, item.recipient)
    if item.origin == "forward":
        bounce.return_to_owner(core, tx, item)
    elif item.origin == "dsn":
        if sequel.undelivered is not None:
            bounce.notify_postmaster(core, tx, sequel.undelivered, now)
    elif not _is_undelivered_question(core, tx, item, answer) and sequel.report is not None:
        bounce.queue_report(core, tx, item, sequel.report, now)
    delete_item(tx, item.id)


def _is_undelivered_question(core: Core, tx: Tx, item: QueueItem, answer: Answer) -> bool:
    """Say if it was the question to a forwarding's target; then its owner is notified, and not the envelope sender."""
    if item.origin != "notice" or item.account is None:
        return False
    reply = f"{answer.code} {answer.text}" if answer.code else answer.text
    return forwarding.record_undelivered_question(core, tx, item.account, item.recipient, reply)


def _make_onward_state(core: Core, item: QueueItem, answer: Answer, next_at: datetime | None) -> str:
    """Return the state for the owner's trace: only mail that another server accepted counts as delivered outside."""
    if answer.ok:
        return "here" if is_ours(core, domain_of(item.recipient)) else "delivered"
    return "refused" if next_at is None else "waiting"


def record_unreachable(
    core: Core,
    tx: Tx,
    domain: str,
    items: Sequence[tuple[QueueItem, Sequel]],
    answer: Answer,
    failures: int,
    now: datetime,
) -> None:
    """Record that no host of the domain could be reached: all its items are deferred, and it rests for a while."""
    until = int(now.timestamp()) + destination.rest_seconds(failures)
    destinations.save_rest(tx, domain, Rest(failures, until, answer.text))
    for item, sequel in items:
        record_outcome(core, tx, item, answer, now, sequel)


def count_tls(tx: Tx, domain: str, results: Sequence[TlsResult], now: datetime) -> None:
    for result in results:
        reports.count_tls(tx, f"{now:%Y-%m-%d}", domain, result.policy, result.host, result.kind)
