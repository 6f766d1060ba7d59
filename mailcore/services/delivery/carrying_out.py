"""Carrying out a plan, inside the write: it checks what the plan rests on, counts, and inserts finished values.

Nothing that a stranger wrote is parsed, matched or rendered here.
"""

import contextlib
from dataclasses import dataclass, field
from functools import partial
from typing import assert_never

from mailcore.core import Core
from mailcore.domain import (
    AccountFacts,
    AccountId,
    Delivered,
    DeskRecipient,
    Mailbox,
    MailboxId,
    Outcome,
    Refusal,
    ReturnedBounce,
)
from mailcore.errors import MAILBOX_FULL, Busy, OverQuota, RoomGone
from mailcore.log import log_for
from mailcore.services.accounts import contact_letters
from mailcore.services.delivery import (
    delivery_receipts,
    forwards,
    script_notify,
    script_runs,
    topic_mail,
    traces,
    vacation_reply,
)
from mailcore.services.delivery.plans import (
    DeliveryPlan,
    File,
    Forward,
    Full,
    MailboxPlan,
    Notification,
    PlanOutdated,
    RecipientPlan,
    Reject,
    Reply,
    Take,
    TopicDraft,
    Unsent,
)
from mailcore.services.delivery.traces import Rule
from mailcore.services.forwarding import bounces, complaints, target_lessons
from mailcore.services.limits import mail_limits
from mailcore.services.quota import quota_warnings
from mailcore.services.sieve_scripts.recipient_view import Place
from mailcore.services.tickets import ticket_inbox
from mailcore.store.delivery import account_facts, records, spam_signs, vacation_memory
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding import held_back, kept_copies
from mailcore.store.mail.blobs import Saved
from mailcore.store.mail.mailboxes import canonical
from mailcore.store.mail.messages import fits

log = log_for(__name__)
JUNK = File("Junk")
INBOX = File("INBOX")
NOT_QUEUED: Rule = ("held", "queue")


def carry_out(core: Core, tx: Tx, plan: DeliveryPlan, saved: Saved | None = None) -> list[Delivered]:
    """Do what was planned, for all recipients or for none.

    Args:
        saved: the message, where it has its row already.

    Raises:
        PlanOutdated: a script, a setting or the room of a box has changed; nothing has been written.
        RoomGone, OverQuota.
    """
    known = _find_known(core, tx, plan, saved)
    _check(core, tx, plan, known)
    writer = _Writer(core, tx, plan, known)
    try:
        return [writer.deliver(one) for one in plan.recipients]
    except OverQuota:
        if plan.arrival.verdict.outside and len(plan.recipients) > 1:
            raise RoomGone from None
        raise


@dataclass(frozen=True, slots=True)
class _Known:
    """Facts as the write begins, by one question to the database.

    Attributes:
        boxes: first mailbox of each plan, where it is there, by account and name.
        saved: the message, where a mailbox is sure to get it and its row could be had at once.
    """

    facts: dict[AccountId, AccountFacts]
    boxes: dict[tuple[AccountId, str], Mailbox]
    saved: Saved | None


def _find_known(core: Core, tx: Tx, plan: DeliveryPlan, saved: Saved | None) -> _Known:
    mailboxes = [one for one in plan.recipients if isinstance(one, MailboxPlan)]
    if not mailboxes:
        return _Known({}, {}, saved)
    accounts = [one.recipient.account for one in mailboxes]
    targets = {one.recipient.account: canonical(file.mailbox) for one in mailboxes if (file := _first_file(one))}
    questions = [account_facts.ask_for_facts(accounts)]
    if targets:
        questions.append(core.mail.ask_for(list(targets), list(dict.fromkeys(targets.values()))))
    prepared = plan.arrival.prepared
    if is_saved := saved is None and any((file := _first_file(one)) and file.octets is None for one in mailboxes):
        questions += core.blobs.begin_saving(prepared, core.clock.seconds())
    answers = tx.ask(questions)
    if is_saved and (blob := core.blobs.finish_saving(tx, prepared, answers[-2:])) is not None:
        saved = Saved(blob, prepared.size)
    boxes = core.mail.read_mailboxes(answers[1]) if targets else []
    return _Known(
        account_facts.read_facts(accounts, answers[0]), {(box.account, box.name): box for box in boxes}, saved
    )


