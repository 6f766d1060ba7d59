"""The notification that a script sends by mail (RFC 5436)."""

from dataclasses import replace

import sieve
from mailcore.clock import to_time
from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.mail.reading import automatic, trace
from mailcore.mail.reading.fields import Header
from mailcore.mail.reading.lines import one_line
from mailcore.mail.writing import composer, entities
from mailcore.mail.writing.composer import Heading
from mailcore.mail.writing.fields_out import NameAddr
from mailcore.services.delivery import plans
from mailcore.services.delivery.plans import Notification
from mailcore.services.limits import mail_limits
from mailcore.services.sieve_scripts.recipient_view import Place, list_own_addresses
from mailcore.store.engine.db import Tx
from mailcore.store.queue.items import enqueue_mail

_PRIORITY = {"1": ("1 (Highest)", "High"), "2": ("3 (Normal)", "Normal"), "3": ("5 (Lowest)", "Low")}


def may_notify(fields: Header) -> bool:
    """Nobody is told of what a machine wrote: two such machines would never end (section 2.2)."""
    return not automatic.is_auto_submitted(fields)


def sender(action: sieve.Notify, *, trigger: str, own: str) -> str:
    """MAIL FROM: null for a null sender, so that reports make no more of themselves (section 2.2)."""
    return (sieve.one_address(action.from_address) or own) if trigger else ""


def plan(place: Place, action: sieve.Notify, *, fields: Header, own: str, trigger: str) -> Notification | None:
    """Write the notification; None where a machine wrote.

    Args:
        own: the address for which the script runs.
        trigger: the sender of the message that is told of.
    """
    if not may_notify(fields):
        return None
    own = own.lower()
    if sieve.one_address(action.from_address).lower() not in (own, *list_own_addresses(place)):
        action = replace(action, from_address="")  # nobody sends as somebody else
    now, domain = int(place.now.timestamp()), place.core.config.domain
    recipients, octets = compose(action, fields=fields, own=own, domain=domain, now=now)
    if not octets:
        return None
    prepared = place.core.blobs.prepare(octets)
    return Notification(
        sender(action, trigger=trigger, own=own), recipients, prepared, plans.to_copy(action.fcc, prepared)
    )


def send(core: Core, tx: Tx, account: AccountId, notification: Notification, now: int) -> bool:
    """Queue it, while the account may still cause mail; the message itself is in the box."""
    if not mail_limits.may_notify_by_script(core, tx, account, len(notification.recipients)):
        return False
    enqueue_mail(
        tx,
        core.blobs,
        sender=notification.sender,
        recipients=list(notification.recipients),
        prepared=notification.octets,
        prefix=b"",
        account=account,
        origin="vacation",
        now=now,
    )
    return True


def _people(shown: tuple[str, ...]) -> tuple[NameAddr, ...]:
    return tuple(composer.named(sieve.one_address(text), text) for text in shown)


def compose(action: sieve.Notify, *, fields: Header, own: str, domain: str, now: int) -> tuple[tuple[str, ...], bytes]:
    """Recipients and the whole message.

    Args:
        fields: the header of the message that is told of.
        own: the address of the script's owner.
        now: seconds since 1970.
    """
    read = sieve.read_mailto(action.method)
    if read is None:
        return (), b""
    read = read.without(action.already_reached)
    original = one_line(fields.text("subject"))
    subject = action.message.partition("\n")[0].strip() or read.subject or original or "New message"
    priority, importance = _PRIORITY.get(action.importance, _PRIORITY["2"])
    author = sieve.one_address(action.from_address)
    quoted = '"' + own.replace('"', "") + '"'
    heading = Heading(
        composer.named(author, action.from_address) if author else NameAddr(own),
        _people(read.to),
        subject,
        to_time(now),
        trace.message_id(domain),
        cc=_people(read.cc),
        auto=f"auto-notified; owner-email={quoted}",
        more=(
            ("X-Priority", priority),
            ("Importance", importance),
            *((name.title(), value) for name, value in read.fields),
        ),
    )
    writer = one_line(" ".join(fields.values("from")[:1]))
    body = read.body or "\n".join(filter(None, [action.message, f"From: {writer}", f"Subject: {original}"]))
    return read.addresses, composer.compose(heading, entities.text(body))
