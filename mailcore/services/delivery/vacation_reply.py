"""Out-of-office replies: to whom one may go, and how it looks (RFC 5230, RFC 3834)."""

from dataclasses import replace

import sieve
from mailcore.clock import to_time
from mailcore.core import Core
from mailcore.domain import AccountId, Envelope, MailboxRecipient
from mailcore.mail.reading import address, automatic, trace
from mailcore.mail.reading.fields import Header
from mailcore.mail.writing import composer, entities, fields_out
from mailcore.mail.writing.adopted import adopt
from mailcore.mail.writing.composer import Heading
from mailcore.mail.writing.fields_out import NameAddr
from mailcore.services.delivery import plans
from mailcore.services.delivery.arrival import Arrival
from mailcore.services.delivery.plans import Reply
from mailcore.services.sieve_scripts.recipient_view import Place, list_own_addresses
from mailcore.store.delivery import vacation_memory
from mailcore.store.engine.db import Tx
from mailcore.store.queue.items import enqueue_mail
from sieve.addrspec import comparable

_NEVER_TO = ("mailer-daemon", "listserv", "majordomo", "noreply", "no-reply", "postmaster")
MAX_SUBJECT = 256  # characters
_BULK = ("list-id", "list-unsubscribe", "list-post", "list-help", "list-subscribe", "list-owner", "list-archive")


def may_answer(envelope: Envelope, fields: Header, own: frozenset[str]) -> str:
    """RFC 5230 sections 4.5 and 4.6: a person wrote, and wrote to one of our addresses: which, or "" for no answer.

    Args:
        own: our addresses in lower case.
    """
    sender = comparable(envelope.sender)
    localpart = sender.partition("@")[0]
    if not sender or sender in own:
        return ""
    if localpart.startswith(("owner-", *_NEVER_TO)) or localpart.endswith(("-request", "-owner", "-bounces")):
        return ""
    if any(fields.values(name) for name in _BULK):
        return ""
    if automatic.is_auto_submitted(fields) or automatic.is_bulk(fields):
        return ""
    for value in fields.values("x-auto-response-suppress"):  # Microsoft's way to say the same
        if not {"all", "oof"}.isdisjoint(word.strip().lower() for word in value.split(",")):
            return ""
    for name in ("to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc"):
        for raw in fields.raw_values(name):
            for spec in address.addr_specs(raw):
                if comparable(spec) in own:
                    return spec
    return ""


def plan(place: Place, arrival: Arrival, recipient: MailboxRecipient, action: sieve.Vacation) -> Reply | None:
    """Write the reply; None when a rule forbids it or this sender had it lately."""
    core, envelope, fields = place.core, arrival.envelope, arrival.prepared.message.header
    name, _, domain = recipient.address.rpartition("@")
    own = {recipient.address.lower(), f"{name.partition('+')[0]}@{domain}".lower()}
    own |= {spec.lower() for spec in list_own_addresses(place)}
    named = may_answer(envelope, fields, frozenset((*own, *map(comparable, action.addresses))))
    if not named:
        return None
    # a script may say whom it likes; nobody writes in another's name
    named = named if named.lower() in own else recipient.address
    author = action.from_address if sieve.one_address(action.from_address).lower() in own else ""
    now = int(place.now.timestamp())
    handle = action.handle or f"{action.subject}|{action.from_address}|{action.reason}"
    sender, seconds = envelope.sender.lower(), action.seconds or action.days * 86_400
    if vacation_memory.was_answered(place.tx, place.account, handle, sender, now - seconds):
        return None
    octets = compose(
        replace(action, from_address=author),
        fields=fields,
        sender=envelope.sender,
        own=named,
        domain=core.config.domain,
        now=now,
    )
    prepared = core.blobs.prepare(octets)
    return Reply(envelope.sender, prepared, handle, seconds, plans.to_copy(action.fcc, prepared))


def send(core: Core, tx: Tx, account: AccountId, reply: Reply, now: int) -> bool:
    """Queue the reply, unless this sender had it lately."""
    sender = reply.to.lower()
    if vacation_memory.was_answered(tx, account, reply.handle, sender, now - reply.seconds):
        return False
    vacation_memory.save_answer(tx, account, reply.handle, sender, now)
    enqueue_mail(
        tx,
        core.blobs,
        sender="",
        recipients=[reply.to],
        prepared=reply.octets,
        prefix=b"",
        account=account,
        origin="vacation",
        now=now,
    )
    return True


def _person(fields: Header, sender: str) -> NameAddr:
    """The return path, with the name that goes with it in the message if there is one."""
    for name in ("sender", "resent-from", "from", "reply-to"):
        for raw in fields.raw_values(name)[:1]:
            if b"<" in raw and [spec.lower() for spec in address.addr_specs(raw)] == [sender.lower()]:
                person = composer.named(sender, raw)
                if person.name and len(person.name) < MAX_SUBJECT:
                    return person
    return NameAddr(sender)


def compose(
    action: sieve.Vacation,
    *,
    fields: Header,
    sender: str,
    own: str,
    domain: str,
    now: int,
    default_subject: str = "Auto: %$",
) -> bytes:
    """The reply to `sender`; `%$` in the default subject stands for the subject of what is answered."""
    subject = action.subject or default_subject.replace("%{subject}", "%$").replace("%$", fields.text("subject"))
    if len(subject) > MAX_SUBJECT:
        subject = subject[: MAX_SUBJECT - 1] + "…"
    author = sieve.one_address(action.from_address)
    heading = Heading(
        composer.named(author, action.from_address) if author else NameAddr(own),
        (_person(fields, sender),),
        subject,
        to_time(now),
        trace.message_id(domain),
        auto="auto-replied (vacation)",
        answers=fields_out.references(fields.text("references"), fields.text("message-id")),
    )
    return composer.compose(heading, adopt(action.reason) if action.mime else entities.text(action.reason))
