"""Clean-up: messages that take much of the quota, how much a choice would free, and the removal (S21, S27, N6).

All of it works over quota.  What is removed is expunged and not moved to Trash, which counts too.  Nothing flagged,
answered or drafted is ever offered in bulk; single messages may be chosen by their owner whatever they are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial

from mailcore.clock import to_time
from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.mail.reading import address, header
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.store.engine.db import Tx
from mailcore.store.mail import room as store
from mailcore.store.mail.room import Name, Takes

SHOWN = 40  # messages in a list: the page stays under 50 kB
BATCH = 2000  # messages removed in one transaction
DAYS = 90  # the age from which forwarded copies are offered


@dataclass(frozen=True, slots=True)
class Item:
    """A message that may be removed; `name` is its key in forms, `size` in octets."""

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
class Total:
    """The number of some messages, and their octets."""

    count: int
    octets: int


@dataclass(frozen=True, slots=True)
class Choice:
    """Messages that the owner chose to remove: single ones, newsletters of senders, forwarded copies, or whole mailboxes."""

    messages: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()
    forwarded_days: int | None = None
    special_uses: tuple[str, ...] = ()  # \\Trash, \\Junk


def list_largest(core: Core, account: AccountId) -> list[Item]:
    """List the largest messages, largest first."""
    return core.db.read(lambda tx: _items(store.list_largest(tx, account, SHOWN)))


def list_oldest(core: Core, account: AccountId) -> list[Item]:
    """List the oldest messages, oldest first."""
    return core.db.read(lambda tx: _items(store.list_oldest(tx, account, SHOWN)))


def list_forwarded(core: Core, account: AccountId, days: int = DAYS) -> tuple[list[Item], Total]:
    """List the first copies older than `days` that are known delivered to the forwarding target, and the total of all."""

    def read(tx: Tx) -> tuple[list[Item], Total]:
        sizes = store.list_forwarded(tx, account, _seconds_before(core, days))
        first = store.list_oldest_forwarded(tx, account, _seconds_before(core, days), SHOWN)
        return _items(first), Total(len(sizes), sum(sizes.values()))

    return core.db.read(read)


def list_newsletters(core: Core, account: AccountId) -> list[Sender]:
    """List senders of newsletters, those that take most octets first."""
    by_sender: dict[str, list[Takes]] = {}
    for message in core.db.read(lambda tx: store.list_newsletters(tx, account)):
        by_sender.setdefault(_list_key(message.header), []).append(message)
    by_sender.pop("", None)
    senders = [_sender(key, messages) for key, messages in by_sender.items()]
    return sorted(senders, key=lambda sender: -sender.octets)


def find_newest(core: Core, account: AccountId, senders: Iterable[str]) -> dict[str, tuple[str, int]]:
    """Find the newest newsletter of each of these senders, as mailbox and uid: it tells how to leave the list today."""
    wanted = set(senders)
    newest: dict[str, Takes] = {}
    for message in core.db.read(lambda tx: store.list_newsletters(tx, account)) if wanted else ():
        key = _list_key(message.header)
        if key in wanted and (key not in newest or newest[key].at <= message.at):
            newest[key] = message
    return {key: (message.mailbox, message.uid) for key, message in newest.items()}


def measure_special_use(core: Core, account: AccountId, special_use: str) -> Total:
    """Count the messages and octets of the mailboxes with this special use (\\\\Trash, \\\\Junk)."""

    def read(tx: Tx) -> Total:
        boxes = [box for box in core.mail.mailboxes(tx, account) if box.special_use == special_use]
        return Total(sum(box.messages for box in boxes), sum(box.octets for box in boxes))

    return core.db.read(read)


def measure_choice(core: Core, account: AccountId, choice: Choice) -> Total:
    """Count the messages and octets that the removal would free."""
    sizes = core.db.read(lambda tx: store.get_sizes(tx, account, _names(core, tx, account, choice)))
    return Total(len(sizes), sum(sizes.values()))


def remove_chosen(core: Core, account: AccountId, choice: Choice) -> Total:
    """Expunge the chosen messages that still exist; many take several transactions, so that others can write."""
    names = core.db.read(lambda tx: _names(core, tx, account, choice))
    count = octets = 0
    for start in range(0, len(names), BATCH):
        removed = core.db.write(partial(_remove, core, account=account, names=names[start : start + BATCH]))
        count, octets = count + removed.count, octets + removed.octets
    if count:
        summary = f"{count} messages, {octets} octets"
        core.db.write(lambda tx: audit.note(core, tx, account, Event.ROOM_MADE, detail=summary))
    return Total(count, octets)


def _remove(core: Core, tx: Tx, account: AccountId, names: Sequence[Name]) -> Total:
    octets = sum(store.get_sizes(tx, account, names).values())
    removed = 0
    for mailbox, uids in store.list_places(tx, account, names):
        removed += len(core.mail.expunge(tx, mailbox, [(uid, uid) for uid in uids], only_deleted=False))
    return Total(removed, octets)


def _seconds_before(core: Core, days: int) -> int:
    return int((core.clock.now() - timedelta(days=max(0, days))).timestamp())


def _names(core: Core, tx: Tx, account: AccountId, choice: Choice) -> list[Name]:
    names = {name for text in choice.messages if (name := _parse_name(text))}
    if choice.forwarded_days is not None:
        names |= store.list_forwarded(tx, account, _seconds_before(core, choice.forwarded_days)).keys()
    if choice.senders:
        wanted = set(choice.senders)
        names |= _names_of(
            message for message in store.list_newsletters(tx, account) if _list_key(message.header) in wanted
        )
    for box in core.mail.mailboxes(tx, account) if choice.special_uses else ():
        if box.special_use in choice.special_uses and box.special_use in ("\\Trash", "\\Junk"):
            names |= {(box.uidvalidity, uid) for uid in core.mail.uids(tx, box.id)}
    return sorted(names)


def _names_of(messages: Iterable[Takes]) -> set[Name]:
    return {(message.uidvalidity, message.uid) for message in messages}


def _parse_name(text: str) -> Name | None:
    """Read `UIDVALIDITY.UID`; None for anything else that a form may hold."""
    first, _, second = text.partition(".")
    if not (first.isascii() and first.isdigit() and second.isascii() and second.isdigit()) or len(text) > 24:
        return None
    return int(first), int(second)


def _items(messages: Sequence[Takes]) -> list[Item]:
    return [
        Item(
            f"{message.uidvalidity}.{message.uid}",
            message.mailbox,
            message.special_use,
            message.uid,
            header.text(message.header, "subject"),
            _author(message.header),
            to_time(message.at),
            message.size,
            bool(message.flags & 4),
        )
        for message in messages
    ]


def _author(block: bytes) -> str:
    return _display_name((header.raw_values(block, "from") or [b""])[0])


@lru_cache(4096)
def _display_name(written: bytes) -> str:
    return address.display_name(written) or next(iter(address.addr_specs(written)), "")


def _list_key(block: bytes) -> str:
    """Return the identifier of a newsletter (RFC 2919), else its author's address; "" for what is no newsletter."""
    named = header.text(block, "list-id")
    if named:
        return named.rpartition("<")[2].rstrip("> ").lower()[:200]
    if not header.raw_values(block, "list-unsubscribe"):
        return ""
    return next(iter(address.addr_specs((header.raw_values(block, "from") or [b""])[0])), "").lower()[:200]


def _sender(key: str, messages: Sequence[Takes]) -> Sender:
    last = max(messages, key=lambda message: message.at)
    return Sender(
        key,
        _author(last.header) or key,
        len(messages),
        sum(message.size for message in messages),
        to_time(last.at),
    )
