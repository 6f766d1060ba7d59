"""Planning of a delivery: what do the recipients' scripts say, and what comes of it?  Writes nothing.

It runs outside of the write, on a snapshot: parsing, matching, rendering and signing of what strangers wrote is done here, and
holds up nobody else.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import NoReturn, assert_never

import sieve
from mailcore.core import Core
from mailcore.domain import (
    AccountFacts,
    AccountId,
    DeskRecipient,
    Disposition,
    MailboxRecipient,
    Outcome,
    Recipient,
    ReturnedBounce,
    TopicRecipient,
)
from mailcore.errors import MAILBOX_FULL, RoomGone
from mailcore.log import log_for
from mailcore.mail.reading import trace
from mailcore.services.delivery import arrival as arrivals
from mailcore.services.delivery import (
    delivery_receipts,
    forwards,
    plans,
    script_notify,
    script_runs,
    topic_mail,
    traces,
    vacation_reply,
)
from mailcore.services.delivery.arrival import Arrival
from mailcore.services.delivery.plans import (
    DeliveryPlan,
    File,
    Forward,
    Full,
    MailboxPlan,
    Plan,
    RecipientPlan,
    Reject,
    Step,
    Take,
    Unsent,
)
from mailcore.services.delivery.recipients import passes_on
from mailcore.services.delivery.script_runs import Actions, Decision
from mailcore.services.forwarding import digest
from mailcore.services.mailauth import forward_policy
from mailcore.services.mailauth.forward_policy import Passage
from mailcore.services.sieve_scripts.recipient_view import QUOTA_ITEMS, Place, RecipientView
from mailcore.services.sieve_scripts.script_view import MessageText
from mailcore.services.tickets import ticket_inbox
from mailcore.store.engine.db import Outside, Tx
from mailcore.store.forwarding.held_back import HeldBack
from mailcore.store.mail.blobs import Prepared
from mailcore.store.mail.messages import fits

log = log_for(__name__)
_JUNK = (sieve.FileInto("Junk"),)
_READS_SCORES = re.compile(r"\b(?:spamtest|virustest)\b", re.IGNORECASE)  # such a script decides on spam itself
_HEAVY = re.compile(
    r"\b(?:body|mime|foreverypart|extracttext|regex|include|editheader|replace|enclose)\b", re.IGNORECASE
)


class NeedsThread(Exception):
    """More is to be done than an event loop has time for: the database is asked, mail is written, signed or searched."""


def _ask_nothing(*_: object) -> NoReturn:
    raise NeedsThread


class _NoTx(Tx):
    """No transaction: a plan that asks the database anything is no light one."""

    __slots__ = ()

    # ignored by mypy: it takes anything and gives nothing
    rows = row = run = insert = many = columns = damage = _ask_nothing  # type: ignore[assignment]
    _command = horizon = server_time = _ask_nothing  # type: ignore[assignment]


_NO_TX = _NoTx()


@lru_cache(maxsize=4096)
def _is_heavy(source: str) -> bool:
    """Say if a script may look at more than the header, or change it."""
    return _HEAVY.search(source) is not None


def make_light_plan(
    core: Core, arrival: Arrival, recipients: Sequence[Recipient], facts: Mapping[AccountId, AccountFacts]
) -> DeliveryPlan:
    """Plan without the database, where that costs less than a thread: scripts that look at the header and file.

    Raises:
        NeedsThread: it does not.
        RoomGone: as `make_plan`.
    """
    if arrival.prepared.size > core.blobs.inside or any(
        _is_heavy(one.generated) or _is_heavy(one.personal) for one in facts.values()
    ):
        raise NeedsThread
    if not arrival.verdict.outside and any("redirect" in one.generated + one.personal for one in facts.values()):
        raise NeedsThread  # what is ours is signed as it goes on
    return make_plan(core, _NO_TX, arrival, recipients, facts)


def make_plan(
    core: Core, tx: Tx, arrival: Arrival, recipients: Sequence[Recipient], facts: Mapping[AccountId, AccountFacts]
) -> DeliveryPlan:
    """Plan the delivery to all recipients.

    Raises:
        RoomGone: one box is full while others take the message, and SMTP has one reply for all.
    """
    prepared, verdict, now = arrival.prepared, arrival.verdict, core.clock.now()
    about = traces.about(prepared.message.header, prepared.name, prepared.size, verdict, arrival.envelope.peer)
    text, path = MessageText(prepared.message), trace.return_path(arrival.envelope.sender)
    made: list[RecipientPlan] = []
    for recipient in recipients:
        match recipient:
            case MailboxRecipient():
                own = arrivals.of_recipient(arrival, recipient.account)
                made.append(_Planner(core, tx, own, text, now, path, recipient, facts[recipient.account]).make_plan())
            case DeskRecipient() | ReturnedBounce():
                made.append(recipient)
            case TopicRecipient():
                made.append(topic_mail.plan(core, tx, arrival, recipient))
            case _:
                assert_never(recipient)
    if not all(isinstance(one, MailboxPlan) and not isinstance(one.plan, Take) for one in made):
        if verdict.outside and any(isinstance(one, MailboxPlan) and isinstance(one.plan, Full) for one in made):
            raise RoomGone  # a report afterwards could hit somebody else, and Junk has no more room than INBOX
        made = [_with_report(core, tx, arrival, one) if isinstance(one, MailboxPlan) else one for one in made]
    return DeliveryPlan(arrival, now, about, tuple(made))


def plan_uncounted_copy(
    core: Core, tx: Tx, arrival: Arrival, text: MessageText, recipient: MailboxRecipient, facts: AccountFacts
) -> MailboxPlan:
    """Plan, for one recipient, a message that takes no room: to it every box is as empty as a new one (N13)."""
    path, roomy = trace.return_path(arrival.envelope.sender), replace(facts, used=0, quota=0)
    plan = _Planner(core, tx, arrival, text, core.clock.now(), path, recipient, roomy).make_plan()
    answers = {key: answer for key, answer in plan.answers.items() if not str(key).startswith(QUOTA_ITEMS)}
    return replace(plan, answers=answers)


def _with_report(core: Core, tx: Tx, arrival: Arrival, plan: MailboxPlan) -> MailboxPlan:
    """Where others take the message, who refuses it is told of by a report, or it stays in Junk."""
    match plan.plan:
        case Take():
            return plan
        case Reject(reason):
            reply = f"550 5.7.1 {' '.join(reason.split())[:400]}"
        case Full():
            reply = f"552 5.2.2 {MAILBOX_FULL}"
        case _:
            assert_never(plan.plan)
    address = plan.recipient.address
    if not delivery_receipts.is_vouched_for(arrival):
        return replace(plan, is_answered=False)
    return replace(plan, report=delivery_receipts.report_refusal(core, tx, arrival, address, reply=reply))


@dataclass(slots=True)
class _Planner:
    """Makes the plan for one account."""

    core: Core
    tx: Tx
    arrival: Arrival
    text: MessageText
    now: datetime
    return_path: bytes  # the field, which stands above the trace
    recipient: MailboxRecipient
    facts: AccountFacts

    def make_plan(self) -> MailboxPlan:
        facts, arrival = self.facts, self.arrival
        place = Place(self.core, self.tx, self.recipient.account, self.now, arrival.trace, (facts.used, facts.quota))
        decision, held_back = self._decide(place)
        prefix = self.return_path + trace.delivered_to(self.recipient.address) + arrival.trace
        plan, needs = self._plan(place, decision, arrival.prepared.size + len(prefix))
        notices = [script_runs.plan_problem_notice(place, problem) for problem in decision.problems]
        name = self.recipient.address.partition("@")[0].lower()
        return MailboxPlan(
            self.recipient,
            plan,
            facts,
            prefix,
            place.answers,
            needs,
            decision.rules,
            decision.duplicate_keys,
            held_back,
            tuple(filter(None, notices)),
            is_for_desk=name in ticket_inbox.ROLES,
            is_unsure=arrival.verdict.scan.unsure,
        )

    def _decide(self, place: Place) -> tuple[Decision, HeldBack | None]:
        """Decide by the checks of the sender and of the content, else by the scripts."""
        verdict = self.arrival.verdict
        if verdict.disposition is Disposition.JUNK:
            held = self._hold_back(Passage.JUNK) if self.facts.forwards else None
            return Decision(_JUNK, (("junk", ""),)), held
        if verdict.scan.junk and not _READS_SCORES.search(self.facts.personal):
            percent = verdict.scan.percent
            rules = [("spam", "" if percent is None else f"{percent:.0f} %")]
            if verdict.scan.reasons:
                rules.append(("spam signs", ", ".join(verdict.scan.reasons)))
            return Decision(_JUNK, tuple(rules)), self._hold_back(Passage.JUNK) if self.facts.forwards else None
        view = RecipientView(place, self.text, self.arrival.envelope, self.recipient.address)
        decision = script_runs.decide(place, view, self.facts.generated, self.facts.personal)
        return self._drop_unforwardable(decision)

    def _hold_back(self, passage: Passage) -> HeldBack:
        return digest.read_held_back(self.arrival.prepared.message.header, passage, int(self.now.timestamp()))

    def _drop_unforwardable(self, decision: Decision) -> tuple[Decision, HeldBack | None]:
        """Replace redirects that would fail DMARC at the target: by Junk if nobody vouches for the message, else by keep."""
        redirects = [action for action in decision.actions if isinstance(action, sieve.Redirect)]
        if not redirects:
            return decision, None
        passage = forward_policy.forecast(
            self.core.config,
            self.arrival.verdict,
            self.facts.unsafe,
            changed=any(action.octets is not None for action in redirects),
        )
        match passage:
            case Passage.UNTOUCHED | Passage.REWRITE:
                return decision, None
            case Passage.JUNK:
                actions: Actions = _JUNK
            case Passage.KEEP:
                actions = tuple(action for action in decision.actions if not isinstance(action, sieve.Redirect))
                if not any(map(_stores, actions)):
                    actions = (*actions, sieve.Keep())
            case _:
                assert_never(passage)
        rules = (*decision.rules, ("held", passage.value))
        return replace(decision, actions=actions, rules=rules), self._hold_back(passage)

    def _plan(self, place: Place, decision: Decision, octets: int) -> tuple[Plan, int]:
        """Plan what becomes of it, and tell for how many octets the box needs room.

        Args:
            octets: of the message with our fields.
        """
        for action in decision.actions:
            if isinstance(action, sieve.Reject | sieve.Ereject):
                return (Full() if decision.is_full else Reject(action.reason)), 0
        actions, needs = decision.actions, 0
        if any(map(_stores, actions)) and self.facts.quota:
            needs = octets
            if not fits(self.facts.used, self.facts.quota, needs):
                if not (passes_on(self.core, self.facts) and any(isinstance(one, sieve.Redirect) for one in actions)):
                    return Full(), needs
                actions = tuple(action for action in actions if not _stores(action))
        return self._take(place, actions, decision.personal), needs

    def _take(self, place: Place, actions: Actions, personal: frozenset[str]) -> Take:
        steps: list[Step] = []
        has_looped = False
        for action in actions:
            step = self._step(place, action, personal)
            if step is not None:
                steps.append(step)
            elif isinstance(action, sieve.Redirect):
                has_looped = True
        if has_looped and not any(isinstance(step, File) for step in steps):
            steps.append(File("INBOX"))  # it was here before: it ends here
        return Take(tuple(steps), self._receipts(steps, actions))

    def _step(self, place: Place, action: sieve.Action, personal: frozenset[str]) -> Step | None:
        """Finish what an action asks for; None where nothing comes of it."""
        core, arrival, is_light = self.core, self.arrival, isinstance(self.tx, _NoTx)
        match action:
            case sieve.Keep():
                return File("INBOX", frozenset(action.flags), octets=self._changed(action.octets))
            case sieve.FileInto():
                return replace(plans.to_file(action), octets=self._changed(action.octets))
            case sieve.Redirect():
                if is_light and forwards.is_signed_by_us(core, arrival, action, self.facts.unsafe):
                    raise NeedsThread
                return self._forward(place, action, counted=action.address in personal)
            case sieve.Vacation() | sieve.Notify() if arrival.verdict.scan.junk:
                return None  # nobody answers spam
            case sieve.Vacation() | sieve.Notify() if is_light:
                raise NeedsThread
            case sieve.Vacation():
                return vacation_reply.plan(place, arrival, self.recipient, action)
            case sieve.Notify():
                return script_notify.plan(
                    place, action, fields=self.text.head, own=self.recipient.address, trigger=arrival.envelope.sender
                )
            case sieve.Discard() | sieve.Reject() | sieve.Ereject():
                return None
            case _:
                assert_never(action)

    def _forward(self, place: Place, action: sieve.Redirect, *, counted: bool) -> Step | None:
        """Make the copy; where that fails (no key, no room on the disk) the message stays here (S25)."""
        try:
            return forwards.plan(place, self.arrival, self.recipient, action, unsafe=self.facts.unsafe, counted=counted)
        except (NeedsThread, Outside):
            raise
        except Exception:  # whatever it is, the message is not lost
            log.exception("a copy could not be made; the message stays here")
            return Unsent()

    def _changed(self, octets: bytes | None) -> Prepared | None:
        return None if octets is None else self.core.blobs.prepare(octets)

    def _receipts(self, steps: Sequence[Step], actions: Actions) -> dict[Outcome, Prepared]:
        """Write the reports of success that the sender asked for, for what may come of the steps."""
        if not delivery_receipts.wants_success(self.arrival, self.recipient.address):
            return {}
        outcomes: list[Outcome] = []
        sent = [step for step in steps if isinstance(step, Forward)]
        # what cannot be sent on is filed
        if sent or any(isinstance(step, File | Unsent) for step in steps):
            outcomes.append(Outcome.FILED)
        if sent and _may_tell(actions):
            outcomes.append(Outcome.FORWARDED)
        report = delivery_receipts.report_success
        return {
            outcome: report(
                self.core, self.tx, self.arrival, self.recipient.address, relayed=outcome is Outcome.FORWARDED
            )
            for outcome in outcomes
        }


def _stores(action: sieve.Action) -> bool:
    return isinstance(action, sieve.Keep | sieve.FileInto)


def _may_tell(actions: Actions) -> bool:
    """May the sender hear that it went on?  `:notify` of the script stands for the sender's own NOTIFY (RFC 6009 section 5)."""
    words = [{word.upper() for word in action.notify} for action in actions if isinstance(action, sieve.Redirect)]
    return any(not asked or "SUCCESS" in asked for asked in words)
