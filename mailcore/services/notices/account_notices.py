"""Notices to the owner of an account: into the box past quota and scripts, and to the contact addresses outside."""

from mailcore.core import Core
from mailcore.domain import Account
from mailcore.services.limits import mail_limits
from mailcore.services.notices import notices
from mailcore.store.engine.db import Tx
from mailcore.store.people import contact_addresses
from mailcore.store.people.addresses import list_addresses

_CHOSEN = frozenset({"what", "new"})  # a browser's name for itself, a contact address that follows


def owner(core: Core, tx: Tx, account: Account, name: str, *, box: bool = True, **words: str) -> None:
    """Send the same text to every place of the owner's; `display_name` and `user` are filled in."""
    words = {"display_name": account.display_name or account.name, "user": account.name, **words}
    if box:
        into_box(core, tx, account, name, **words)
    to_contacts(core, tx, account, name, **words)


def to_contacts(core: Core, tx: Tx, account: Account, name: str, **words: str) -> None:
    proved = set(contact_addresses.verified(tx, account.id))
    for address in outside(tx, account):
        to_contact(core, tx, account, address, name, proved=address in proved, **words)


def to_contact(core: Core, tx: Tx, account: Account, to: str, name: str, /, *, proved: bool, **words: str) -> None:
    """To one address.  Whoever reads at one that is not verified may know nothing of the account: few notices go there, and
    without words that its owner has chosen."""
    if not proved:
        if not mail_limits.may_notify(core, tx, to):
            return
        words = {**words, **dict.fromkeys(_CHOSEN & words.keys(), "-"), "display_name": account.name}
    notices.queue(core, tx, notices.prepare(core, name, account.language, to, **words), to, account.id)


def into_box(core: Core, tx: Tx, account: Account, name: str, **words: str) -> bytes:
    """Returns the name of its octets, by which it can be found again."""
    octets = notices.compose(core, name, account.language, f"{account.name}@{core.config.domain}", **words)
    inbox = core.mail.mailbox(tx, account.id, "INBOX")
    prepared = core.blobs.prepare(octets)
    core.mail.append(tx, account.id, inbox.id, prepared, frozenset(), core.clock.now(), enforce_quota=False)
    return prepared.name


def outside(tx: Tx, account: Account) -> list[str]:
    """The contact address and the verified ones, without those of this box itself."""
    own = set(list_addresses(tx, account.id))
    found = dict.fromkeys(
        [*([account.contact] if account.contact else []), *contact_addresses.verified(tx, account.id)]
    )
    return [address for address in found if address.lower() not in own]
