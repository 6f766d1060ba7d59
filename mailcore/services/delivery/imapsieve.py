"""Scripts that run when something happens in a mailbox: IMAPSIEVE (RFC 6785).

The owner names the script in the annotation `/shared/imapsieve/script` of a mailbox, or of the account for all its mailboxes.
It runs after the APPEND, COPY, MOVE or change of flags that is its cause has been written, and before the client hears of it,
for instance to sort, flag or send on what was moved to Junk.  What is sent on leaves as mail of the owner, as any mail
program's does: counted, and with them as its author, since nobody knows any more who vouched for the message.  Nobody waits
outside who could be answered, so reject and vacation do nothing here.

Like a delivery, each run is planned outside of the write, which only looks whether the message and all that the script asked are
still as they were.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import assert_never

import sieve
from mailcore.core import Core
from mailcore.domain import AccountId, Envelope, Mailbox, MailboxId, MessageInfo
from mailcore.errors import MailboxNotFound, MailError
from mailcore.log import log_for
from mailcore.mail.reading.message import Message
from mailcore.services.delivery import forwards, plans, script_notify, script_runs, sending_limits
from mailcore.services.delivery.plans import File, Notification, PlanOutdated, ProblemNotice
from mailcore.services.sieve_scripts.recipient_view import Answers, Place, RecipientView
from mailcore.services.sieve_scripts.script_view import MessageText
from mailcore.store.delivery.scripts import find_script
from mailcore.store.engine.db import Row, Statement, Tx
from mailcore.store.mail import annotations
from mailcore.store.mail.blobs import Prepared
from mailcore.store.people.accounts import get_account
from mailcore.store.queue.items import enqueue_mail

log = log_for(__name__)
ENTRY = "/shared/imapsieve/script"
MAX_MESSAGES = 1000  # of one command that a script looks at
PLANS = 3  # for one message; its owner changes what the script rests on all the while, then it is left as it is
DELETED = frozenset({"\\Deleted"})


@dataclass(frozen=True, slots=True)
class MailboxEvent:
    """An event in a mailbox that has a script, and the messages that it concerns."""

    account: AccountId
    mailbox: MailboxId
    uids: tuple[int, ...]
    source: str
    address: str
    items: dict[str, str]


@dataclass(frozen=True, slots=True)
class Stay:
    """Leave the message in place with these flags; None = as they are."""

    flags: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Replace:
    """Put what the script made of the message in its place."""

    octets: Prepared
    flags: frozenset[str]


@dataclass(frozen=True, slots=True)
class SendOn:
    """Send it on as mail of the owner."""

    target: str
    octets: Prepared


Step = Stay | Replace | File | SendOn | Notification


@dataclass(frozen=True, slots=True)
class _Plan:
    """The plan for one message.

    Attributes:
        info, answers: what it rests on.
        leaves: nothing of the script keeps it, so that it is marked as deleted.
    """

    info: MessageInfo
    answers: Answers
    steps: tuple[Step, ...] = ()
    leaves: bool = False
    problem: ProblemNotice | None = None


def script_for(tx: Tx, account: AccountId, mailbox: MailboxId) -> str:
    """Return the source of the script for that mailbox, "" for none."""
    return read_script(tx, account, *tx.ask([ask_for_script(account, mailbox)]))


def ask_for_script(account: AccountId, mailbox: int | str) -> Statement:
    """Return what to ask for the script of a mailbox by its number or its name (`Tx.ask`, `read_script`)."""
    return annotations.ask_for_value(account, mailbox, ENTRY)


def read_script(tx: Tx, account: AccountId, rows: Sequence[Row]) -> str:
    """Read what is answered to `ask_for_script`; where the mailbox names a script, find its source."""
    name = annotations.read_value(rows)
    if not name:
        return ""
    script = find_script(tx, account, name.decode("utf-8", "replace"))
    return script.source if script and not script.held else ""


def find_event(
    core: Core, tx: Tx, account: AccountId, mailbox: MailboxId, uids: Sequence[int], cause: str
) -> MailboxEvent | None:
    """Note what happened, inside the write that does it; None where no script is to run.

    Args:
        cause: APPEND, COPY (also for MOVE) or FLAG.
    """
    source = script_for(tx, account, mailbox) if uids else ""
    return note_event(core, tx, account, mailbox, uids, cause, source)


def note_event(
    core: Core,
    tx: Tx,
    account: AccountId,
    mailbox: MailboxId,
    uids: Sequence[int],
    cause: str,
    source: str,
    changed: frozenset[str] = frozenset(),
) -> MailboxEvent | None:
    """The same with the script that has been found.

    Args:
        changed: the flags that were set or taken away.
    """
    if not source or not uids:
        return None
    owner = get_account(tx, account)
    address = owner.address(core.config.domain)
    items = {
        "imap.user": owner.name,
        "imap.email": address,
        "imap.cause": cause,
        "imap.mailbox": core.mail.get(tx, mailbox).name,
        "imap.changedflags": " ".join(sorted(changed)),
        "location": "MS",
        "phase": "post",
    }
    return MailboxEvent(account, mailbox, tuple(uids[:MAX_MESSAGES]), source, address, items)


def run_scripts(core: Core, event: MailboxEvent | None) -> None:
    """Run the owner's script for each message; called after the write, in a thread."""
    for uid in event.uids if event is not None else ():
        assert event is not None  # noqa: S101 - for mypy
        for _ in range(PLANS):
            plan = core.db.read(partial(_make_plan, core, event, uid))
            if plan is None:
                break
            try:
                core.db.write(partial(_carry_out, core, event, plan))
                break
            except PlanOutdated:
                log.debug("a script runs anew: what it asked has changed")


