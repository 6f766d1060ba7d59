"""Verified external contact addresses: a link proves them before anything secret is sent there.

The first stands on the account (`Account.contact`) and hears of what happens; whether it is verified is told here.  An
address inside our own domain helps nobody who cannot open the box, and is refused.
"""

import secrets

from mailcore.core import Core
from mailcore.domain import Account, AccountId
from mailcore.errors import InvalidName, LinkExpired, TooMany
from mailcore.mail.reading import address as addresses
from mailcore.saying import Saying
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.limits import links, mail_limits
from mailcore.services.limits.links import LinkPurpose
from mailcore.services.limits.mail_limits import Cause
from mailcore.services.notices import account_notices, notices
from mailcore.store.engine.db import Tx
from mailcore.store.people import contact_addresses as store
from mailcore.store.people.accounts import get_account, save_contact
from mailcore.store.people.tokens import spend_token

LINK_SECONDS = 3 * 86_400
MOST = 3


def check_address(core: Core, written: str) -> str:
    """Return an outside address as it is saved.  Raises InvalidName."""
    written = written.strip()
    parsed = addresses.addr_specs(written)
    domain = written.rpartition("@")[2].lower()
    if len(parsed) != 1 or parsed[0] != written or len(written) > 254 or not written.isascii() or "." not in domain:
        raise InvalidName(f"{written!r} is not an e-mail address")
    if domain in core.config.our_domains:
        raise InvalidName("the contact address must be outside this mailbox, to help when it cannot be opened")
    return written


def check_new_address(core: Core, written: str) -> str:
    """Return the outside address where its owner is from now on, as it is saved; "" for none.  Raises InvalidName."""
    if not written.strip():
        return ""
    try:
        return check_address(core, written)
    except InvalidName:
        raise InvalidName(
            Saying("That cannot be your new address. It must be an address outside Alumnimail.")
        ) from None


def list_verified(core: Core, account: AccountId) -> list[str]:
    """List the verified addresses, oldest first."""
    return core.db.read(lambda tx: store.list_verified(tx, account))


def request_verification(
    core: Core, account: AccountId, written: str, *, notice: str = "contact_confirm", peer: str = ""
) -> str:
    """Send the link that proves a new address; it counts when the link is used.

    Args:
        notice: the text that brings it.
        peer: from where it was asked for.

    Raises:
        InvalidName: no address, or one of ours.
        TooMany: too many mails in an hour, or three addresses are known already.
    """
    address = check_address(core, written)
    token = secrets.token_urlsafe(24)
    owner = core.db.read(lambda tx: get_account(tx, account))
    prepared = notices.prepare(
        core, notice, owner.language, address, user=owner.name, link=f"{core.config.url}/account/contact/{token}"
    )

    def write(tx: Tx) -> None:
        known = store.list_verified(tx, account)
        if address not in known and len(known) >= MOST:
            raise TooMany(f"there are {MOST} contact addresses; remove one first")
        mail_limits.count_mail(core, tx, Cause(account, peer), address)
        links.save_link(core, tx, account, LinkPurpose.CONTACT, token, LINK_SECONDS, data=address)
        notices.queue(core, tx, prepared, address, account)
        audit.note(core, tx, account, Event.CONTACT_ADDRESS_PROPOSED, detail=address)

    core.db.write(write)
    return address


def read_link(core: Core, token: str) -> tuple[Account, str]:
    """Return the account of a link and the address that it proves, without using it up.  Raises LinkExpired."""

    def read(tx: Tx) -> tuple[Account, str]:
        link = links.find_link(core, tx, token, LinkPurpose.CONTACT)
        return get_account(tx, link.account), link.data

    return core.db.read(read)


def confirm_address(core: Core, token: str) -> Account:
    """Confirm the address of a link, and notify the earlier one.  Raises LinkExpired."""

    def write(tx: Tx) -> Account:
        link = links.find_link(core, tx, token, LinkPurpose.CONTACT)
        if not spend_token(tx, link.id, core.clock.seconds()):
            raise LinkExpired("the link is used")
        previous = get_account(tx, link.account)
        verified = previous.contact in store.list_verified(tx, link.account)
        mark_verified(core, tx, link.account, link.data)
        if previous.contact and previous.contact != link.data:
            _notify_previous(core, tx, previous, link.data, verified=verified)
        return get_account(tx, link.account)

    return core.db.write(write)


def mark_verified(core: Core, tx: Tx, account: AccountId, address: str) -> None:
    """Mark an address as verified: somebody who reads it acted for the account."""
    store.save_verified(tx, account, address, core.clock.seconds())
    owner = get_account(tx, account)
    if owner.contact != address and owner.contact not in store.list_verified(tx, account):
        save_contact(tx, account, address)
    audit.note(core, tx, account, Event.CONTACT_ADDRESS_VERIFIED, detail=address)


def _notify_previous(core: Core, tx: Tx, owner: Account, new: str, *, verified: bool) -> None:
    """Notify the previous address: a thief likes to change it.  `new` is "" when one was removed."""
    if owner.contact:
        account_notices.send_to_contact(
            core,
            tx,
            owner,
            owner.contact,
            "contact_changed",
            verified=verified,
            display_name=owner.display_name or owner.name,
            user=owner.name,
            new=new or "-",
        )


def set_primary(core: Core, account: AccountId, address: str) -> None:
    """Put one of the verified addresses on the account.  Raises InvalidName."""

    def write(tx: Tx) -> None:
        if address not in store.list_verified(tx, account):
            raise InvalidName("that address is not verified")
        save_contact(tx, account, address)

    core.db.write(write)


def remove_address(core: Core, account: AccountId, address: str) -> None:
    """Remove a contact address, and notify the one on the account.  Raises InvalidName: not one of the account's."""

    def write(tx: Tx) -> None:
        owner = get_account(tx, account)
        verified = owner.contact in store.list_verified(tx, account)
        if not store.delete_verified(tx, account, address) and owner.contact != address:
            raise InvalidName("that is not one of your addresses")
        _notify_previous(core, tx, owner, "", verified=verified)
        if owner.contact == address:
            remaining = store.list_verified(tx, account)
            save_contact(tx, account, remaining[0] if remaining else "")
        audit.note(core, tx, account, Event.CONTACT_ADDRESS_REMOVED, detail=address)

    core.db.write(write)
