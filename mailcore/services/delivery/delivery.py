"""A message comes in: who is it for, what do their scripts say, and one transaction that does all of it.

When `accept` returns, the commit is on disk; only then may the peer hear `250` (order 3).
"""

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import sieve
from mailcore.core import Core
from mailcore.domain import (
    AccountId,
    Delivered,
    Disposition,
    Dsn,
    Envelope,
    Mailbox,
    MailboxId,
    Outcome,
    Recipient,
    Verdict,
)
from mailcore.errors import MailboxNotFound, Moved, OverQuota, RelayDenied, ReportsOnly, RoomGone, UnknownRecipient
from mailcore.log import log_for
from mailcore.mail.passing import srs
from mailcore.mail.reading import trace
from mailcore.mail.writing import dsn
from mailcore.services.accounts import tombstones
from mailcore.services.delivery import delivery_receipts, script_notify, script_runs, traces, vacation_reply
from mailcore.services.forwarding import bounces, digest
from mailcore.services.mailauth import dkim, forward_policy
from mailcore.services.mailauth.forward_policy import Passage
from mailcore.services.quota import quota_warnings
from mailcore.services.sieve_scripts import filters
from mailcore.services.sieve_scripts.recipient_view import RecipientView, ScriptContext
from mailcore.services.sieve_scripts.script_view import MessageText
from mailcore.services.tickets import ticket_inbox
from mailcore.services.tickets.ticket_inbox import Letter
from mailcore.store.delivery import records
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding import kept_copies, onward
from mailcore.store.forwarding.settings import get_forwarding, is_forwarding
from mailcore.store.mail.blobs import INSIDE, Prepared, Saved
from mailcore.store.mail.messages import GRACE
from mailcore.store.mail.quota import get_space, get_spaces
from mailcore.store.people.addresses import find_address_owner, list_addresses
from mailcore.store.queue.items import enqueue_mail
from sieve.addrspec import comparable, normal_address

log = log_for(__name__)
OWN = Verdict()
TRACE_ROOM = 1000  # octets that our own fields may take
FULL = "Postboksen er full / The mailbox is full"


def is_ours(core: Core, address: str) -> bool:
    """Say if it is an address at a domain whose mail we take."""
    return address.rpartition("@")[2].lower() in (core.config.domain, core.config.srs_domain)


def check_recipient(
    core: Core,
    tx: Tx,
    address: str,
    size: int | None,
    *,
    authenticated: bool,  # noqa: ARG001 - of callers
    sender: str = "",
) -> Recipient:
    """Find whose address this is, at RCPT time.

    Args:
        size: octets as announced with SIZE=, or None.
        sender: of the envelope, who may be told a new address.

    Raises:
        RelayDenied, UnknownRecipient, Moved, OverQuota.
        ReportsOnly: such an address is not written to.
    """
    address = normal_address(address)
    localpart, at, domain = address.rpartition("@")
    if not at or not is_ours(core, address):
        raise RelayDenied("not an address of ours")
    if domain.lower() == core.config.srs_domain:
        if localpart.lower() not in ticket_inbox.ROLES:  # they exist at every domain of ours (RFC 2142)
            return _bounced(core, tx, address, localpart, sender)
        domain, address = core.config.domain, f"{localpart}@{core.config.domain}"
    name, _, detail = localpart.partition("+")
    if ticket_inbox.is_desk(name):
        return Recipient(address, AccountId(0), detail)
    account = find_address_owner(tx, name.lower(), domain.lower())
    if account is None:
        if moved := tombstones.find_new_address(core, tx, name.lower(), domain.lower(), sender):
            raise Moved(moved)
        raise UnknownRecipient("no such address here")
    used, quota = get_space(tx, account)
    if quota and not _fits(used, quota, size or 0) and not _passes_on(core, tx, account):
        raise OverQuota(FULL)
    most = TRACE_ROOM + (core.config.message_octets if size is None else size)
    return Recipient(address, account, detail, alone=bool(quota) and not _fits(used, quota, most))


def _bounced(core: Core, tx: Tx, address: str, localpart: str, sender: str) -> Recipient:
    """An address that we made when forwarding: a bounce on its way back (account 0).

    Reports have the null sender (RFC 5321 section 4.5.5); whoever else writes there has found the address in a header.
    """
    if bounces.find_return(core, tx, localpart) is None:
        raise UnknownRecipient("not an address that we made")
    if sender:
        raise ReportsOnly("mail with a sender")
    return Recipient(address, AccountId(0))


