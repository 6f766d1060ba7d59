"""The whole vCards of an address book: for programs that synchronise (CardDAV), the webmail, take-out and import.

A card is the truth; the addresses in it stand in the address book, where the webmail completes them and scripts ask for them.
Cards are read and written outside of the transaction; what it saves is only compared there.
"""

import hashlib
import re
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.errors import Busy, CardChanged, CardInvalid, CardNotFound, CardTaken, ChangesForgotten, TooMany
from mailcore.mail.moving import whole_cards
from mailcore.mail.moving.vcard import Card
from mailcore.mail.moving.whole_cards import WholeCard
from mailcore.mail.reading import address
from mailcore.mail.reading.lines import one_line
from mailcore.store.engine.db import Tx
from mailcore.store.webmail import address_book as address_store
from mailcore.store.webmail import cards as store
from mailcore.store.webmail.cards import CardRef, StoredCard

MAX_CARDS, MAX_BOOK = 20_000, 200 * 2**20  # of one account; characters of all its cards
MAX_CHANGES = 5000  # in one answer
MAX_NAME, MAX_NOTE, MAX_ADDRESS = 120, 2000, 320
MAX_RESOURCE = 255
TRIES = 5  # against others who change the same card at the same moment
_PLAIN = re.compile(r"[A-Za-z0-9-]{1,100}")
ANY = "*"  # of conditions: whatever is there
BATCH = 200
__all__ = ["CardRef", "StoredCard"]


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes up to the change `seq`; a card without an `etag` was deleted.  `more` may be asked for from there.

    `seqs` are the numbers of the changes by which `cards` became what they are, ascending.
    """

    seq: int
    cards: tuple[CardRef, ...]
    seqs: tuple[int, ...]
    more: bool


def count_changes(core: Core, account: AccountId) -> int:
    """Count the changes that the account's cards have seen; the number grows with every one."""
    save_missing_cards(core, account)
    return core.db.read(lambda tx: store.read_book(tx, account)).seq


def list_refs(core: Core, account: AccountId) -> list[CardRef]:
    save_missing_cards(core, account)
    return core.db.read(lambda tx: store.list_refs(tx, account))


def list_cards(core: Core, account: AccountId, names: Sequence[str] | None = None) -> list[StoredCard]:
    """List whole cards, `names` None = all; what is not there is left out."""
    save_missing_cards(core, account)
    return core.db.read(lambda tx: store.list_cards(tx, account, names))


def get_card(core: Core, account: AccountId, name: str) -> StoredCard:
    """Get a card.  Raises CardNotFound."""
    save_missing_cards(core, account)
    return core.db.read(lambda tx: _get(tx, account, name))


def list_changes(core: Core, account: AccountId, since: int, most: int = MAX_CHANGES) -> Changes:
    """List the cards that changed after the change `since`.  Raises ChangesForgotten."""
    save_missing_cards(core, account)

    def read(tx: Tx) -> Changes:
        book = store.read_book(tx, account)
        if not book.oldest <= since <= book.seq and since:
            raise ChangesForgotten("read the whole address book")
        changed = store.list_changed(tx, account, since, most + 1)
        cards, seqs = tuple(ref for ref, _seq in changed[:most]), tuple(seq for _ref, seq in changed[:most])
        more = len(changed) > most
        return Changes(seqs[-1] if more else book.seq, cards, seqs, more)

    return core.db.read(read)


def put_card(
    core: Core,
    account: AccountId,
    name: str,
    octets: bytes,
    *,
    if_match: Collection[str] = (),
    if_none_match: Collection[str] = (),
) -> tuple[StoredCard, bool]:
    """Save a card as a program sends it; return it as it is saved, and True if it is new.

    Args:
        if_match, if_none_match: ETags of which the card must have one, or must have none; ANY for any, nothing for no condition.

    Raises:
        CardInvalid, CardChanged, TooMany.
        CardTaken: another card has the UID (RFC 6352 section 5.3.2.1).
    """
    if not 0 < len(name) <= MAX_RESOURCE:
        raise CardInvalid("the name is too long")
    whole = whole_cards.read_card(octets)
    if whole is None:
        raise CardInvalid("not one vCard")
    whole = whole if whole.uid else whole_cards.set_uid(whole, _new_uid())
    new, addresses, person = _stored(name, whole), _list_addresses(whole.person), whole.person
    save_missing_cards(core, account)

    def write(tx: Tx) -> bool:
        old = store.find_card(tx, account, name)
        _check_conditions(old, if_match, if_none_match)
        same = store.find_card_by_uid(tx, account, new.uid)
        if same is not None and same.name != name:
            raise CardTaken(same.name)
        _check_room(tx, account, 0 if old else 1, len(new.text))
        _save(core, tx, account, new, addresses, person)
        return old is None

    return new, core.db.write(write)


