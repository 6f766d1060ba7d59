"""A change of name in the directory: its owner is offered an address of the new one, and keeps the old for ever (N29)."""

from collections.abc import Mapping
from dataclasses import dataclass

from mailcore.core import Core
from mailcore.domain import Account, AccountId, AccountState
from mailcore.errors import NotAllowed
from mailcore.log import log_for
from mailcore.saying import Saying
from mailcore.services import audit
from mailcore.services.accounts import addresses, user_names
from mailcore.services.accounts.addresses import Origin
from mailcore.services.audit import Event
from mailcore.services.notices import account_notices
from mailcore.store.engine.db import Tx
from mailcore.store.people import accounts as account_store
from mailcore.store.people import addresses as store
from mailcore.store.webmail.address_book import rename_identities

log = log_for(__name__)
MOST_PERCENT, FEW = 2, 3  # more than both at once is another way to write names, and nobody's wedding


@dataclass(frozen=True, slots=True)
class Offer:
    """The name that the directory gives now, and the addresses that it allows."""

    name: str
    choices: tuple[str, ...]


def note_names(core: Core, tx: Tx, names: Mapping[str, str]) -> int:
    """Compare the names of the directory, by person, with those of the last reading; offer the new ones to their owners.

    Returns:
        How many were offered.
    """
    before = store.list_directory_names(tx, names.keys())
    new = {person: name for person, name in names.items() if name and name != before.get(person)}
    if not new:
        return 0
    store.save_directory_names(tx, new)
    changed = {person: name for person, name in new.items() if person in before and _differs(before[person], name)}
    if len(changed) > FEW and len(changed) * 100 > (known := store.count_directory_names(tx)) * MOST_PERCENT:
        log.warning("%d of %d people have another name in the directory; nobody is asked", len(changed), known)
        return 0
    return sum(_offer(core, tx, person, name) for person, name in changed.items())


def _differs(one: str, other: str) -> bool:
    """Say if two spellings are of different names: not where only order, case or commas are others."""
    return sorted(one.casefold().replace(",", " ").split()) != sorted(other.casefold().replace(",", " ").split())


def _offer(core: Core, tx: Tx, person: str, name: str) -> bool:
    owner = account_store.find_account_of_person(tx, person)
    if owner is None or owner.state != AccountState.ACTIVE or not _differs(owner.display_name, name):
        return False
    store.save_name_change(tx, owner.id, name, core.clock.seconds())
    audit.note(core, tx, owner.id, Event.NAME_OFFERED)
    account_notices.deliver_to_inbox(core, tx, owner, "name_changed", display_name=name)
    return True


def find_offer(core: Core, account: AccountId) -> Offer | None:
    """Return what the owner is offered; None: their name is what it was."""

    def read(tx: Tx) -> Offer | None:
        name = store.find_name_change(tx, account)
        if not name:
            return None
        names = user_names.list_allowed(core, tx, account_store.get_account(tx, account), name)
        return Offer(name, tuple(f"{one}@{core.config.domain}" for one in names))

    return core.db.read(read)


def accept_name(core: Core, account: AccountId, written: str = "") -> Account:
    """Take the new name, and an address of it to write under; "" = the name alone.

    Raises:
        NotAllowed: nothing is offered, or not that address.
    """

    def write(tx: Tx) -> Account:
        owner, name = account_store.get_account(tx, account), store.find_name_change(tx, account)
        if not name:
            raise NotAllowed(Saying("There is no new name."))
        account_store.save_display_name(tx, account, name)
        rename_identities(tx, account, owner.display_name, name)
        store.delete_name_change(tx, account)
        audit.note(core, tx, account, Event.NAME_CHANGED, actor=owner.name)
        if written:
            localpart, domain = addresses.split_address(core, written)
            if domain != core.config.domain or localpart not in user_names.list_allowed(core, tx, owner, name):
                raise NotAllowed(Saying("That address is not available."))
            spec = addresses.add_in(core, tx, owner, localpart, domain, Origin.NAME, actor=owner.name)
            addresses.save_main(core, tx, owner, spec, actor=owner.name)
        return account_store.get_account(tx, account)

    return core.db.write(write)


def decline_name(core: Core, account: AccountId) -> None:
    """Leave name and addresses as they are; the same change is not offered again."""
    core.db.write(lambda tx: store.delete_name_change(tx, account))