def _fits(used: int, quota: int, size: int) -> bool:
    """One last message up to GRACE may cross the line (S20)."""
    return used + size <= quota or (used < quota and size <= GRACE)


def _passes_on(core: Core, tx: Tx, account: AccountId) -> bool:
    """A full box whose owner forwards: the message goes on, the copy is skipped (quota.full_and_forwarding)."""
    return core.config.quota.full_and_forwarding == "forward" and is_forwarding(tx, account)


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
    elif len(message) <= INSIDE:
        # Small messages cost less to parse than to hand to a thread and back.
        prepared = core.blobs.prepare(message)
    else:
        prepared = await core.threads.run(core.blobs.prepare, message)
    letter = await read_letter(core, envelope, [recipient.address for recipient in recipients], prepared, header_prefix)
    return await core.db.awrite(
        lambda tx: deliver(core, tx, envelope, recipients, prepared, header_prefix, verdict, letter)
    )


async def read_letter(
    core: Core, envelope: Envelope, addresses: Sequence[str], prepared: Prepared, header_prefix: bytes
) -> Letter | None:
    """The message as the help desk reads it, if it is one of the recipients: what may take long is done before the write."""
    if not any(ticket_inbox.is_desk_address(core, address) for address in addresses):
        return None
    return await core.threads.run(ticket_inbox.read_letter, core, prepared.message, envelope.sender, header_prefix)


def deliver(
    core: Core,
    tx: Tx,
    envelope: Envelope,
    recipients: Sequence[Recipient],
    prepared: Prepared,
    header_prefix: bytes,
    verdict: Verdict = OWN,
    letter: Letter | None = None,
) -> list[Delivered]:
    """Deliver, inside a transaction of the caller.

    Args:
        letter: as read_letter gives it.
    """
    view = MessageText(prepared.message)
    sources = filters.active_sources(tx, [r.account for r in recipients])
    about = traces.about(prepared.message.header, prepared.name, prepared.size, verdict, envelope.peer)
    rooms = get_spaces(tx, [r.account for r in recipients])
    context = _Context(
        core,
        tx,
        envelope,
        prepared,
        trace.return_path(envelope.sender),
        header_prefix,
        view,
        rooms,
        core.clock.now(),
        verdict,
        about,
        {},
        letter,
    )
    plans = [_plan(context, recipient, sources.get(recipient.account, ("", ""))) for recipient in recipients]
    all_rejected = all(isinstance(plan, str) for plan in plans)
    if verdict.outside and not all_rejected and FULL in plans:
        raise RoomGone  # a report afterwards could hit somebody else, and Junk has no more room than INBOX
    try:
        return [
            _execute(context, recipient, plan, all_rejected) for recipient, plan in zip(recipients, plans, strict=True)
        ]
    except OverQuota:
        if verdict.outside and len(recipients) > 1:
            raise RoomGone from None
        raise


@dataclass(slots=True)
class _Context:
    core: Core
    tx: Tx
    envelope: Envelope
    prepared: Prepared
    return_path: bytes  # the field, which stands above the trace
    trace: bytes
    view: MessageText
    rooms: dict[AccountId, tuple[int, int]]  # octets used and allowed
    now: datetime
    verdict: Verdict
    about: records.About
    rules: dict[str, list[traces.Rule]]  # by recipient: what decided, for the trace
    letter: Letter | None  # as the help desk reads it
    saved: Saved | None = None  # the message, once a mailbox has it
    filed: list[tuple[MailboxId, int]] = field(default_factory=list)  # for the recipient at hand
    served: set[AccountId] = field(default_factory=set)  # who has it already


Plan = tuple[sieve.Action, ...] | str  # actions to take, or the reason of a rejection


def _plan(context: _Context, recipient: Recipient, sources: tuple[str, str]) -> Plan:
    """Decide what to do for one recipient: actions, the reason of a rejection, or FULL if there is no room."""
    if not recipient.account:
        return ()
    actions = _wanted(context, recipient, sources)
    for action in actions:
        if isinstance(action, sieve.Reject | sieve.Ereject):
            return action.reason
    actions = _held_back(context, recipient, actions)
    used, quota = context.rooms[recipient.account]
    stores = any(isinstance(action, sieve.Keep | sieve.FileInto) for action in actions)
    if stores and quota and not _fits(used, quota, context.prepared.size + len(_prefix(context, recipient))):
        if any(isinstance(a, sieve.Redirect) for a in actions) and _passes_on(
            context.core, context.tx, recipient.account
        ):
            return tuple(a for a in actions if not isinstance(a, sieve.Keep | sieve.FileInto))
        return FULL
    return actions