def _first_file(one: MailboxPlan) -> File | None:
    steps = one.plan.steps if isinstance(one.plan, Take) else ()
    return next((step for step in steps if isinstance(step, File)), None)


def _check(core: Core, tx: Tx, plan: DeliveryPlan, known: _Known) -> None:
    """Check that what the plan rests on still holds."""
    for one in plan.recipients:
        if not isinstance(one, MailboxPlan):
            continue
        account, now = one.recipient.account, known.facts[one.recipient.account]
        room = now.used, now.quota
        if not now.has_settings_of(one.facts):
            raise PlanOutdated
        if one.needs and fits(*room, one.needs) != fits(one.facts.used, one.facts.quota, one.needs):
            raise PlanOutdated
        if one.answers and not Place(core, tx, account, plan.at, room=room).still_gives(one.answers):
            raise PlanOutdated


@dataclass(slots=True)
class _Writer:
    """Writes one delivery.

    Attributes:
        rooms: octets used and allowed.
        saved: the message, once it has its row.
        filed: mailboxes and UIDs, for the recipient at hand.
        served: who has it already.
        all_rejected: nobody takes it, so that the session says so.
    """

    core: Core
    tx: Tx
    plan: DeliveryPlan
    known: _Known
    rooms: dict[AccountId, tuple[int, int]] = field(init=False)
    now: int = 0
    all_rejected: bool = False
    saved: Saved | None = None
    filed: list[tuple[MailboxId, int]] = field(default_factory=list)
    served: set[AccountId] = field(default_factory=set)

    def __post_init__(self) -> None:
        plan = self.plan
        self.rooms = {account: (now.used, now.quota) for account, now in self.known.facts.items()}
        self.saved = self.known.saved
        self.now = int(plan.at.timestamp())
        self.all_rejected = all(
            isinstance(one, MailboxPlan) and not isinstance(one.plan, Take) for one in plan.recipients
        )

    def deliver(self, one: RecipientPlan) -> Delivered:
        match one:
            case MailboxPlan():
                return self._to_mailbox(one)
            case DeskRecipient(address):
                others = any(not isinstance(other, DeskRecipient) for other in self.plan.recipients)
                return self._to_desk(address, may_refuse=not others)
            case ReturnedBounce(address):
                return self._take_bounce(address)
            case TopicDraft():
                return topic_mail.save(self.core, self.tx, one)
            case _:
                assert_never(one)

    def _to_mailbox(self, one: MailboxPlan) -> Delivered:
        recipient, account, arrival = one.recipient, one.recipient.account, self.plan.arrival
        for notice in one.problems:
            script_runs.send_problem_notice(self.core, self.tx, account, notice, self.now)
        for key in one.duplicate_keys:
            vacation_memory.save_answer(self.tx, account, "duplicate", key, self.now)
        if one.held_back is not None:
            held_back.save_held_back(self.tx, account, one.held_back)
        if one.is_for_desk:
            self._to_desk(recipient.address)
        rules = list(one.rules)
        match one.plan:
            case Take():
                done = self._take(one, one.plan, rules)
                if (receipt := one.plan.receipts.get(done.outcome)) is not None:
                    delivery_receipts.send(self.core, self.tx, arrival, receipt, self.now)
            case Reject(reason):
                refused = Delivered(recipient.address, Outcome.REJECTED, reason=reason, account=account)
                done = self._refuse(one, refused)
            case Full():
                quota_warnings.warn_if_needed(self.core, self.tx, account, refused=True)
                full = Delivered(
                    recipient.address, Outcome.REJECTED, reason=MAILBOX_FULL, refusal=Refusal.FULL, account=account
                )
                done = self._refuse(one, full)
            case _:
                assert_never(one.plan)
        self._record(account, done, ", ".join(done.mailboxes) or done.reason, rules)
        return done

    def _record(self, account: AccountId, done: Delivered, detail: str, rules: list[Rule]) -> None:
        sender, outcome = self.plan.arrival.envelope.sender, done.outcome.value
        text = traces.rules_text(rules)
        records.save_record(self.tx, account, self.now, sender, done.address, outcome, detail, self.plan.about, text)

    def _refuse(self, one: MailboxPlan, refused: Delivered) -> Delivered:
        """Refuse in the session or by a report.

        Where others took it, the session can say only one thing, and nobody vouches for the sender's address, so that a
        report might hit somebody else: the message stays with its owner, in Junk.
        """
        if not self.all_rejected and not one.is_answered:
            self._file(one, JUNK)
            return Delivered(refused.address, Outcome.FILED, ("Junk",), refused.reason, account=refused.account)
        if one.report is not None:
            delivery_receipts.send(self.core, self.tx, self.plan.arrival, one.report, self.now)
        return refused

    def _take(self, one: MailboxPlan, take: Take, rules: list[Rule]) -> Delivered:
        core, tx, recipient, account = self.core, self.tx, one.recipient, one.recipient.account
        filed: list[str] = []
        forwarded = False
        unsent: list[Rule] = []  # what did not go on, and why
        self.filed.clear()
        for step in take.steps:
            match step:
                case File():
                    filed.append(self._file(one, step))
                case Forward(counted=True) if not mail_limits.may_redirect(core, tx, account):
                    unsent.append(("held", "limit"))
                case Forward():
                    queue = partial(forwards.queue, core, tx, self.plan.arrival, recipient, step, self.now)
                    if (problem := tx.attempt(queue)) is None:
                        forwarded = True
                    else:
                        log.error("a copy could not be queued; the message stays here", exc_info=problem)
                        unsent.append(NOT_QUEUED)
                case Unsent():
                    unsent.append(NOT_QUEUED)
                case Reply():
                    if vacation_reply.send(core, tx, account, step, self.now):
                        self._file_copy(account, step.copy)
                case Notification():
                    if script_notify.send(core, tx, account, step, self.now):
                        self._file_copy(account, step.copy)
                case _:
                    assert_never(step)
        rules.extend(dict.fromkeys(unsent))
        if unsent and not filed:
            filed.append(self._keep_unsent(one, is_fault=NOT_QUEUED in unsent))
        if filed:
            used, quota = self.rooms[account]
            if used * 100 >= quota * quota_warnings.LEVELS[0] and quota:
                quota_warnings.warn_if_needed(core, tx, account)
        if filed and one.is_unsure and self.saved is not None:
            spam_signs.save_left(tx, account, self.saved.id, self.now)
        # what did not go to every target is no mere copy, which may expire
        if forwarded and not unsent:
            for box, uid in self.filed:
                kept_copies.save_copy(tx, account, box, uid, self.plan.arrival.prepared.name, self.now)
        outcome = Outcome.FILED if filed else Outcome.FORWARDED if forwarded else Outcome.DISCARDED
        return Delivered(recipient.address, outcome, tuple(dict.fromkeys(filed)), account=account)

    def _keep_unsent(self, one: MailboxPlan, *, is_fault: bool) -> str:
        """File what did not go on into INBOX (S25); where a fault of ours is the reason, a full box refuses it for now only."""
        try:
            return self._file(one, INBOX)
        except OverQuota as problem:
            if is_fault:
                raise Busy("a copy could not be queued, and the box is full") from problem
            raise

    def _file(self, one: MailboxPlan, where: File) -> str:
        """File into a mailbox, and give its name."""
        core, tx, account, at = self.core, self.tx, one.recipient.account, self.plan.at
        as_read = None if account in tx.changed else self.known.boxes.get((account, canonical(where.mailbox)))
        box = as_read or script_runs.find_mailbox(core, tx, account, where)
        message = where.octets or self._saved_message()
        try:
            if as_read and isinstance(message, Saved):
                uid = core.mail.append_unasked(
                    tx, box, self.rooms[account], message, where.flags, at, prefix=one.prefix
                )
            else:
                uid = core.mail.append(tx, account, box.id, message, where.flags, at, prefix=one.prefix, grace=True)
        except OverQuota:
            if account not in self.served:
                raise
            return box.name  # it stands in the box already: a further copy is not worth a refusal
        self._count(account, message.size + len(one.prefix))
        self.served.add(account)
        self.filed.append((box.id, uid))
        return box.name

    def _saved_message(self) -> Saved:
        if self.saved is None:
            prepared = self.plan.arrival.prepared
            blob = self.core.blobs.save(self.tx, prepared, self.core.clock.seconds())
            self.saved = Saved(blob, prepared.size)
        return self.saved

    def _file_copy(self, account: AccountId, where: File | None) -> None:
        """File a copy of what a script sent (RFC 8580); without room for it the sending still succeeds."""
        if where is None or where.octets is None:
            return
        box = script_runs.find_mailbox(self.core, self.tx, account, where)
        with contextlib.suppress(OverQuota):
            self.core.mail.append(self.tx, account, box.id, where.octets, where.flags, self.plan.at)
            self._count(account, where.octets.size)

    def _count(self, account: AccountId, octets: int) -> None:
        used, quota = self.rooms[account]
        self.rooms[account] = used + octets, quota

    def _to_desk(self, address: str, *, may_refuse: bool = True) -> Delivered:
        """Make it a ticket, or an answer in one.

        Args:
            may_refuse: the one reply that SMTP has for all is the desk's.

        Raises:
            TooMany: where it may not refuse.
        """
        arrival = self.plan.arrival
        if arrival.letter is None:
            raise ValueError("a message for the help desk was not read")
        if arrival.feedback is not None and complaints.record_complaint(self.core, self.tx, arrival.feedback):
            return Delivered(address, Outcome.FILED)
        received = ticket_inbox.receive_letter(
            self.core,
            self.tx,
            arrival.envelope,
            address,
            arrival.letter,
            arrival.verdict,
            self.plan.about,
            may_refuse=may_refuse,
        )
        if isinstance(received, ticket_inbox.Refused):
            return Delivered(address, Outcome.REJECTED, reason=received.reason, refusal=received.refusal)
        return Delivered(
            address, Outcome.FILED, opened=received.opened if isinstance(received, ticket_inbox.Filed) else None
        )

    def _take_bounce(self, address: str) -> Delivered:
        """Handle reports alone; other mail there (automatic replies) would show the sender where the mail went."""
        arrival = self.plan.arrival
        returned = bounces.find_return(self.core, self.tx, address.rpartition("@")[0])
        if returned is None or arrival.envelope.sender:
            return Delivered(address, Outcome.REJECTED, reason="Only delivery reports are taken here")
        if arrival.report is None:
            done = Delivered(address, Outcome.DISCARDED)
            self._record(returned.account, done, "not a delivery report", [])
            return done
        if contact_letters.take_report(self.core, self.tx, returned, arrival.report):
            return Delivered(address, Outcome.FILED)
        bounces.record_report(self.core, self.tx, returned, arrival.report, arrival.prepared, arrival.trace)
        if arrival.report.action == "failed":
            reason = f"{arrival.report.status} {arrival.report.diagnostic}"
            target_lessons.learn_from_report(self.core, self.tx, returned.account, returned.content, reason)
        return Delivered(address, Outcome.FILED)