def delete_card(core: Core, account: AccountId, name: str, *, if_match: Collection[str] = ()) -> None:
    """Delete a card with its addresses.  Raises CardNotFound, CardChanged."""

    def write(tx: Tx) -> None:
        _check_conditions(_get(tx, account, name), if_match, ())
        store.delete_card(tx, account, name, core.clock.seconds())

    core.db.write(write)


def save_person(core: Core, account: AccountId, spec: str, name: str, note: str) -> None:
    """Save the name and the note of an address: in the card that it stands in, or in a new one.  Raises TooMany, Busy."""

    def change(old: StoredCard | None) -> WholeCard:
        if old is None:
            return whole_cards.write_card(Card(name, (spec,), note), _new_uid())
        return whole_cards.change_person(_read(old), name, note)

    _change_cards(core, account, [_Change((spec,), change)])


def remove_addresses(core: Core, account: AccountId, specs: Iterable[str]) -> None:
    """Take addresses out of their cards; a card without any address left is deleted.  Raises Busy."""

    def without(spec: str) -> Callable[[StoredCard | None], WholeCard | None]:
        def change(old: StoredCard | None) -> WholeCard | None:
            rest = whole_cards.remove_address(_read(old), spec) if old else None
            return rest if rest is not None and rest.person.addresses else None

        return change

    _change_cards(core, account, [_Change((spec,), without(spec)) for spec in specs])


def import_cards(core: Core, account: AccountId, octets: bytes, *, only_new: bool = False) -> int:
    """Save the cards of a file; return the number of addresses that were in them.

    A card that is here by its UID is replaced; one without a UID gives its name and note to the card that has its address.
    `only_new` leaves alone what is here.  Raises TooMany, Busy.
    """
    save_missing_cards(core, account)

    def replace(whole: WholeCard) -> Callable[[StoredCard | None], WholeCard | None]:
        def change(old: StoredCard | None) -> WholeCard | None:
            if old is None:
                return whole if whole.uid else whole_cards.set_uid(whole, _new_uid())
            if only_new:
                return _read(old)
            if whole.uid:
                return whole
            here = _read(old)
            return whole_cards.change_person(here, whole.person.name, whole.person.note or here.person.note)

        return change

    count = 0
    known = (one for one in whole_cards.list_cards(octets) if one.uid or one.person.addresses)
    for some in _batches(known):
        changes = [
            _Change(_list_addresses(whole.person), replace(whole), whole.uid, by_address=only_new or not whole.uid)
            for whole in some
        ]
        _change_cards(core, account, changes)
        count += sum(len(change.specs) for change in changes)
    return count


def write_file(core: Core, account: AccountId) -> Iterator[str]:
    """Write all cards, one after another, and those of people who were only written to: a file for any address book."""
    for some in _batches(list_refs(core, account)):
        names = [ref.name for ref in some]
        yield from (card.text for card in core.db.read(partial(store.list_cards, account=account, names=names)))
    for contact in core.db.read(lambda tx: address_store.list_contacts(tx, account)):
        if contact.collected:
            uid = str(uuid.uuid5(uuid.NAMESPACE_URL, f"mailto:{contact.address}"))
            yield whole_cards.write_card(Card(contact.name, (contact.address,), contact.note), uid).text


def save_missing_cards(core: Core, account: AccountId) -> None:
    """Write cards for contacts that were entered before there were cards."""
    while missing := core.db.read(lambda tx: store.list_without_card(tx, account, BATCH)):
        written = [whole_cards.write_card(Card(name, (spec,), note), _new_uid()) for spec, name, note in missing]

        def write(tx: Tx, written: Sequence[WholeCard] = written) -> None:
            for whole in written:
                [spec] = whole.person.addresses
                if store.find_card_of(tx, account, spec) is None:
                    _save(core, tx, account, _stored(_resource_name(whole.uid), whole), (spec,), whole.person)

        core.db.write(write)