async def arun_scripts(core: Core, event: MailboxEvent | None) -> None:
    """Do the same for a command of IMAP."""
    if event is not None:
        await core.threads.run(run_scripts, core, event)


def _find(core: Core, tx: Tx, event: MailboxEvent, uid: int) -> tuple[Mailbox, MessageInfo] | None:
    try:
        box = core.mail.get(tx, event.mailbox)
    except MailboxNotFound:
        return None
    return next(((box, info) for info in core.mail.infos(tx, event.mailbox, [(uid, uid)])), None)


def _make_plan(core: Core, event: MailboxEvent, uid: int, tx: Tx) -> _Plan | None:
    """Run the script on one message; None where it is gone."""
    there = _find(core, tx, event, uid)
    if there is None:
        return None
    _, info = there
    place = Place(core, tx, event.account, core.clock.now(), items=event.items)
    message = MessageText(Message(core.mail.octets(tx, event.mailbox, uid)))
    view = RecipientView(place, message, Envelope("", (event.address,)), event.address)
    run = script_runs.run(place, view, event.source, sieve.Options(), tuple(sorted(info.flags)))
    if run.problem:
        return _Plan(info, place.answers, problem=script_runs.plan_problem_notice(place, run.problem))
    actions = run.result.actions
    steps = (_plan_step(place, event, info, message, action) for action in actions)
    moves = any(isinstance(action, sieve.Discard | sieve.FileInto | sieve.Redirect) for action in actions)
    leaves = moves and not any(isinstance(action, sieve.Keep) for action in actions)
    return _Plan(info, place.answers, tuple(step for step in steps if step is not None), leaves)


def _plan_step(
    place: Place, event: MailboxEvent, info: MessageInfo, message: MessageText, action: sieve.Action
) -> Step | None:
    core = place.core
    match action:
        case sieve.Keep():
            flags = frozenset(action.flags)
            if action.octets is not None:
                return Replace(core.blobs.prepare(action.octets), flags)
            return Stay(flags if flags != info.flags and (flags or action.implicit) else None)
        case sieve.FileInto():
            return plans.to_file(action)
        case sieve.Redirect():
            octets = message.octets[:] if action.octets is None else action.octets
            return SendOn(action.address, forwards.plan_of_owner(core, octets, event.address))
        case sieve.Notify():
            return script_notify.plan(place, action, fields=message.head, own=event.address, trigger="")
        case sieve.Discard() | sieve.Reject() | sieve.Ereject() | sieve.Vacation():
            return None
        case _:
            assert_never(action)


def _carry_out(core: Core, event: MailboxEvent, plan: _Plan, tx: Tx) -> None:
    """Do what was planned.  Raises PlanOutdated."""
    there = _find(core, tx, event, plan.info.uid)
    if there is None:
        return
    box, info = there
    now = core.clock.now()
    if info.modseq != plan.info.modseq or not Place(core, tx, event.account, now).still_gives(plan.answers):
        raise PlanOutdated
    if plan.problem is not None:
        script_runs.send_problem_notice(core, tx, event.account, plan.problem, int(now.timestamp()))
    for step in plan.steps:
        _do(core, tx, event, box, info, step)
    if plan.leaves:
        core.mail.set_flags(tx, box.id, [(info.uid, info.uid)], "add", DELETED)


def _do(core: Core, tx: Tx, event: MailboxEvent, box: Mailbox, info: MessageInfo, step: Step) -> None:
    account, ranges = event.account, [(info.uid, info.uid)]
    match step:
        case Stay(flags):
            if flags is not None:
                core.mail.set_flags(tx, box.id, ranges, "replace", flags)
        case Replace(octets, flags):
            core.mail.append(tx, account, box.id, octets, flags, info.internal_date)
            core.mail.set_flags(tx, box.id, ranges, "add", DELETED)
        case File():
            try:
                target = script_runs.find_mailbox(core, tx, account, step)
                _, [uid] = core.mail.copy(tx, account, box.id, ranges, target.id)
            except MailError as problem:  # full, say: the message stays where it is
                log.warning("fileinto of account %d: %s", account, problem)
                return
            core.mail.set_flags(tx, target.id, [(uid, uid)], "replace", step.flags)
        case SendOn():
            _send_on(core, tx, event, step)
        case Notification():
            script_notify.send(core, tx, account, step, core.clock.seconds())
        case _:
            assert_never(step)


def _send_on(core: Core, tx: Tx, event: MailboxEvent, step: SendOn) -> None:
    refused = sending_limits.count(core, tx, get_account(tx, event.account), "", 1)
    if refused is not None:
        log.warning("redirect of account %d: %s", event.account, refused)
        return
    enqueue_mail(
        tx,
        core.blobs,
        sender=event.address,
        recipients=[step.target],
        prepared=step.octets,
        prefix=b"",
        account=event.account,
        origin="forward",
        now=core.clock.seconds(),
    )