_JUNK = (sieve.FileInto("Junk"),)
_READS_SCORES = re.compile(r"\b(?:spamtest|virustest)\b", re.IGNORECASE)  # such a script decides on spam itself


def _passage(context: _Context, recipient: Recipient, *, changed: bool) -> Passage:
    """Forecast what forwarding this message means, with the owner's own choice for what could not pass."""
    unsafe = get_forwarding(context.tx, recipient.account).unsafe
    return forward_policy.forecast(context.core.config, context.verdict, unsafe, changed=changed)


def _held_back(context: _Context, recipient: Recipient, actions: tuple[sieve.Action, ...]) -> tuple[sieve.Action, ...]:
    """Drop redirects that must not go on: the message goes to Junk if nobody vouches for it, else is filed here."""
    onward = [action for action in actions if isinstance(action, sieve.Redirect)]
    if not onward:
        return actions
    match _passage(context, recipient, changed=any(action.octets is not None for action in onward)):
        case Passage.JUNK:
            _because(context, recipient, ("held", "junk"))
            _remember_held(context, recipient, Passage.JUNK)
            return _JUNK
        case Passage.KEEP:
            _because(context, recipient, ("held", "keep"))
            _remember_held(context, recipient, Passage.KEEP)
            kept = tuple(action for action in actions if not isinstance(action, sieve.Redirect))
            files = any(isinstance(action, sieve.Keep | sieve.FileInto) for action in kept)
            return kept if files else (*kept, sieve.Keep())
    return actions


def _remember_held(context: _Context, recipient: Recipient, why: Passage) -> None:
    digest.record_held_back(
        context.tx, recipient.account, context.prepared.message.header, why, int(context.now.timestamp())
    )


def _wanted(context: _Context, recipient: Recipient, sources: tuple[str, str]) -> tuple[sieve.Action, ...]:
    """Generated script first; the personal one while the implicit keep still stands."""
    if context.verdict.disposition is Disposition.JUNK:
        _because(context, recipient, ("junk", ""))
        if is_forwarding(context.tx, recipient.account):
            _remember_held(context, recipient, Passage.JUNK)
        return _JUNK
    if context.verdict.scan.junk and not _READS_SCORES.search(sources[1]):
        percent = context.verdict.scan.percent
        _because(context, recipient, ("spam", "" if percent is None else f"{percent:.0f} %"))
        return _JUNK
    room = context.rooms[recipient.account]
    place = ScriptContext(context.core, context.tx, recipient.account, context.now, context.trace, room)
    view = RecipientView.of_delivery(place, context.view, context.envelope, recipient)
    return script_runs.decide(place, view, *sources, because=partial(_because, context, recipient))


def _because(context: _Context, recipient: Recipient, *rules: traces.Rule) -> None:
    """Note what decided."""
    if rules:
        context.rules.setdefault(recipient.address, []).extend(rules)


def _reply(reason: str) -> str:
    """A rejection as a reply line; the protocol has its own forms of it (smtp/reply.py)."""
    return f"552 5.2.2 {FULL}" if reason == FULL else f"550 5.7.1 {' '.join(reason.split())[:400]}"


def _execute(context: _Context, recipient: Recipient, plan: Plan, all_rejected: bool) -> Delivered:
    if not recipient.account:
        is_token = recipient.address.lower().startswith(srs.PREFIX)
        return _return_bounce(context, recipient) if is_token else _to_the_desk(context, recipient)
    if recipient.address.partition("@")[0].lower() in ticket_inbox.ROLES:
        _to_the_desk(context, recipient)
    if isinstance(plan, str):
        if plan == FULL:
            quota_warnings.warn_if_needed(context.core, context.tx, recipient.account, refused=True)
        came = delivery_receipts.Arrived(context.envelope, context.verdict, context.prepared)
        if all_rejected or delivery_receipts.of_refusal(
            context.core, context.tx, came, recipient.address, reply=_reply(plan)
        ):
            done = Delivered(recipient.address, Outcome.REJECTED, reason=plan)
        else:
            # Others took it, the session can say only one thing, and nobody vouches for the sender's address, so
            # that a report might hit somebody else: the message stays with its owner, in Junk.
            _file(context, recipient, "Junk", frozenset())
            done = Delivered(recipient.address, Outcome.FILED, ("Junk",), plan)
    else:
        done = _act(context, recipient, plan)
        if context.envelope.dsn and done.outcome in (Outcome.FILED, Outcome.FORWARDED):
            came, relayed = (
                delivery_receipts.Arrived(context.envelope, context.verdict, context.prepared),
                not done.mailboxes,
            )
            if not relayed or _may_tell(plan):
                delivery_receipts.of_success(context.core, context.tx, came, recipient.address, relayed=relayed)
    now = int(context.now.timestamp())
    detail = ", ".join(done.mailboxes) or done.reason
    records.save_record(
        context.tx,
        recipient.account,
        now,
        context.envelope.sender,
        done.address,
        done.outcome.value,
        detail,
        context.about,
        traces.rules_text(context.rules.get(recipient.address, ())),
    )
    return done


