"""Criteria for messages, as values: SEARCH, SORT, THREAD and the webmail's list ask the store in these words.

Days are proleptic ordinals (date.toordinal), texts are folded (text.fold), numbers of messages are UIDs.  No I/O.
"""

from dataclasses import dataclass
from enum import Enum


class Compare(Enum):
    BEFORE = "<"
    ON = "="
    SINCE = ">="


@dataclass(frozen=True, slots=True)
class Everything:
    """ALL."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """A criterion that no message meets."""


@dataclass(frozen=True, slots=True)
class Flag:
    """A system flag, such as `\\Seen`."""

    name: str


@dataclass(frozen=True, slots=True)
class Keyword:
    """A keyword, in any case."""

    name: str


@dataclass(frozen=True, slots=True)
class Uids:
    """Ranges with both ends included, ascending and apart."""

    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Larger:
    octets: int


@dataclass(frozen=True, slots=True)
class Smaller:
    octets: int


@dataclass(frozen=True, slots=True)
class Arrived:
    """The day of the internal date, in the zone that was given with it."""

    how: Compare
    day: int


@dataclass(frozen=True, slots=True)
class ArrivedAt:
    """Seconds since 1970, `at` included for SINCE."""

    how: Compare
    at: int


@dataclass(frozen=True, slots=True)
class Sent:
    """The day of the Date field as written, its zone disregarded; else the day of arrival."""

    how: Compare
    day: int


@dataclass(frozen=True, slots=True)
class Saved:
    """The day, in UTC, on which the message came into this mailbox (RFC 8514), where that is known."""

    how: Compare
    day: int


@dataclass(frozen=True, slots=True)
class EmailId:
    """RFC 8474, mail/asking/ids.py."""

    id: bytes


@dataclass(frozen=True, slots=True)
class ThreadId:
    """RFC 8474, mail/asking/ids.py."""

    id: bytes


@dataclass(frozen=True, slots=True)
class Changed:
    """Modseq of at least this (RFC 7162 section 3.1.5)."""

    modseq: int


class Summed(Enum):
    """Header fields whose folded text stands in the summary of a blob."""

    FROM = "sender"
    TO = "recipient"
    CC = "cc"
    BCC = "bcc"
    SUBJECT = "subject"


@dataclass(frozen=True, slots=True)
class Field:
    """One of the usual fields has the text; the empty text is in every field that is there."""

    name: Summed
    text: str


@dataclass(frozen=True, slots=True)
class Header:
    """Any field has the text."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Body:
    """A text has the text (mail/showing/searchable.py)."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """The header, a part's header, a file's name or a text has the text."""

    text: str


@dataclass(frozen=True, slots=True)
class Not:
    inside: "Criterion"


@dataclass(frozen=True, slots=True)
class AllOf:
    inside: "tuple[Criterion, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    inside: "tuple[Criterion, ...]"


Criterion = (
    Everything
    | Nothing
    | Flag
    | Keyword
    | Uids
    | Larger
    | Smaller
    | Arrived
    | ArrivedAt
    | Sent
    | Saved
    | Changed
    | EmailId
    | ThreadId
    | Field
    | Header
    | Body
    | Text
    | Not
    | AllOf
    | AnyOf
)
