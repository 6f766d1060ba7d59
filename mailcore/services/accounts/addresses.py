"""Several addresses of one account: who may have which, which one is written under, and their end (N29).

All of them are equal: mail to any of them is in the one box, and each may be written under and logged in by.  An owner
chooses up to two of those that their name allows; the desk decides on others; a change of name gives one more
(services/accounts/name_changes.py).  One that is removed takes no mail and is nobody else's, ever: its owner may have it back.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailcore.clock import to_time
from mailcore.core import Core
from mailcore.domain import Account, AccountId, AccountState
from mailcore.errors import AccountExists, InvalidName, NotAllowed
from mailcore.saying import Saying
from mailcore.services import audit
from mailcore.services.accounts import accounts, user_names
from mailcore.services.audit import Event
from mailcore.services.notices import account_notices
from mailcore.store.engine.db import Tx
from mailcore.store.people import accounts as account_store
from mailcore.store.people import addresses as store
from mailcore.store.people.addresses import AddressRequest, StoredAddress
from mailcore.store.webmail.address_book import move_identities

__all__ = ["AddressRequest", "Origin", "OwnAddress"]
MAX_CHOSEN, MAX_WAITING, MAX_REASON = 2, 3, 1000


class Origin(StrEnum):
    """How an account came by an address."""

    FIRST = "first"
    OWNER = "owner"
    DESK = "desk"
    NAME = "name"
    SITE = "site"


@dataclass(frozen=True, slots=True)
class OwnAddress:
    """An address of an account.  `is_main` is the one that is written under; `removed`: it takes no mail any more."""

    spec: str
    origin: str
    since: datetime
    is_main: bool
    removed: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """The addresses of an account, what may be added, and what the desk is asked for."""

    addresses: tuple[OwnAddress, ...]
    choices: tuple[str, ...]
    left: int
    waiting: tuple[AddressRequest, ...]


def list_own(core: Core, account: AccountId) -> list[OwnAddress]:
    """List an account's addresses, and those that were removed."""
    return core.db.read(lambda tx: _list_own(core, tx, account_store.get_account(tx, account)))


def _list_own(core: Core, tx: Tx, owner: Account) -> list[OwnAddress]:
    main = owner.address(core.config.domain)
    return [
        OwnAddress(
            one.spec,
            one.origin,
            to_time(one.created_at),
            one.spec == main and one.removed_at is None,
            one.removed_at is not None,
        )
        for one in store.list_stored_addresses(tx, owner.id)
    ]


def read_overview(core: Core, account: AccountId) -> Overview:
    """Return what the owner's page shows."""

    def read(tx: Tx) -> Overview:
        owner = account_store.get_account(tx, account)
        left = _count_left(tx, account)
        choices = user_names.list_allowed(core, tx, owner) if left else []
        specs = tuple(f"{name}@{core.config.domain}" for name in choices)
        waiting = tuple(store.list_waiting_requests(tx, account))
        return Overview(tuple(_list_own(core, tx, owner)), specs, left, waiting)

    return core.db.read(read)


def _count_left(tx: Tx, account: AccountId) -> int:
    """Count what the owner may still choose; what they chose and removed counts, so that nobody collects names."""
    chosen = [one for one in store.list_stored_addresses(tx, account) if one.origin == Origin.OWNER]
    return max(0, MAX_CHOSEN - len(chosen))


def split_address(core: Core, written: str) -> tuple[str, str]:
    """Return local part and domain of what somebody wrote; the site's domain where they name none.  Raises InvalidName."""
    localpart, at, domain = written.strip().lower().rpartition("@")
    if not at:
        localpart, domain = written.strip().lower(), core.config.domain
    if domain not in core.config.mail_domains:
        raise InvalidName(f"{domain} is not a domain of ours; there are {', '.join(core.config.mail_domains)}")
    return localpart, domain


# By the owner


def choose_address(core: Core, account: AccountId, written: str) -> str:
    """Add an address of those that the owner's name allows.  Raises NotAllowed."""

    def write(tx: Tx) -> str:
        owner = account_store.get_account(tx, account)
        localpart, domain = split_address(core, written)
        if not _count_left(tx, account):
            raise NotAllowed(Saying("You have chosen as many addresses as you can. Ask the help desk for another."))
        if domain != core.config.domain or localpart not in user_names.list_allowed(core, tx, owner):
            raise NotAllowed(Saying("That address is not available."))
        return _insert(core, tx, owner, localpart, domain, Origin.OWNER, actor=owner.name)

    return core.db.write(write)


