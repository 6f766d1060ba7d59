"""Notices to the owner of an account: to INBOX past quota and scripts, and to contact addresses outside."""

from mailcore.core import Core
from mailcore.domain import Account
from mailcore.services.limits import mail_limits
from mailcore.services.notices import notices
from mailcore.store.engine.db import Tx
from mailcore.store.people import contact_addresses
from mailcore.store.people.addresses import list_addresses

_CHOSEN = frozenset(
    {"what", "new", "label"}
)  # a browser's name for itself, a contact address that follows, an app password's


def notify_owner(core: Core, tx: Tx, account: Account, name: str, *, box: bool = True, **words: str) -> None:
    """Send a notice to INBOX (unless `box` is False) and to contact addresses; `display_name` and `user` are filled in."""
    words = {"display_name": account.display_name or account.name, "user": account.name, **words}
    if box:
        deliver_to_inbox(core, tx, account, name, **words)
    send_to_contacts(core, tx, account, name, **words)


def send_to_contacts(core: Core, tx: Tx, account: Account, name: str, **words: str) -> None:
    """Send a notice to every contact address outside."""
    proved = set(contact_addresses.list_verified(tx, account.id))
    for address in list_outside_addresses(tx, account):
        send_to_contact(core, tx, account, address, name, verified=address in proved, **words)


def send_to_contact(
    core: Core, tx: Tx, account: Account, to: str, name: str, /, *, verified: bool, **words: str
) -> None:
    """Send a notice to one contact address.

    Whoever reads at one that is not verified may know nothing of the account: few notices go there, and without words
    that its owner has chosen.
    """
    if not verified:
        if not mail_limits.may_notify_unverified(core, tx, to):
            return
        words = {**words, **dict.fromkeys(_CHOSEN & words.keys(), "-"), "display_name": account.name}
    notices.queue(core, tx, notices.prepare(core, name, account.language, to, **words), to, account.id)


def deliver_to_inbox(core: Core, tx: Tx, account: Account, name: str, **words: str) -> bytes:
    """Put a notice into INBOX above the quota; return the name of its blob, by which it can be found again."""
    octets = notices.compose(core, name, account.language, account.address(core.config.domain), **words)
    inbox = core.mail.mailbox(tx, account.id, "INBOX")
    prepared = core.blobs.prepare(octets)
    core.mail.append(tx, account.id, inbox.id, prepared, frozenset(), core.clock.now(), enforce_quota=False)
    return prepared.name


def list_outside_addresses(tx: Tx, account: Account) -> list[str]:
    """List the contact address and the verified ones, without addresses of the account itself."""
    own_addresses = set(list_addresses(tx, account.id))
    candidates = dict.fromkeys(
        [*([account.contact] if account.contact else []), *contact_addresses.list_verified(tx, account.id)]
    )
    return [address for address in candidates if address.lower() not in own_addresses]
