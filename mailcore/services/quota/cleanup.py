"""Making room: what takes it, what a choice would free, and the removal.  All of it works over quota (S21, S27, N6).

What is removed here is deleted, not in Trash: Trash counts too.  Nothing flagged, answered or unfinished is ever
offered as a heap; single messages may be chosen by their owner whatever they are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.mail.reading import address, header
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.store.engine.db import Tx
from mailcore.store.mail import room as store
from mailcore.store.mail.room import Name, Takes

SHOWN = 100
BATCH = 2000  # messages removed in one transaction
DAYS = 90  # the age from which forwarded copies are offered


@dataclass(frozen=True, slots=True)
class Item:
    """A message as it is offered; `name` is its key in forms."""

    name: str
    mailbox: str
    special_use: str
    uid: int
    subject: str
    sender: str
    at: datetime
    size: int
    flagged: bool


@dataclass(frozen=True, slots=True)
class Sender:
    """Newsletters of one sender: `key` is the List-Id, else the author's address."""

    key: str
    title: str
    count: int
    octets: int
    latest: datetime


@dataclass(frozen=True, slots=True)
class Heap:
    """Many messages that can go at once."""

    count: int
    octets: int


@dataclass(frozen=True, slots=True)
class Choice:
    """The owner's choice: single messages, senders of newsletters, or whole heaps."""

    messages: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()
    forwarded_days: int | None = None
    special_uses: tuple[str, ...] = ()  # \\Trash, \\Junk


@dataclass(frozen=True, slots=True)
class Freed:
    count: int
    octets: int


def largest(core: Core, account: AccountId) -> list[Item]:
    return core.db.read(lambda tx: _items(store.largest(tx, account, SHOWN)))


def oldest(core: Core, account: AccountId) -> list[Item]:
    return core.db.read(lambda tx: _items(store.oldest(tx, account, SHOWN)))


def forwarded(core: Core, account: AccountId, days: int = DAYS) -> tuple[list[Item], Heap]:
    """Kept copies that are known to be delivered outside and older than that: the first of them, and all together."""

    def read(tx: Tx) -> tuple[list[Item], Heap]:
        found = store.forwarded(tx, account, _before(core, days))
        first = store.oldest_forwarded(tx, account, _before(core, days), SHOWN)
        return _items(first), Heap(len(found), sum(found.values()))

    return core.db.read(read)


def newsletters(core: Core, account: AccountId) -> list[Sender]:
    """Those that take most room first."""
    heaps: dict[str, list[Takes]] = {}
    for one in core.db.read(lambda tx: store.newsletters(tx, account)):
        heaps.setdefault(_list_key(one.header), []).append(one)
    heaps.pop("", None)
    found = [_sender(key, ones) for key, ones in heaps.items()]
    return sorted(found, key=lambda sender: -sender.octets)


def heap(core: Core, account: AccountId, special_use: str) -> Heap:
    """All of Trash or of Junk."""

    def read(tx: Tx) -> Heap:
        boxes = [box for box in core.mail.mailboxes(tx, account) if box.special_use == special_use]
        return Heap(sum(box.messages for box in boxes), sum(box.octets for box in boxes))

    return core.db.read(read)


def weigh(core: Core, account: AccountId, choice: Choice) -> Freed:
    """Count the messages and octets that the removal would free."""
    sizes = core.db.read(lambda tx: store.sizes(tx, account, _names(core, tx, account, choice)))
    return Freed(len(sizes), sum(sizes.values()))


def remove(core: Core, account: AccountId, choice: Choice) -> Freed:
    """Remove for good what was chosen and is still there; many messages in several transactions, so that others can write."""
    names = core.db.read(lambda tx: _names(core, tx, account, choice))
    count = octets = 0
    for start in range(0, len(names), BATCH):
        gone = core.db.write(partial(_remove, core, account=account, names=names[start : start + BATCH]))
        count, octets = count + gone.count, octets + gone.octets
    if count:
        told = f"{count} messages, {octets} octets"
        core.db.write(lambda tx: audit.note(core, tx, account, Event.ROOM_MADE, detail=told))
    return Freed(count, octets)


def _remove(core: Core, tx: Tx, account: AccountId, names: Sequence[Name]) -> Freed:
    octets = sum(store.sizes(tx, account, names).values())
    gone = 0
    for mailbox, uids in store.places(tx, account, names):
        gone += len(core.mail.expunge(tx, mailbox, [(uid, uid) for uid in uids], only_deleted=False))
    return Freed(gone, octets)


def _before(core: Core, days: int) -> int:
    return int((core.clock.now() - timedelta(days=max(0, days))).timestamp())


def _names(core: Core, tx: Tx, account: AccountId, choice: Choice) -> list[Name]:
    found = {name for text in choice.messages if (name := _name(text))}
    if choice.forwarded_days is not None:
        found |= store.forwarded(tx, account, _before(core, choice.forwarded_days)).keys()
    if choice.senders:
        wanted = set(choice.senders)
        found |= _of(one for one in store.newsletters(tx, account) if _list_key(one.header) in wanted)
    for box in core.mail.mailboxes(tx, account) if choice.special_uses else ():
        if box.special_use in choice.special_uses and box.special_use in ("\\Trash", "\\Junk"):
            found |= {(box.uidvalidity, uid) for uid in core.mail.uids(tx, box.id)}
    return sorted(found)


def _of(takes: Iterable[Takes]) -> set[Name]:
    return {(one.uidvalidity, one.uid) for one in takes}


def _name(text: str) -> Name | None:
    """`UIDVALIDITY.UID`; None for anything else that a form may hold."""
    first, _, second = text.partition(".")
    if not (first.isascii() and first.isdigit() and second.isascii() and second.isdigit()) or len(text) > 24:
        return None
    return int(first), int(second)


def _items(takes: Sequence[Takes]) -> list[Item]:
    return [
        Item(
            f"{one.uidvalidity}.{one.uid}",
            one.mailbox,
            one.special_use,
            one.uid,
            _first(one.header, "subject"),
            _author(one.header),
            _at(one.at),
            one.size,
            bool(one.flags & 4),
        )
        for one in takes
    ]


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _first(block: bytes, name: str) -> str:
    return " ".join((header.values(block, name) or [""])[0].split())


def _author(block: bytes) -> str:
    return _name_of((header.raw_values(block, "from") or [b""])[0])


@lru_cache(4096)
def _name_of(written: bytes) -> str:
    return address.display_name(written) or next(iter(address.addr_specs(written)), "")


def _list_key(block: bytes) -> str:
    """RFC 2919: the identifier between angle brackets; "" for what is no newsletter."""
    named = _first(block, "list-id")
    if named:
        return named.rpartition("<")[2].rstrip("> ").lower()[:200]
    if not header.raw_values(block, "list-unsubscribe"):
        return ""
    return next(iter(address.addr_specs((header.raw_values(block, "from") or [b""])[0])), "").lower()[:200]


def _sender(key: str, ones: Sequence[Takes]) -> Sender:
    last = max(ones, key=lambda one: one.at)
    return Sender(key, _author(last.header) or key, len(ones), sum(one.size for one in ones), _at(last.at))
