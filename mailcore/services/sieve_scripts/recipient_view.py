"""A message as the script of one recipient sees it: the envelope, and what belongs to the account.

Lists (RFC 6134): `:addrbook:default` is the address book, `:addrbook:blocked` the blocked list; the same as
`urn:ietf:params:sieve:addrbook:default` and so on.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar, cast

from mailcore.core import Core
from mailcore.domain import AccountId, Dsn, Envelope, Mailbox
from mailcore.errors import MailboxNotFound
from mailcore.services.sieve_scripts import spam_scores
from mailcore.services.sieve_scripts.script_view import MessageText, ScriptView
from mailcore.store.delivery import vacation_memory
from mailcore.store.engine.db import Tx
from mailcore.store.mail import annotations
from mailcore.store.mail.quota import get_space
from mailcore.store.people.addresses import list_addresses
from mailcore.store.webmail import address_book, blocked_senders
from sieve import one_address

T = TypeVar("T")
URN = "urn:ietf:params:sieve"
BOOK, BLOCKED = f"{URN}:addrbook:default", f"{URN}:addrbook:blocked"
QUOTA_ITEMS = "vnd.alumnimail.quota-"  # of the environment test; what follows is used, limit or percent
_DSN = ("notify", "ret", "orcpt", "envid")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the database to a script, and how to ask again."""

    question: Callable[["Place"], object]
    answer: object


Answers = dict[Hashable, Answer]


@dataclass(frozen=True, slots=True)
class Place:
    """The context in which a script runs: one transaction, one account.

    Attributes:
        trace: our own trace fields, which alone are believed about spam.
        room: octets used and allowed, where they are known.
        items: of the environment test, beside those that are always there.
        answers: what the script has asked the database so far; the run rests on it.
    """

    core: Core
    tx: Tx
    account: AccountId
    now: datetime
    trace: bytes = b""
    room: tuple[int, int] | None = None
    items: Mapping[str, str] | None = None
    answers: Answers = field(default_factory=dict)

    def ask(self, key: Hashable, question: Callable[["Place"], T]) -> T:
        """Ask the database, once; the same is asked again before anything is written."""
        known = self.answers.get(key)
        if known is None:
            self.answers[key] = known = Answer(question, question(self))
        return cast(T, known.answer)

    def still_gives(self, answers: Answers) -> bool:
        """Say if the database answers today as it did."""
        return all(known.question(self) == known.answer for known in answers.values())


def list_own_addresses(place: Place) -> list[str]:
    """List the account's own addresses."""
    return place.ask("addresses", lambda place: list_addresses(place.tx, place.account))


def _find_box(place: Place, name: str) -> Mailbox | None:
    try:
        return place.core.mail.mailbox(place.tx, place.account, name)
    except MailboxNotFound:
        return None


def _names_by(place: Place, key: Callable[[Mailbox], str]) -> dict[str, str]:
    """Name the first mailbox of each key: all in one answer, for the list is read for one as for all."""
    names: dict[str, str] = {}
    for box in place.core.mail.mailboxes(place.tx, place.account):
        names.setdefault(key(box), box.name)
    return names


def _list_metadata(place: Place, mailbox: str) -> dict[str, bytes]:
    box = _find_box(place, mailbox) if mailbox else None
    if mailbox and box is None:
        return {}
    use = {"/private/specialuse": box.special_use.encode()} if box and box.special_use else {}
    return use | annotations.list_entries(place.tx, place.account, box.id if box else 0)


def _room(place: Place, item: str) -> str | None:
    used, quota = place.room or get_space(place.tx, place.account)
    values = {"used": used, "limit": quota, "percent": used * 100 // quota if quota else 0}
    value = values.get(item)
    return None if value is None else str(value)


class RecipientView(ScriptView):
    """Nothing is looked up before a script asks, and all that it hears of the account is remembered in `place.answers`."""

    def __init__(self, place: Place, message: MessageText, envelope: Envelope, address: str) -> None:
        super().__init__(message, envelope.sender, address, place.now.astimezone(place.core.config.zone))
        self._place, self._envelope = place, envelope

    # Mailboxes

    def mailbox_exists(self, name: str) -> bool:
        return self._place.ask(("mailbox", name), lambda place: _find_box(place, name) is not None)

    def mailbox_for(self, special_use: str) -> str | None:
        names = self._place.ask("uses", lambda place: _names_by(place, lambda box: box.special_use.lower()))
        return names.get(special_use.lower())

    def mailbox_with_id(self, identity: str) -> str | None:
        """Find a mailbox by its id (RFC 9042), the one that IMAP shows (RFC 8474)."""
        return self._place.ask("ids", lambda place: _names_by(place, lambda box: box.object_id)).get(identity)

    def metadata(self, mailbox: str, entry: str) -> str | None:
        known = self._place.ask(("metadata", mailbox), lambda place: _list_metadata(place, mailbox))
        value = known.get(entry.lower())
        return None if value is None else value.decode("utf-8", "replace")

    # Memory and lists

    def was_seen(self, key: str, seconds: int, _last: bool) -> bool:
        since = int(self.now.timestamp()) - seconds
        return self._place.ask(
            ("seen", key, seconds),
            lambda place: vacation_memory.was_answered(place.tx, place.account, "duplicate", key, since),
        )

    def list_exists(self, name: str) -> bool:
        return _list(name) in (BOOK, BLOCKED)

    def list_holds(self, name: str, value: str) -> bool:
        address = (one_address(value) or value).lower()
        match _list(name):
            case "urn:ietf:params:sieve:addrbook:default":
                return self._place.ask(
                    ("in book", address), lambda place: address_book.has_contact(place.tx, place.account, address)
                )
            case "urn:ietf:params:sieve:addrbook:blocked":
                return self._place.ask(
                    ("is blocked", address), lambda place: blocked_senders.is_blocked(place.tx, place.account, address)
                )
        return False

    def list_members(self, name: str) -> Sequence[str]:
        """List the members for `redirect :list`: the address book; nothing is sent to those who are blocked."""
        if _list(name) != BOOK:
            return ()
        return self._place.ask("book", lambda place: address_book.list_contact_addresses(place.tx, place.account))

    # What is known of the message

    def envelope_option(self, name: str) -> str | None:
        said = self._envelope.dsn.get(self.envelope_to, Dsn())
        return (getattr(said, name) or None) if name in _DSN else None

    def spam_percent(self) -> float | None:
        return spam_scores.read_spam_percent(self._place.trace)

    def virus_level(self) -> int:
        return spam_scores.read_virus_level(self._place.trace)

    def environment(self, item: str) -> str | None:
        """RFC 5183 section 4.1, and our own quota items in octets and whole percent."""
        place, config = self._place, self._place.core.config
        if item.startswith(QUOTA_ITEMS):
            name = item.removeprefix(QUOTA_ITEMS)
            if name == "used":  # another one after each message: whether there is room is decided in the write
                return _room(place, name)
            return place.ask(item, lambda place: _room(place, name))
        known = {
            "domain": config.domain,
            "host": config.host,
            "location": "MTA",
            "phase": "during",
            "remote-ip": self._envelope.peer,
            "remote-host": self._envelope.helo,
            **(place.items or {}),
        }
        return known.get(item)


def _list(name: str) -> str:
    """RFC 6134 section 2.5: a name that begins with ":" stands below our URN."""
    return (URN + name if name.startswith(":") else name).lower()