def _may_tell(plan: tuple[sieve.Action, ...]) -> bool:
    """May the sender hear that it went on?  `:notify` of the script stands for the sender's own NOTIFY (RFC 6009 section 5)."""
    words = [{word.upper() for word in action.notify} for action in plan if isinstance(action, sieve.Redirect)]
    return any(not asked or "SUCCESS" in asked for asked in words)


def _act(context: _Context, recipient: Recipient, actions: tuple[sieve.Action, ...]) -> Delivered:
    filed: list[str] = []
    forwarded = False
    context.filed.clear()
    for action in actions:
        if context.verdict.scan.junk and isinstance(action, sieve.Vacation | sieve.Notify):
            continue  # nobody answers spam
        match action:
            case sieve.Keep():
                filed.append(_file(context, recipient, "INBOX", frozenset(action.flags), octets=action.octets))
            case sieve.FileInto():
                filed.append(
                    _file(
                        context,
                        recipient,
                        action.mailbox,
                        frozenset(action.flags),
                        create=action.create,
                        octets=action.octets,
                        use=action.special_use,
                    )
                )
            case sieve.Redirect():
                if _redirect(context, recipient, action):
                    forwarded = True
                elif not filed:
                    filed.append(_file(context, recipient, "INBOX", frozenset()))
            case sieve.Vacation():
                octets = vacation_reply.answer(
                    context.core, context.tx, context.envelope, recipient, context.prepared, action
                )
                if octets and action.fcc:
                    _file_copy(context, recipient, action.fcc, octets)
            case sieve.Notify():
                octets = _notify(context, recipient, action)
                if octets and action.fcc:
                    _file_copy(context, recipient, action.fcc, octets)
    if filed:
        used, quota = context.rooms[recipient.account]
        if used * 100 >= quota * quota_warnings.LEVELS[0] and quota:
            quota_warnings.warn_if_needed(context.core, context.tx, recipient.account)
    if forwarded and context.filed:
        now, content = int(context.now.timestamp()), context.prepared.name
        for box, uid in context.filed:
            kept_copies.save_copy(context.tx, recipient.account, box, uid, content, now)
    outcome = Outcome.FILED if filed else Outcome.FORWARDED if forwarded else Outcome.DISCARDED
    return Delivered(recipient.address, outcome, tuple(dict.fromkeys(filed)))


def _file(
    context: _Context,
    recipient: Recipient,
    name: str,
    flags: frozenset[str],
    *,
    create: bool = False,
    octets: bytes | None = None,
    use: str = "",
) -> str:
    """File into a mailbox; a missing one means INBOX (RFC 5228 section 4.1), unless `:create` was given."""
    core, tx = context.core, context.tx
    try:
        box = core.mail.mailbox(tx, recipient.account, name)
    except MailboxNotFound:
        box = script_runs.instead(core, tx, recipient.account, name, create=create, use=use)
    if octets is not None:
        message: Prepared | Saved = core.blobs.prepare(octets)
    elif context.saved is not None:
        message = context.saved
    else:
        message = context.saved = Saved(
            core.blobs.save(tx, context.prepared, core.clock.seconds()), context.prepared.size
        )
    try:
        uid = _append(context, recipient.account, box, message, flags, prefix=_prefix(context, recipient), grace=True)
    except OverQuota:
        if recipient.account not in context.served:
            raise
        return box.name  # it stands in the box already: a further copy is not worth a refusal
    context.served.add(recipient.account)
    context.filed.append((box.id, uid))
    return box.name


def _append(
    context: _Context,
    account: AccountId,
    box: Mailbox,
    message: Prepared | Saved,
    flags: frozenset[str],
    *,
    prefix: bytes = b"",
    grace: bool = False,
) -> int:
    """File into the mailbox, and count it in the account's room as we know it.  Raises OverQuota."""
    uid = context.core.mail.append(context.tx, account, box.id, message, flags, context.now, prefix=prefix, grace=grace)
    used, quota = context.rooms[account]
    context.rooms[account] = used + message.size + len(prefix), quota
    return uid