def request_address(core: Core, account: AccountId, written: str, reason: str) -> AddressRequest:
    """Ask the desk for an address.

    Raises:
        InvalidName: it cannot be an address here.
        NotAllowed: it is not available, or too many wait.
    """
    localpart, domain = split_address(core, written)
    localpart = accounts.check_name(localpart, reserved=True)

    def write(tx: Tx) -> AddressRequest:
        if len(store.list_waiting_requests(tx, account)) >= MAX_WAITING:
            raise NotAllowed(Saying("The help desk has not answered your other requests yet."))
        if not _is_free(core, tx, localpart, domain, account):
            raise NotAllowed(Saying("That address is not available."))
        number = store.add_request(tx, account, localpart, domain, reason.strip()[:MAX_REASON], core.clock.seconds())
        return _get_request(tx, number)

    return core.db.write(write)


def set_main(core: Core, account: AccountId, written: str, *, actor: str = "") -> Account:
    """Choose the address that is written under.  Raises NotAllowed for one that is not the account's."""

    def write(tx: Tx) -> Account:
        owner = account_store.get_account(tx, account)
        localpart, domain = split_address(core, written)
        if store.find_address_owner(tx, localpart, domain) != account:
            raise NotAllowed(Saying("That is not one of your addresses."))
        return save_main(core, tx, owner, f"{localpart}@{domain}", actor=actor or owner.name)

    return core.db.write(write)


def save_main(core: Core, tx: Tx, owner: Account, spec: str, *, actor: str) -> Account:
    """Save the address that is written under; names of the webmail that had the former one follow."""
    former = owner.address(core.config.domain)
    if spec == former:
        return owner
    account_store.save_main_address(tx, owner.id, spec)
    move_identities(tx, owner.id, former, spec)
    audit.note(
        core, tx, owner.id, Event.ADDRESS_MAIN, actor=actor, detail=spec, facts={"address": spec, "before": former}
    )
    changed = account_store.get_account(tx, owner.id)
    account_notices.notify_owner(core, tx, changed, "address_main", address=spec)
    return changed


def remove_address(core: Core, account: AccountId, written: str, *, actor: str = "") -> str:
    """Remove an address: it takes no mail, and only this account may have it again.

    Raises:
        NotAllowed: it is not the account's, or it is the one that is written under.
    """

    def write(tx: Tx) -> str:
        owner = account_store.get_account(tx, account)
        localpart, domain = split_address(core, written)
        spec = f"{localpart}@{domain}"
        if spec == owner.address(core.config.domain):
            raise NotAllowed(Saying("This is the address that you write from. Choose another one for that first."))
        if not store.remove_address(tx, account, localpart, domain, core.clock.seconds()):
            raise NotAllowed(Saying("That is not one of your addresses."))
        move_identities(tx, account, spec, owner.address(core.config.domain))
        audit.note(
            core, tx, account, Event.ADDRESS_REMOVED, actor=actor or owner.name, detail=spec, facts={"address": spec}
        )
        account_notices.notify_owner(core, tx, owner, "address_removed", address=spec)
        return spec

    return core.db.write(write)


def restore_address(core: Core, account: AccountId, written: str, *, actor: str = "") -> str:
    """Give an account an address back that was removed from it.  Raises NotAllowed."""

    def write(tx: Tx) -> str:
        owner = account_store.get_account(tx, account)
        localpart, domain = split_address(core, written)
        if not store.restore_address(tx, account, localpart, domain):
            raise NotAllowed(Saying("That is not one of your addresses."))
        return _note_added(core, tx, owner, f"{localpart}@{domain}", actor or owner.name)

    return core.db.write(write)


# By staff


def add_address(
    core: Core, account: AccountId, written: str, *, actor: str, origin: Origin = Origin.SITE, reserved: bool = False
) -> str:
    """Add an address on behalf of staff; one that was removed from the account is given back.

    Raises:
        InvalidName: it cannot be an address here.
        AccountExists: it is, or was, somebody's.
    """
    localpart, domain = split_address(core, written)
    localpart = accounts.check_name(localpart, reserved=reserved)

    def write(tx: Tx) -> str:
        return add_in(core, tx, account_store.get_account(tx, account), localpart, domain, origin, actor=actor)

    return core.db.write(write)


def add_in(core: Core, tx: Tx, owner: Account, localpart: str, domain: str, origin: Origin, *, actor: str) -> str:
    """Add an address within a transaction; its local part has been checked.  Raises AccountExists, AccountNotFound."""
    if owner.state != AccountState.ACTIVE:
        raise AccountExists(f"{owner.name} is closed")
    if store.restore_address(tx, owner.id, localpart, domain):
        return _note_added(core, tx, owner, f"{localpart}@{domain}", actor)
    if not _is_free(core, tx, localpart, domain, owner.id):
        raise AccountExists(f"{localpart}@{domain} is taken, or was somebody's before")
    return _insert(core, tx, owner, localpart, domain, origin, actor=actor)


