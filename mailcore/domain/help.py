"""Nouns of the help desk and of pages."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mailcore.domain.ids import AccountId


class TicketState(StrEnum):
    """State of a Ticket; an unconfirmed one waits for its author to press a link."""

    UNCONFIRMED = "unconfirmed"
    OPEN = "open"
    ANSWERED = "answered"
    CLOSED = "closed"
    MERGED = "merged"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Ticket:
    """A help case.

    `token` opens it to whoever has it: it stands in the address that answers go to and in the link of the person.
    `reply_to` is where answers go, `account` the person's if known, `assignee` the agent who has taken it.
    """

    id: int
    token: str
    kind: str
    subject: str
    state: TicketState
    language: str
    reply_to: str
    account: AccountId | None
    assignee: AccountId | None
    merged_into: int | None
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class TicketFile:
    """A file that came with a message of a ticket; `size` in octets."""

    id: int
    name: str
    type: str
    size: int


@dataclass(frozen=True, slots=True)
class NewFile:
    """A file with its octets."""

    name: str
    type: str
    octets: bytes


@dataclass(frozen=True, slots=True)
class TicketMessage:
    """A message in a Ticket; `author` is person, desk, note (for the desk alone) or service.

    `has_header`: it came by mail, whose header the desk can look at.
    """

    id: int
    at: datetime
    author: str
    name: str
    text: str
    files: tuple[TicketFile, ...] = ()
    has_header: bool = False


@dataclass(frozen=True, slots=True)
class PageFacts:
    """A public page: its number of views, its audience, its topics."""

    name: str
    views: int
    audience: tuple[str, ...]
    topic: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Incident:
    """A disturbance of the service, over when it has `ended_at`; `words` by language, `level` info, warn or bad."""

    id: int
    level: str
    words: dict[str, str]
    at: datetime
    ended_at: datetime | None