@dataclass(frozen=True, slots=True)
class _Change:
    """Change of the card that has the UID, or one of the addresses where `by_address`.

    `make` gets None where there is no such card, and None from it deletes the card.
    """

    specs: tuple[str, ...]
    make: Callable[[StoredCard | None], WholeCard | None]
    uid: str = ""
    by_address: bool = True

    def find(self, tx: Tx, account: AccountId) -> StoredCard | None:
        by_uid = store.find_card_by_uid(tx, account, self.uid) if self.uid else None
        if by_uid is not None or not self.by_address:
            return by_uid
        return next(filter(None, (store.find_card_of(tx, account, spec) for spec in self.specs)), None)


def _change_cards(core: Core, account: AccountId, changes: Sequence[_Change]) -> None:
    """Carry out changes: each is made outside of the transaction, and made again where somebody else was quicker.

    Raises:
        TooMany: the address book is full.
        Busy: others change the same cards again and again.
    """
    left, tries = list(changes), TRIES
    while left and tries:
        planned = [(one, old, one.make(old)) for one, old in zip(left, _find_all(core, account, left), strict=True)]

        def write(
            tx: Tx, planned: Sequence[tuple[_Change, StoredCard | None, WholeCard | None]] = planned
        ) -> list[_Change]:
            return [one for one, old, whole in planned if not _carry_out(core, tx, account, one, old, whole)]

        late = core.db.write(write)
        tries -= len(late) == len(left)
        left = late
    if left:
        raise Busy("the address book is being changed by others")


def _find_all(core: Core, account: AccountId, changes: Sequence[_Change]) -> list[StoredCard | None]:
    return core.db.read(lambda tx: [one.find(tx, account) for one in changes])


def _carry_out(
    core: Core, tx: Tx, account: AccountId, change: _Change, old: StoredCard | None, whole: WholeCard | None
) -> bool:
    """Return False if the card is not `old` any more."""
    if change.find(tx, account) != old:
        return False
    if whole is None:
        if old is not None:
            store.delete_card(tx, account, old.name, core.clock.seconds())
    elif old is None or old.text != whole.text:
        new = _stored(old.name if old else _resource_name(whole.uid), whole)
        _check_room(tx, account, 0 if old else 1, len(new.text))
        _save(core, tx, account, new, _list_addresses(whole.person), whole.person)
    return True


def _save(core: Core, tx: Tx, account: AccountId, card: StoredCard, addresses: Sequence[str], person: Card) -> None:
    now = core.clock.seconds()
    store.save_card(tx, account, card, now)
    name, note = one_line(person.name)[:MAX_NAME], person.note[:MAX_NOTE]
    store.save_addresses(tx, account, card.name, addresses, name, note, now)


def _get(tx: Tx, account: AccountId, name: str) -> StoredCard:
    card = store.find_card(tx, account, name)
    if card is None:
        raise CardNotFound(name)
    return card


def _check_conditions(old: StoredCard | None, if_match: Collection[str], if_none_match: Collection[str]) -> None:
    if if_match and (old is None or {ANY, old.etag}.isdisjoint(if_match)):
        raise CardChanged("it is another one now")
    if if_none_match and old is not None and not {ANY, old.etag}.isdisjoint(if_none_match):
        raise CardChanged("there is one already")


def _check_room(tx: Tx, account: AccountId, more: int, characters: int) -> None:
    book = store.read_book(tx, account)
    if book.cards + more > MAX_CARDS or book.characters + characters > MAX_BOOK:
        raise TooMany("the address book is full")


def _stored(name: str, whole: WholeCard) -> StoredCard:
    return StoredCard(name, hashlib.sha256(whole.text.encode()).hexdigest()[:32], whole.uid, whole.text)


def _read(card: StoredCard) -> WholeCard:
    whole = whole_cards.read_card(card.text.encode())
    if whole is None:
        raise CardInvalid("a saved card cannot be read")
    return whole


def _list_addresses(person: Card) -> tuple[str, ...]:
    found = (address.addr_specs(one_line(written)) for written in person.addresses)
    specs = (some[0].lower() for some in found if len(some) == 1)
    return tuple(dict.fromkeys(spec for spec in specs if len(spec) <= MAX_ADDRESS and " " not in spec))


def _batches(values: Iterable[Any]) -> Iterator[tuple[Any, ...]]:  # Any: cards, or what stands for them
    rest = iter(values)
    return iter(lambda: tuple(islice(rest, BATCH)), ())


def _resource_name(uid: str) -> str:
    return f"{uid if _PLAIN.fullmatch(uid) else hashlib.sha256(uid.encode()).hexdigest()[:32]}.vcf"


def _new_uid() -> str:
    return str(uuid.uuid4())