def fill_domain(core: Core, domain: str, *, actor: str) -> tuple[int, list[str]]:
    """Give everybody who has no address at a domain their user name there.

    Returns:
        How many got one, and the user names that are somebody else's there.

    Raises:
        InvalidName: the domain is not ours.
    """
    split_address(core, f"x@{domain}")

    def write(tx: Tx) -> tuple[int, list[str]]:
        taken, count, now = [], 0, core.clock.seconds()
        for account, name in store.list_names_without(tx, domain):
            if _is_free(core, tx, name, domain, account):
                store.insert_address(tx, account, name, domain, now, origin=Origin.SITE)
                spec = f"{name}@{domain}"
                audit.note(core, tx, account, Event.ADDRESS_ADDED, actor=actor, detail=spec, facts={"address": spec})
                count += 1
            else:
                taken.append(name)
        return count, taken

    return core.db.write(write)


def list_requests(core: Core) -> list[tuple[AddressRequest, Account]]:
    """List what waits for the desk, with whose it is."""

    def read(tx: Tx) -> list[tuple[AddressRequest, Account]]:
        return [(one, account_store.get_account(tx, one.account)) for one in store.list_waiting_requests(tx)]

    return core.db.read(read)


def approve_request(core: Core, number: int, *, agent: Account) -> str:
    """Give the address that was asked for, and tell its owner.

    Raises:
        NotAllowed: it is the agent's own request, or decided already, or the address is somebody's by now.
    """

    def write(tx: Tx) -> str:
        request = _decide(core, tx, number, "approved", agent)
        owner = account_store.get_account(tx, request.account)
        try:
            return add_in(core, tx, owner, request.localpart, request.domain, Origin.DESK, actor=agent.name)
        except AccountExists:
            raise NotAllowed(Saying("That address is not available.")) from None

    return core.db.write(write)


def refuse_request(core: Core, number: int, words: str, *, agent: Account) -> str:
    """Refuse what was asked for, and tell its owner why.  Raises NotAllowed."""

    def write(tx: Tx) -> str:
        request = _decide(core, tx, number, "refused", agent)
        owner = account_store.get_account(tx, request.account)
        account_notices.deliver_to_inbox(
            core,
            tx,
            owner,
            "address_refused",
            display_name=owner.display_name or owner.name,
            address=request.spec,
            reason=words.strip()[:MAX_REASON] or "-",
        )
        audit.note(core, tx, owner.id, Event.ADDRESS_REFUSED, actor=agent.name, detail=request.spec)
        return request.spec

    return core.db.write(write)


def _decide(core: Core, tx: Tx, number: int, state: str, agent: Account) -> AddressRequest:
    request = _get_request(tx, number)
    if request.account == agent.id:
        raise NotAllowed(Saying("You cannot decide on your own request. Ask a colleague."))
    if not store.decide_request(tx, number, state, core.clock.seconds()):
        raise NotAllowed(Saying("Somebody has decided on this request already."))
    return request


def _get_request(tx: Tx, number: int) -> AddressRequest:
    request = store.find_request(tx, number)
    if request is None:
        raise NotAllowed(Saying("Somebody has decided on this request already."))
    return request


# What all of them do


def _is_free(core: Core, tx: Tx, localpart: str, domain: str, account: AccountId) -> bool:
    """Say if an account may have an address that is not, and never was, anybody else's."""
    if domain == core.config.domain and account_store.find_account(tx, localpart) is not None:
        return False
    return not store.was_ever_address(tx, localpart, domain) and not store.is_requested(
        tx, localpart, domain, besides=account
    )


def _insert(core: Core, tx: Tx, owner: Account, localpart: str, domain: str, origin: Origin, *, actor: str) -> str:
    store.insert_address(tx, owner.id, localpart, domain, core.clock.seconds(), origin=origin)
    return _note_added(core, tx, owner, f"{localpart}@{domain}", actor)


def _note_added(core: Core, tx: Tx, owner: Account, spec: str, actor: str) -> str:
    audit.note(core, tx, owner.id, Event.ADDRESS_ADDED, actor=actor, detail=spec, facts={"address": spec})
    account_notices.notify_owner(core, tx, owner, "address_added", address=spec)
    return spec


def stored(core: Core, account: AccountId) -> list[StoredAddress]:
    """List an account's addresses as they are saved, for the command line."""
    return core.db.read(lambda tx: store.list_stored_addresses(tx, account))
