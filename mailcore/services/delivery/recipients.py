"""Owners of addresses: found at RCPT, and for mail between our own people."""

from collections.abc import Iterable

from mailcore.core import Core
from mailcore.domain import (
    AccountFacts,
    AccountId,
    DeskRecipient,
    Envelope,
    MailboxRecipient,
    Recipient,
    ReturnedBounce,
)
from mailcore.errors import MAILBOX_FULL, Moved, OverQuota, RelayDenied, ReportsOnly, UnknownRecipient
from mailcore.services.accounts import tombstones
from mailcore.services.delivery import topic_mail
from mailcore.services.forwarding import bounces
from mailcore.services.tickets import ticket_inbox
from mailcore.store.delivery import account_facts
from mailcore.store.engine.db import Tx
from mailcore.store.mail.messages import fits
from sieve.addrspec import normal_address

SMALL = 8000  # characters of an account's scripts, which a recipient may bear along
TRACE_ROOM = 1000  # octets that our own fields may take


def is_ours(core: Core, address: str) -> bool:
    """Say if it is an address at a domain whose mail we take."""
    return address.rpartition("@")[2].lower() in core.config.our_domains


def check_recipient(
    core: Core, tx: Tx, address: str, size: int | None, *, sender: str = "", account: AccountId | None = None
) -> Recipient:
    """Find whose address this is.

    Args:
        size: octets as announced with SIZE=, or None.
        sender: of the envelope, who may be told a new address.
        account: whose log-in it comes by, None from everybody else.

    Raises:
        RelayDenied, UnknownRecipient, Moved, OverQuota.
        EditorsOnly: it is a topic's, and this is none of its editors.
        ReportsOnly: such an address is not written to.
    """
    address = normal_address(address)
    localpart, at, domain = address.rpartition("@")
    if not at or not is_ours(core, address):
        raise RelayDenied("not an address of ours")
    if localpart.lower() in ticket_inbox.ROLES:  # they exist at every domain of ours (RFC 2142)
        domain, address = core.config.domain, f"{localpart}@{core.config.domain}"
    elif domain.lower() == core.config.srs_domain:
        return _find_bounce(core, tx, address, localpart, sender)
    name = localpart.partition("+")[0]
    if ticket_inbox.is_desk(name):
        return DeskRecipient(address)
    if (topic := topic_mail.find_topic(core, tx, localpart, domain)) is not None:
        return topic_mail.check_editor(tx, address, topic, account)
    owner = account_facts.find_owner(tx, name.lower(), domain.lower())
    if owner is None:
        if moved := tombstones.find_new_address(core, tx, name.lower(), domain.lower(), sender):
            raise Moved(moved)
        raise UnknownRecipient("no such address here")
    account, facts = owner
    if not fits(facts.used, facts.quota, size or 0) and not passes_on(core, facts):
        raise OverQuota(MAILBOX_FULL)
    most = TRACE_ROOM + (core.config.message_octets if size is None else size)
    is_small = len(facts.generated) + len(facts.personal) <= SMALL
    return MailboxRecipient(address, account, not fits(facts.used, facts.quota, most), facts if is_small else None)


def merge_recipients(found: Iterable[Recipient], envelope: Envelope) -> list[Recipient]:
    """Leave one of those that mean the same: who is named twice, or by two addresses of one account, has it once.

    What stands behind a plus may be filed elsewhere, and a report was asked for by address (RFC 3461): these stay apart.
    """
    merged: dict[tuple[object, str], Recipient] = {}
    for one in found:
        whole, detail = one.address.lower(), one.address.rpartition("@")[0].lower().partition("+")[2]
        if isinstance(one, MailboxRecipient) and one.address not in envelope.dsn:
            merged.setdefault((one.account, detail), one)
        else:
            merged[(whole, "")] = one
    return list(merged.values())


def _find_bounce(core: Core, tx: Tx, address: str, localpart: str, sender: str) -> ReturnedBounce:
    """Find an address that we made when forwarding.

    Reports have the null sender (RFC 5321 section 4.5.5); whoever else writes there has found the address in a header.
    """
    if bounces.find_return(core, tx, localpart) is None:
        raise UnknownRecipient("not an address that we made")
    if sender:
        raise ReportsOnly("mail with a sender")
    return ReturnedBounce(address)


def passes_on(core: Core, facts: AccountFacts) -> bool:
    """Say if mail for a full box goes on without a copy, as its owner forwards (quota.full_and_forwarding)."""
    return core.config.quota.full_and_forwarding == "forward" and facts.forwards
