"""Result of a queue item, saved in one transaction with all that follows from it."""

from collections.abc import Sequence
from datetime import datetime

from mailcore.core import Core
from mailcore.domain import Attempt, QueueItem
from mailcore.log import log_for
from mailcore.queue import bounce, destination, schedule
from mailcore.queue.client import NEEDS_8BIT, Answer, TlsResult
from mailcore.services.delivery import sending_limits
from mailcore.services.forwarding import forwarding
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding import onward
from mailcore.store.queue import destinations, reports
from mailcore.store.queue.destinations import Rest
from mailcore.store.queue.items import domain_of

log = log_for(__name__)


def is_ours(core: Core, domain: str) -> bool:
    return domain in (core.config.domain, core.config.srs_domain)


def write_down(core: Core, tx: Tx, item: QueueItem, answer: Answer, now: datetime) -> None:
    """Done, another try, or given up; its sender, owner and trace hear of it."""
    words = f"{answer.code} {answer.text}"[:500] if answer.code else answer.text[:500]
    attempt = Attempt(now, answer.host, answer.code, words)
    again = None if answer.ok or answer.permanent else schedule.next_attempt(item.tries + 1, item.created_at, now)
    given_up = not answer.ok and again is None
    if item.origin == "forward" and item.account is not None and not _by_message(item, answer):
        forwarding.record_reply(
            core, tx, item.account, target=item.recipient, ok=answer.ok, permanent=given_up, reply=words
        )
    if item.origin == "forward":
        onward.answer(
            tx,
            item.id,
            _onward_state(core, item, answer, again),
            host=answer.host,
            code=answer.code,
            reply=words,
            now=int(now.timestamp()),
        )
    if answer.ok:
        if answer.relayed and "SUCCESS" in item.dsn.notify.upper():
            bounce.notify(core, tx, item, answer, kind="relayed", now=now)
        core.queue.done(tx, item.id, attempt)
    elif again is not None:
        if not item.delay_told and schedule.delay_is_due(item.created_at, now):
            bounce.notify(core, tx, item, answer, kind="delayed", now=now)
            core.queue.tell_delay(tx, item.id)
        core.queue.defer(tx, item.id, int(again.timestamp()), attempt)
    else:
        log.info("queue item %d failed for good with %d", item.id, answer.code)
        give_up(core, tx, item, answer, now)


def _by_message(item: QueueItem, answer: Answer) -> bool:
    """Refused because of what the sender asked for (RFC 8689), or for an 8-bit message: that says nothing of the recipient."""
    return (item.require_tls and answer.text.startswith("5.7.30")) or answer.text.startswith(NEEDS_8BIT)


def give_up(core: Core, tx: Tx, item: QueueItem, answer: Answer, now: datetime) -> None:
    """Remove the item undelivered; bounce it, save it for the forwarding's owner, or inform the postmaster."""
    if item.origin == "submission" and item.account is not None and answer.permanent and not _by_message(item, answer):
        sending_limits.was_refused(core, tx, item.account)
    if item.origin == "forward":
        bounce.keep_for_owner(core, tx, item)
    elif item.origin == "dsn":
        bounce.tell_postmaster(core, tx, item, answer, now)
    elif not _asked_in_vain(core, tx, item, answer):
        bounce.notify(core, tx, item, answer, kind="failed", now=now)
    core.queue.remove(tx, item.id)


def _asked_in_vain(core: Core, tx: Tx, item: QueueItem, answer: Answer) -> bool:
    """Was it the question whether mail may be forwarded?  Then its owner hears, and not the address that it came from."""
    if item.origin != "notice" or item.account is None:
        return False
    words = f"{answer.code} {answer.text}" if answer.code else answer.text
    return forwarding.record_undelivered_question(core, tx, item.account, item.recipient, words)


def _onward_state(core: Core, item: QueueItem, answer: Answer, again: datetime | None) -> str:
    """Return the state for the owner's trace: only mail that another server took counts as delivered outside."""
    if answer.ok:
        return "here" if is_ours(core, domain_of(item.recipient)) else "delivered"
    return "refused" if again is None else "waiting"


def away(
    core: Core, tx: Tx, domain: str, items: Sequence[QueueItem], answer: Answer, failures: int, now: datetime
) -> None:
    """No host of the domain could be reached: all that waits for it hears the same, and it rests for a while."""
    until = int(now.timestamp()) + destination.rest_seconds(failures)
    destinations.rest(tx, domain, Rest(failures, until, answer.text))
    for item in items:
        write_down(core, tx, item, answer, now)


def count_tls(core: Core, tx: Tx, domain: str, results: Sequence[TlsResult], now: datetime) -> None:
    for one in results:
        reports.count_tls(tx, f"{now:%Y-%m-%d}", domain, one.policy, one.host, one.kind)
