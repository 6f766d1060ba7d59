"""A message comes in: it is planned outside of any write, and one transaction does all of it.

When `accept` returns, the commit is on disk; only then may the peer hear `250` (order 3).  A plan that is outdated when its turn
to write comes is made anew, outside again; after a few times the plan is made within the write, so that whoever changes their
settings all the time holds up no message.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TypeVar

from mailcore.core import Core
from mailcore.domain import AccountFacts, AccountId, Delivered, Envelope, MailboxRecipient, Recipient, Verdict
from mailcore.errors import MailError
from mailcore.log import log_for, log_message
from mailcore.process import budget
from mailcore.services.delivery import arrival as arrivals
from mailcore.services.delivery import planning
from mailcore.services.delivery.arrival import OWN, Arrival
from mailcore.services.delivery.carrying_out import carry_out
from mailcore.services.delivery.plans import DeliveryPlan, MailboxPlan, PlanOutdated
from mailcore.services.tickets import first_notice
from mailcore.spans import open_span
from mailcore.store.delivery import account_facts
from mailcore.store.engine.db import Tx
from mailcore.store.mail.blobs import Prepared

log = log_for(__name__)
T = TypeVar("T")
PLANS = 3  # that are made outside of the write
FEW = 5  # recipients, for whom the loop may plan
Find = Callable[[Tx], Sequence[Recipient]]
Deliver = Callable[[Tx], list[Delivered]]


async def accept(
    core: Core,
    envelope: Envelope,
    recipients: Sequence[Recipient],
    message: bytes | Prepared,
    header_prefix: bytes,
    verdict: Verdict = OWN,
) -> list[Delivered]:
    """Deliver to all recipients; committed when it returns.

    Args:
        header_prefix: our trace fields (Received ...), the same for all recipients.
    """
    if isinstance(message, Prepared):
        prepared = message
    elif len(message) <= core.blobs.inside:
        # Small messages cost less to parse than to hand to a thread and back.
        prepared = core.blobs.prepare(message)
    else:
        prepared = await core.store(core.blobs.prepare, message)
    addresses = [recipient.address for recipient in recipients]
    arrival = await arrivals.read(core, envelope, prepared, addresses, verdict=verdict, trace=header_prefix)
    if (done := await _try_light(core, arrival, recipients)) is not None:
        await _follow_up(core, done)
        return done
    return await plan_and_write(core, arrival, lambda tx: recipients, lambda tx, deliver: deliver(tx), of=())


async def plan_and_write(
    core: Core,
    arrival: Arrival,
    find: Find,
    write: Callable[[Tx, Deliver], T],
    of: Collection[AccountId] | None = None,
) -> T:
    """Plan a delivery, and write it together with what `write` does beside.

    Args:
        find: gives the recipients; what it raises, `deliver` raises within the write.
        write: calls `deliver` once.  It may run again, after all that it wrote was undone.
        of: accounts that `write` itself needs locked; None = it must be alone.
    """
    done: list[Delivered] = []

    def noting(deliver: Deliver, tx: Tx) -> list[Delivered]:
        done[:] = deliver(tx)
        return done

    for _ in range(PLANS):
        locks = of
        try:
            with open_span("plan"):
                plan = await core.db.aread(partial(_make_plan, core, arrival, find))
            deliver, locks = partial(carry_out, core, plan=plan), None if of is None else _find_locks(plan, of)
        except MailError as problem:
            deliver = partial(_raise, problem)
        try:
            with open_span("write"):
                written = await core.db.awrite(partial(_write, write, partial(noting, deliver)), of=locks)
            break
        except PlanOutdated:
            log.debug("a delivery is planned anew: what its plan rests on has changed")
    else:
        deliver = partial(_plan_and_carry_out, core, arrival, find)
        written = await core.db.awrite(partial(_write, write, partial(noting, deliver)))
    await _follow_up(core, done)
    return written


async def _follow_up(core: Core, done: Sequence[Delivered]) -> None:
    """Log what was delivered, and send the first letters of cases that this opened.

    The commit is made: what fails now is due still, and a job does it.
    """
    for one in done:
        log_message("delivered", outcome=one.outcome.value, account=one.account)
        if one.opened is not None:
            with contextlib.suppress(MailError):
                await core.threads.run(first_notice.send_notice, core, one.opened)


async def _try_light(core: Core, arrival: Arrival, recipients: Sequence[Recipient]) -> list[Delivered] | None:
    """Deliver what can be planned by the facts of RCPT alone; None where the database is to be asked, or they have changed."""
    facts: dict[AccountId, AccountFacts] = {}
    for recipient in recipients:
        if isinstance(recipient, MailboxRecipient):
            if recipient.facts is None:
                return None
            facts[recipient.account] = recipient.facts
    try:
        make = partial(budget.bound(planning.make_light_plan), core, arrival, recipients, facts)
        if len(recipients) <= FEW:
            plan = make()
            await asyncio.sleep(0)  # other messages that are ready are planned now, and share the commit
        else:
            plan = await core.threads.run(make)
        with open_span("write"):
            return await core.db.awrite(partial(carry_out, core, plan=plan), of=_find_locks(plan))
    except (PlanOutdated, planning.NeedsThread):
        return None


def _find_locks(plan: DeliveryPlan, others: Collection[AccountId] = ()) -> set[AccountId] | None:
    """Return whose mail the plan writes, with the others; None where it joins what belongs to nobody's account alone."""
    accounts = set(others)
    for one in plan.recipients:
        if not isinstance(one, MailboxPlan) or one.is_for_desk:
            return None
        accounts.add(one.recipient.account)
    return accounts


def _write(write: Callable[[Tx, Deliver], T], deliver: Deliver, tx: Tx) -> T:
    return write(tx, deliver)


def _make_plan(core: Core, arrival: Arrival, find: Find, tx: Tx) -> DeliveryPlan:
    recipients = find(tx)
    facts = account_facts.get_facts(tx, [one.account for one in recipients if isinstance(one, MailboxRecipient)])
    return planning.make_plan(core, tx, arrival, recipients, facts)


def _plan_and_carry_out(core: Core, arrival: Arrival, find: Find, tx: Tx) -> list[Delivered]:
    return carry_out(core, tx, _make_plan(core, arrival, find, tx))


def _raise(problem: MailError, _tx: Tx) -> list[Delivered]:
    raise problem
