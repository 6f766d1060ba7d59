"""Copies that go on to other addresses: what they look like is planned, then they are queued.

The octets go untouched under an envelope sender of ours, unless DMARC could not pass at the target (forward_policy.py).
"""

from mailcore.core import Core
from mailcore.domain import Dsn, MailboxRecipient
from mailcore.mail.reading import trace
from mailcore.mail.reading.message import Message
from mailcore.services.delivery.arrival import Arrival
from mailcore.services.delivery.plans import Forward
from mailcore.services.forwarding import bounces
from mailcore.services.mailauth import dkim, forward_policy
from mailcore.services.mailauth.forward_policy import Passage
from mailcore.services.sieve_scripts.recipient_view import Place, list_own_addresses
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding import onward
from mailcore.store.mail.blobs import Prepared
from mailcore.store.queue.items import enqueue_mail
from sieve import Redirect
from sieve.addrspec import comparable


def plan(
    place: Place, arrival: Arrival, recipient: MailboxRecipient, action: Redirect, *, unsafe: str, counted: bool
) -> Forward | None:
    """Make the copy for the target; None in a loop.

    Args:
        unsafe: the owner's choice for what could not pass there.
        counted: a personal script wants it.
    """
    core, own = place.core, comparable(recipient.address)
    passed = {comparable(value.strip()) for value in arrival.prepared.message.header.values("delivered-to")}
    if own in passed or (passed and _was_here(place, passed)):
        return None
    # RFC 6009 section 5; what the sender wanted to hear of us is not for the target to answer.
    wanted = Dsn(notify=",".join(word.upper() for word in action.notify), ret=action.ret.upper())
    return Forward(action.address, _copy(core, arrival, own, action, unsafe), wanted, counted)


def _was_here(place: Place, passed: set[str]) -> bool:
    """Say if it came by one of the account's addresses before."""
    own = set(list_own_addresses(place))
    for one in passed:
        localpart, _, domain = one.rpartition("@")
        if f"{localpart.partition('+')[0]}@{domain}" in own:
            return True
    return False


def _passage(core: Core, arrival: Arrival, changed: bytes | None, unsafe: str) -> Passage:
    return forward_policy.forecast(core.config, arrival.verdict, unsafe, changed=changed is not None)


def is_signed_by_us(core: Core, arrival: Arrival, action: Redirect, unsafe: str) -> bool:
    """Say if the copy will have a signature of ours, which takes a while to make."""
    if _passage(core, arrival, action.octets, unsafe) is Passage.REWRITE:
        return True
    # by us, such as a report or an automatic reply: under aspf=s only a signature passes with another envelope sender
    return not arrival.verdict.outside and (action.octets is not None or not _is_signed(arrival))


def _copy(core: Core, arrival: Arrival, own: str, action: Redirect, unsafe: str) -> Prepared:
    prepared = arrival.prepared if action.octets is None else core.blobs.prepare(action.octets)
    if not is_signed_by_us(core, arrival, action, unsafe):
        return prepared
    octets = prepared.octets[:]
    if _passage(core, arrival, action.octets, unsafe) is Passage.REWRITE:
        localpart, _, domain = own.rpartition("@")
        author = f"{localpart.partition('+')[0]}@{domain}"
        octets = forward_policy.with_own_author(prepared.message, author)
    return core.blobs.prepare(dkim.sign(core.config, octets) + octets)


def _is_signed(arrival: Arrival) -> bool:
    name = b"\ndkim-signature:"
    return arrival.prepared.message.header.has("dkim-signature") or name in b"\n" + arrival.trace.lower()


def plan_of_owner(core: Core, octets: bytes, owner: str) -> Prepared:
    """Make a copy that leaves as the owner's own mail, with them as its author: nobody knows any more who vouched for it."""
    message = Message(octets)
    if not forward_policy.is_by(message.header, owner):
        octets = forward_policy.with_own_author(message, owner)
    return core.blobs.prepare(dkim.sign(core.config, octets) + octets)


def queue(core: Core, tx: Tx, arrival: Arrival, recipient: MailboxRecipient, forward: Forward, now: int) -> None:
    """Queue the copy, and remember it until the target has answered."""
    content, sender = arrival.prepared.name, arrival.envelope.sender
    if sender:
        sender = bounces.make_return_address(
            core, tx, recipient.account, sender=sender, target=forward.target, content=content, now=now
        )
    [item] = enqueue_mail(
        tx,
        core.blobs,
        sender=sender,
        recipients=[forward.target],
        prepared=forward.octets,
        prefix=trace.delivered_to(recipient.address) + arrival.trace,
        account=recipient.account,
        origin="forward",
        now=now,
        dsn={forward.target: forward.dsn},
        require_tls=arrival.envelope.require_tls,
    )
    onward.add_message(tx, item, recipient.account, content, forward.target, now)
