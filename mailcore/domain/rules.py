"""Nouns of what an owner has decided about incoming mail: scripts, filters, forwarding, absence."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Script:
    """A Sieve script of an Account; `origin` is `generated` or `personal`.

    `held`: it was brought in and its owner has not taken it into use, so it runs nowhere.
    """

    name: str
    source: str
    active: bool
    origin: str = "personal"
    held: bool = False


ROLLING_DAYS = 90  # after which kept copies of forwarded mail expire, unless the owner chose otherwise


class ForwardingState(StrEnum):
    """State of a Forwarding; mail goes to the target while it is HEALTHY or FAILING."""

    UNCONFIRMED = "unconfirmed"
    HEALTHY = "healthy"
    FAILING = "failing"
    PAUSED = "paused"
    OFF = "off"


@dataclass(frozen=True, slots=True)
class Forwarding:
    """The owner's setting that mail is forwarded to an outside address.

    Attributes:
        unsafe: mail that could not pass DMARC at the target: "rewrite" its From, "keep" it here, "" = the site's setting.
        digest: a mail to the target lists the messages that were not forwarded.
        rolling_days: copies expire after so many days if they are known delivered and nobody touched them; 0 = never.
    """

    target: str = ""
    state: ForwardingState = ForwardingState.OFF
    copy: bool = True
    failures: int = 0
    last_reply: str = ""
    confirmed_at: datetime | None = None
    unsafe: str = ""
    digest: bool = True
    rolling_days: int = ROLLING_DAYS


@dataclass(frozen=True, slots=True)
class Away:
    """The owner's vacation reply; a day that is None is open."""

    active: bool = False
    first_day: date | None = None
    last_day: date | None = None
    subject: str = ""
    text: str = ""


class FilterField(StrEnum):
    """Part of a message that a FilterCondition tests: a header field, any field that `header` names, or the size."""

    FROM = "from"
    TO = "to"  # and Cc
    SUBJECT = "subject"
    LIST_ID = "list-id"
    HEADER = "header"
    SIZE = "size"


class FilterMatch(StrEnum):
    """Comparison of a FilterCondition; case never matters.  OVER and UNDER are for the size alone."""

    CONTAINS = "contains"
    IS = "is"
    MATCHES = "matches"  # with * and ?
    OVER = "over"
    UNDER = "under"


@dataclass(frozen=True, slots=True)
class FilterCondition:
    """`value` is octets in digits for SIZE; `header` is the name of the field for HEADER, else empty."""

    field: FilterField
    match: FilterMatch
    value: str
    header: str = ""


class FilterVerb(StrEnum):
    """Action of a filter on a message."""

    FILE = "file"  # into the mailbox `target`, made if it is missing
    FLAG = "flag"  # with the keyword `target`, "" = \\Flagged
    READ = "read"  # mark as read
    DELETE = "delete"  # nothing else happens to the message: not kept, not forwarded, not answered
    FORWARD = "forward"  # a copy to the address `target`
    STOP = "stop"  # no further rule and no personal script is asked


@dataclass(frozen=True, slots=True)
class FilterAction:
    """A FilterVerb with its `target`, "" where the verb needs none."""

    verb: FilterVerb
    target: str = ""


@dataclass(frozen=True, slots=True)
class FilterRule:
    """One simple filter of the portal; an Account has them in order.  Without conditions it takes every message.

    `every` = all conditions must hold, else any of them.
    """

    name: str
    conditions: tuple[FilterCondition, ...] = ()
    actions: tuple[FilterAction, ...] = ()
    every: bool = True
    enabled: bool = True
