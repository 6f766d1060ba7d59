"""Numbers and single answers for programs of the university: who has an address, and how many."""

from dataclasses import dataclass

from mailcore.core import Core
from mailcore.domain import AccountState
from mailcore.log import log_for
from mailcore.store.engine.db import Tx
from mailcore.store.people import accounts as account_store
from mailcore.store.people import addresses as address_store
from mailcore.store.people import provisioned as store

log = log_for(__name__)


@dataclass(frozen=True, slots=True)
class Counts:
    """Accounts by their state, and affiliations by their kind; `present` people are in the directory now."""

    accounts: dict[str, int]
    affiliations: dict[str, int]
    present: int


@dataclass(frozen=True, slots=True)
class Holder:
    """Addresses of a person, and nothing of what stands in the mailbox."""

    addresses: tuple[str, ...]
    state: AccountState
    since: str


def count_people(core: Core) -> Counts:
    """Count accounts and affiliations."""

    def read(tx: Tx) -> Counts:
        kinds: dict[str, int] = {}
        present = 0
        for words, count in store.list_kinds(tx):
            present += count
            for kind in words.split():
                kinds[kind] = kinds.get(kind, 0) + count
        return Counts(store.count_states(tx), kinds, present)

    return core.db.read(read)


def find_holder(core: Core, person: str, *, token: int) -> Holder | None:
    """Find the account of a person, by the immutable id, and log who asked for it; None without one."""

    def read(tx: Tx) -> Holder | None:
        account = account_store.find_account_of_person(tx, person)
        if account is None:
            return None
        log.info("token %d asked for the addresses of account %d", token, account.id)
        addresses = tuple(address_store.list_addresses(tx, account.id))
        return Holder(addresses, account.state, f"{account.created_at:%Y-%m-%d}")

    return core.db.read(read)
