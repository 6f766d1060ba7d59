"""The address book: collected from sent mail, kept by hand, read from and written to vCards."""

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import InvalidName, NotAllowed, TooMany
from mailcore.mail.reading import address
from mailcore.mail.reading.lines import one_line
from mailcore.services.delivery import submission
from mailcore.services.webmail import address_cards
from mailcore.store.engine.db import Tx
from mailcore.store.people.addresses import list_numbered_addresses
from mailcore.store.webmail import address_book as store
from mailcore.store.webmail.address_book import Contact, WriterName

MAX_CONTACTS, MAX_NAME, MAX_NOTE, MAX_SIGNATURE, MAX_IDENTITIES = 20_000, 120, 2000, 4000, 20
MAX_COMPLETIONS, MAX_DOMAINS = 8, 2000
OF_ADDRESS = 10**12  # added to the number of an address that has no identity of its own
__all__ = ["Contact", "WriterName"]


def list_contacts(core: Core, account: AccountId) -> list[Contact]:
    return core.db.read(lambda tx: store.list_contacts(tx, account))


def complete(core: Core, account: AccountId, words: str, most: int = MAX_COMPLETIONS) -> list[Contact]:
    """Complete the beginning of a name or address; with "", list those written to most."""
    return core.db.read(lambda tx: store.list_completions(tx, account, words.strip().lower()[:100], most))


def domains(core: Core, account: AccountId) -> tuple[str, ...]:
    """The domains that the owner has written to."""
    return tuple(core.db.read(lambda tx: store.list_domains(tx, account, MAX_DOMAINS)))


def collect(core: Core, tx: Tx, account: AccountId, people: list[tuple[str, str]]) -> None:
    """(name, address) of people who were written to."""
    if store.count_contacts(tx, account) < MAX_CONTACTS:
        store.collect_contacts(
            tx, account, [(name[:MAX_NAME], spec.lower()) for name, spec in people], core.clock.seconds()
        )


def save(core: Core, account: AccountId, written: str, name: str, note: str) -> None:
    """Save the name and the note of an address.  Raises InvalidName for what is no address, TooMany, Busy."""
    address_cards.save_person(core, account, _one_address(written), one_line(name)[:MAX_NAME], note[:MAX_NOTE])


def delete(core: Core, account: AccountId, addresses: list[str]) -> int:
    """Delete addresses, also from the cards that they stand in; return the number of those that were there."""
    here = {one.address for one in list_contacts(core, account)}.intersection(addresses)
    address_cards.remove_addresses(core, account, here)
    core.db.write(lambda tx: store.delete_contact(tx, account, here))
    return len(here)


def _one_address(written: str) -> str:
    found = address.addr_specs(one_line(written))
    if len(found) != 1 or " " in found[0] or len(found[0]) > 320:
        raise InvalidName("not an address")
    return found[0].lower()


# Names to write under


def list_saved_identities(core: Core, account: AccountId) -> list[WriterName]:
    """List the names that the owner has saved to write under."""
    return core.db.read(lambda tx: store.list_identities(tx, account))


def identities(core: Core, account: AccountId, display_name: str, own: str) -> list[WriterName]:
    """The identities of the account, the first one first; the account itself where none is made.

    Each further address of the account that no identity has is one by itself, so that answers can be written under it.
    """
    found, addresses = core.db.read(
        lambda tx: (store.list_identities(tx, account), list_numbered_addresses(tx, account))
    )
    names = found or [WriterName(0, display_name, own, first=True)]
    used = {name.address.lower() for name in names}
    return names + [
        WriterName(OF_ADDRESS + number, display_name, spec) for number, spec in addresses if spec not in used
    ]


def save_identity(core: Core, account: AccountId, wish: WriterName) -> None:
    """Raises InvalidName, NotAllowed for an address that is not the account's, TooMany."""
    own = core.db.read(lambda tx: submission.addresses(tx, account))
    spec = _one_address(wish.address)
    if not submission.is_own(spec, own):
        raise NotAllowed("the address is not one of yours")
    reply_to = _one_address(wish.reply_to) if wish.reply_to.strip() else ""
    kept = WriterName(
        wish.id,
        one_line(wish.name)[:MAX_NAME],
        spec,
        wish.signature[:MAX_SIGNATURE].replace("\r\n", "\n"),
        reply_to,
        wish.first,
    )

    def write(tx: Tx) -> None:
        if not wish.id and len(store.list_identities(tx, account)) >= MAX_IDENTITIES:
            raise TooMany("there are enough identities")
        store.save_identity(tx, account, kept)

    core.db.write(write)


def delete_identity(core: Core, account: AccountId, id_: int) -> None:
    core.db.write(lambda tx: store.delete_identity(tx, account, id_))
