"""Sending a newsletter: one blob, and a row for each subscriber, in the order of their accounts.

Subscribers are taken in batches.  The copies of a batch and how far the newsletter has come commit together, so that one that
was ended, by `kill -9` or a power cut, goes on with the next subscriber and nobody has it twice; where two send at once, one of
them comes too late and writes nothing.  Each subscriber's own rules hold, as for all mail: filters file it, and a forwarding
takes it on, signed with the fields by which its reader leaves (RFC 8058).  It counts against no quota (store/mail/uncounted.py),
so a full box gets it, too.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from mailcore.core import Core
from mailcore.domain import (
    Account,
    AccountFacts,
    AccountId,
    Delivered,
    Envelope,
    MailboxRecipient,
    Newsletter,
    NewsletterCounts,
    NewsletterState,
    NewsletterTopic,
    Outcome,
)
from mailcore.errors import Busy, InvalidName, MailError, NotAllowed
from mailcore.log import log_for
from mailcore.mail.reading import trace
from mailcore.saying import Saying
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.delivery import planning, traces
from mailcore.services.delivery.arrival import Arrival
from mailcore.services.delivery.carrying_out import carry_out
from mailcore.services.delivery.plans import DeliveryPlan, Forward, MailboxPlan, PlanOutdated, Take
from mailcore.services.mailauth import dkim
from mailcore.services.newsletters import topics, writing
from mailcore.services.sieve_scripts.script_view import MessageText
from mailcore.store.delivery import account_facts
from mailcore.store.delivery.records import About
from mailcore.store.engine.db import Tx
from mailcore.store.mail.blobs import Prepared, Saved
from mailcore.store.mail.uncounted import mark_uncounted
from mailcore.store.people import topics as topic_store
from mailcore.store.site import newsletters as store
from mailcore.store.site.newsletters import Edition

log = log_for(__name__)
BATCH = 100  # subscribers in one transaction: more would keep other writers waiting for longer than people notice
PLANS = 3  # of one batch, outside of the write
_PASSES_ON = re.compile(r"\b(?:redirect|include)\b", re.IGNORECASE)
_DID_NOT_FIT = NewsletterCounts(unsent=1)


@dataclass(frozen=True, slots=True)
class Issue:
    """A newsletter in the edition that is sent, ready to be put into boxes."""

    newsletter: int
    topic: NewsletterTopic
    sender: str
    prepared: Prepared
    saved: Saved
    text: MessageText
    about: About


class _Overtaken(Exception):
    """Another has sent this batch, or an editor has stopped it; nothing has been written."""


def send_newsletter(core: Core, number: int) -> Iterator[int]:
    """Send what is scheduled, or go on with it, batch by batch; gives how many subscribers each had.

    Raises:
        InvalidName: there is none, or its topic has ended.
        NotAllowed: it is not to be sent.
        Busy: the database cannot be written; what was done stays, and the rest can be done later.
    """
    newsletter = find_newsletter(core, number)
    if newsletter.state is NewsletterState.SCHEDULED:
        newsletter = _begin(core, newsletter)
    if newsletter.state is not NewsletterState.SENDING:
        raise NotAllowed(Saying("This newsletter is not to be sent now."))
    issue = load_issue(core, newsletter)
    while newsletter.state is NewsletterState.SENDING:
        readers = core.db.read(
            partial(topic_store.list_next_readers, topic=newsletter.topic, after=newsletter.position, limit=BATCH)
        )
        if not readers:
            _finish(core, newsletter)
            return
        try:
            _send_batch(core, issue, newsletter.position, readers)
        except _Overtaken:
            log.info("newsletter %d: somebody else has been here", number)
        else:
            yield len(readers)
        newsletter = find_newsletter(core, number)


def find_newsletter(core: Core, number: int) -> Newsletter:
    """Raises InvalidName: there is none."""
    newsletter = core.db.read(lambda tx: store.find_newsletter(tx, number))
    if newsletter is None:
        raise InvalidName(Saying("There is no such newsletter."))
    return newsletter


def _begin(core: Core, newsletter: Newsletter) -> Newsletter:
    """Write the message, which is then the same for everybody."""
    topic = topics.find_topic(core, newsletter.topic)
    message_id = trace.message_id(core.config.domain)
    octets = writing.compose(core, topic, newsletter, message_id=message_id)
    prepared, subscribers = core.blobs.prepare(octets), topics.count_subscribers(core, topic.id)

    def write(tx: Tx) -> None:
        now = core.clock.seconds()
        if store.begin_sending(tx, newsletter.id, now):
            save_edition(core, tx, newsletter.id, prepared, message_id)
            detail = f"{newsletter.id}, topic {topic.id}: {subscribers} subscribers"
            audit.note(core, tx, None, Event.NEWSLETTER_BEGUN, actor=newsletter.actor, detail=detail)

    core.db.write(write)
    return find_newsletter(core, newsletter.id)


def save_edition(core: Core, tx: Tx, number: int, prepared: Prepared, message_id: str) -> None:
    """Save the octets that everybody shares, which no quota counts."""
    now = core.clock.seconds()
    blob = core.blobs.save(tx, prepared, now)
    mark_uncounted(tx, blob)
    store.add_edition(tx, number, blob, prepared.name, message_id, now)


def load_issue(core: Core, newsletter: Newsletter) -> Issue:
    """Load the newest edition.  Raises InvalidName: the topic has ended."""
    topic = topics.find_topic(core, newsletter.topic)

    def read(tx: Tx) -> tuple[Edition, bytes]:
        edition = store.list_editions(tx, newsletter.id)[-1]
        return edition, core.blobs.octets(tx, edition.blob)

    edition, octets = core.db.read(read)
    prepared = core.blobs.prepare(octets)
    return _make_issue(core, newsletter.id, topic, prepared, Saved(edition.blob, edition.size, counted=False))


def _make_issue(core: Core, number: int, topic: NewsletterTopic, prepared: Prepared, saved: Saved) -> Issue:
    message, sender = prepared.message, topics.address_of(core, topic)
    about = traces.about(
        message.header, prepared.name, prepared.size, Arrival(Envelope(sender, ()), prepared).verdict, ""
    )
    return Issue(number, topic, sender, prepared, saved, MessageText(message), about)


def _finish(core: Core, newsletter: Newsletter) -> None:
    def write(tx: Tx) -> None:
        if store.finish_sending(tx, newsletter.id, core.clock.seconds()):
            counts = newsletter.counts
            detail = f"{newsletter.id}: {counts.filed} filed, {counts.forwarded} forwarded, {counts.unsent} unsent"
            audit.note(core, tx, None, Event.NEWSLETTER_SENT, actor=newsletter.actor, detail=detail)

    core.db.write(write)


# One batch


def _send_batch(core: Core, issue: Issue, position: int, readers: Sequence[Account]) -> None:
    """Send to these subscribers, all in one transaction; where that fails, to one after the other."""
    for _ in range(PLANS):
        try:
            plans = core.db.read(partial(_plan_all, core, issue, readers))
            core.db.write(
                partial(_carry_out_all, core, issue, position, readers, plans), of=[one.id for one in readers]
            )
            return
        except PlanOutdated:
            log.debug("newsletter %d: a batch is planned anew", issue.newsletter)
        except Busy:
            raise
        except MailError:
            break
    for reader in readers:
        _send_to_one(core, issue, position, reader)
        position = reader.id


def _send_to_one(core: Core, issue: Issue, position: int, reader: Account) -> None:
    """Plan within the write, so that no change comes between; whom it cannot be given is counted as unsent."""

    def write(tx: Tx) -> None:
        plans = _plan_all(core, issue, [reader], tx)
        _carry_out_all(core, issue, position, [reader], plans, tx)

    def pass_by(tx: Tx) -> None:
        if not store.advance_newsletter(tx, issue.newsletter, position, reader.id, _DID_NOT_FIT):
            raise _Overtaken

    try:
        core.db.write(write)
    except Busy:
        raise
    except MailError as problem:
        log.warning("newsletter %d: not to account %d: %s", issue.newsletter, reader.id, problem)
        core.db.write(pass_by)


def _plan_all(core: Core, issue: Issue, readers: Sequence[Account], tx: Tx) -> list[DeliveryPlan]:
    facts = account_facts.get_facts(tx, [one.id for one in readers])
    return [_plan(core, tx, issue, one, facts[one.id]) for one in readers]


def _plan(core: Core, tx: Tx, issue: Issue, reader: Account, facts: AccountFacts) -> DeliveryPlan:
    """Plan the copy of one subscriber: the shared octets, under fields of their own."""
    fields = write_own_fields(core, issue, reader.id, is_signed=may_go_on(facts))
    address = reader.address(core.config.domain)
    arrival = Arrival(Envelope(issue.sender, (address,)), issue.prepared, trace=fields)
    recipient = MailboxRecipient(address, reader.id)
    plan = planning.plan_uncounted_copy(core, tx, arrival, issue.text, recipient, facts)
    return DeliveryPlan(arrival, core.clock.now(), issue.about, (plan,))


def may_go_on(facts: AccountFacts) -> bool:
    """Say if a rule of the account may send the copy to another server."""
    return facts.forwards or _PASSES_ON.search(facts.generated + facts.personal) is not None


def write_own_fields(core: Core, issue: Issue, account: AccountId, *, is_signed: bool) -> bytes:
    """Write the fields by which one reader leaves; signed with the message where another server may ask (RFC 8058 section 4)."""
    fields = writing.write_leave_fields(core, account, issue.topic.id)
    if not is_signed:
        return fields
    return dkim.sign(core.config, fields + issue.prepared.octets[:], writing.LIST_FIELDS) + fields


def _carry_out_all(
    core: Core, issue: Issue, position: int, readers: Sequence[Account], plans: Sequence[DeliveryPlan], tx: Tx
) -> None:
    """Put a batch into its boxes, but for those who have left meanwhile, and count it.

    Raises:
        PlanOutdated, MailError.
        _Overtaken: another has.
    """
    agreed = topic_store.has_consented(tx, issue.topic.id, [one.id for one in readers])
    counts = NewsletterCounts()
    for reader, plan in zip(readers, plans, strict=True):
        if reader.id in agreed:
            [done] = carry_out(core, tx, plan, issue.saved)
            counts = _count(counts, plan, done)
    if not store.advance_newsletter(tx, issue.newsletter, position, readers[-1].id, counts):
        raise _Overtaken


def _count(counts: NewsletterCounts, plan: DeliveryPlan, done: Delivered) -> NewsletterCounts:
    filed, forwarded = done.outcome is Outcome.FILED, _has_gone_on(plan, done)
    return replace(
        counts,
        filed=counts.filed + filed,
        forwarded=counts.forwarded + forwarded,
        unsent=counts.unsent + (not filed and not forwarded),
    )


def _has_gone_on(plan: DeliveryPlan, done: Delivered) -> bool:
    [one] = plan.recipients
    return (
        done.outcome in (Outcome.FILED, Outcome.FORWARDED)
        and isinstance(one, MailboxPlan)
        and isinstance(one.plan, Take)
        and any(isinstance(step, Forward) for step in one.plan.steps)
    )


# A test


def send_test(core: Core, newsletter: Newsletter, editor: Account) -> None:
    """Put the newsletter, as it is now, into the editor's own box.  Raises InvalidName, OverQuota."""
    topic, message_id = topics.find_topic(core, newsletter.topic), trace.message_id(core.config.domain)
    prepared = core.blobs.prepare(writing.compose(core, topic, newsletter, message_id=message_id, is_test=True))

    def write(tx: Tx) -> None:
        saved = Saved(core.blobs.save(tx, prepared, core.clock.seconds()), prepared.size)
        issue = _make_issue(core, newsletter.id, topic, prepared, saved)
        [plan] = _plan_all(core, issue, [editor], tx)
        carry_out(core, tx, plan, saved)
        detail = f"{newsletter.id}, topic {topic.id}"
        audit.note(core, tx, editor.id, Event.NEWSLETTER_TESTED, actor=editor.name, detail=detail)

    core.db.write(write)
