"""Notices to the owner of an account: into the box past quota and scripts, and to the contact addresses outside."""

from mailcore.core import Core
from mailcore.domain import Account
from mailcore.services import notices
from mailcore.store import reach
from mailcore.store.db import Tx


def owner(core: Core, tx: Tx, account: Account, name: str, *, box: bool = True, **words: str) -> None:
    """The same text to every place; `display_name` and `user` are filled in."""
    words = {"display_name": account.display_name or account.name, "user": account.name, **words}
    if box:
        into_box(core, tx, account, name, **words)
    for address in outside(core, tx, account):
        notices.queue(core, tx, notices.prepare(core, name, account.language, address, **words), address, account.id)


def into_box(core: Core, tx: Tx, account: Account, name: str, **words: str) -> bytes:
    """Returns the name of its octets, by which it can be found again."""
    octets = notices.compose(core, name, account.language, f"{account.name}@{core.config.domain}", **words)
    inbox = core.mail.mailbox(tx, account.id, "INBOX")
    prepared = core.blobs.prepare(octets)
    core.mail.append(tx, account.id, inbox.id, prepared, frozenset(), core.clock.now(), enforce_quota=False)
    return prepared.name


def outside(core: Core, tx: Tx, account: Account) -> list[str]:
    """The contact address and the verified ones, without those of this box itself."""
    own = set(core.people.addresses(tx, account.id))
    found = dict.fromkeys([*([account.contact] if account.contact else []), *reach.verified(tx, account.id)])
    return [address for address in found if address.lower() not in own]