def _prefix(context: _Context, recipient: Recipient) -> bytes:
    """Our fields above the message in this recipient's box."""
    return context.return_path + trace.delivered_to(recipient.address) + context.trace


def _file_copy(context: _Context, recipient: Recipient, where: sieve.FileInto, octets: bytes) -> None:
    """File a copy of what a script sent (RFC 8580); without room for it the sending still succeeds."""
    core, tx = context.core, context.tx
    box = script_runs.mailbox_or_inbox(core, tx, recipient.account, where)
    with contextlib.suppress(OverQuota):
        _append(context, recipient.account, box, core.blobs.prepare(octets), frozenset(where.flags))


def _notify(context: _Context, recipient: Recipient, action: sieve.Notify) -> bytes:
    own = recipient.address.lower()
    known = frozenset((own, *list_addresses(context.tx, recipient.account)))
    fields = context.prepared.message.header
    return script_notify.queue(
        context.core,
        context.tx,
        action,
        fields=fields,
        own=own,
        known=known,
        trigger=context.envelope.sender,
        account=recipient.account,
    )


def _redirect(context: _Context, recipient: Recipient, action: sieve.Redirect) -> bool:
    """Queue the octets, untouched by us, for the target under an envelope sender of ours; False in a loop."""
    core = context.core
    mine = comparable(recipient.address)
    if any(comparable(value.strip()) == mine for value in context.view.header("delivered-to")):
        return False
    now, content = int(context.now.timestamp()), context.prepared.name
    sender = context.envelope.sender
    if sender:
        sender = bounces.make_return_address(
            core, context.tx, recipient.account, sender=sender, target=action.address, content=content, now=now
        )
    changed = action.octets is not None
    prepared = context.prepared if action.octets is None else core.blobs.prepare(action.octets)
    if _passage(context, recipient, changed=changed) is Passage.REWRITE:
        own = f"{mine.partition('@')[0].partition('+')[0]}@{core.config.domain}"
        octets = forward_policy.with_own_author(prepared.message, own)
        prepared = core.blobs.prepare(dkim.sign(core.config, octets) + octets)
    elif not context.verdict.outside and (changed or not _is_signed(context)):
        # by us, such as a report or an automatic reply: under aspf=s only a signature passes with another envelope sender
        prepared = core.blobs.prepare(dkim.sign(core.config, prepared.octets) + prepared.octets[:])
    # RFC 6009 section 5; what the sender wanted to hear of us is not for the target to answer.
    wanted = Dsn(notify=",".join(word.upper() for word in action.notify), ret=action.ret.upper())
    [item] = enqueue_mail(
        context.tx,
        core.blobs,
        sender=sender,
        recipients=[action.address],
        prepared=prepared,
        prefix=trace.delivered_to(recipient.address) + context.trace,
        account=recipient.account,
        origin="forward",
        now=now,
        dsn={action.address: wanted},
        require_tls=context.envelope.require_tls,
    )
    onward.add_message(context.tx, item, recipient.account, content, action.address, now)
    return True


def _is_signed(context: _Context) -> bool:
    name = b"\ndkim-signature:"
    return context.prepared.message.header.has("dkim-signature") or name in b"\n" + context.trace.lower()


def _to_the_desk(context: _Context, recipient: Recipient) -> Delivered:
    """A ticket, or an answer in one."""
    core, envelope, prepared = context.core, context.envelope, context.prepared
    letter = context.letter or ticket_inbox.read_letter(core, prepared.message, envelope.sender, context.trace)
    found = ticket_inbox.receive_letter(
        core, context.tx, envelope, recipient.address, letter, context.verdict, context.about
    )
    return Delivered(recipient.address, Outcome.REJECTED if found.refused else Outcome.FILED, reason=found.refused)


def _return_bounce(context: _Context, recipient: Recipient) -> Delivered:
    """Handle reports alone; other mail there (automatic replies) would show the sender where the mail went."""
    found = bounces.find_return(context.core, context.tx, recipient.address.rpartition("@")[0])
    report = dsn.read(context.prepared.octets[: dsn.MOST_READ])
    if found is None or context.envelope.sender:
        return Delivered(recipient.address, Outcome.REJECTED, reason="Only delivery reports are taken here")
    if report is None:
        records.save_record(
            context.tx,
            found.account,
            int(context.now.timestamp()),
            "",
            recipient.address,
            Outcome.DISCARDED.value,
            "not a delivery report",
            context.about,
        )
        return Delivered(recipient.address, Outcome.DISCARDED)
    bounces.record_report(context.core, context.tx, found, report, context.prepared, context.trace)
    return Delivered(recipient.address, Outcome.FILED)
