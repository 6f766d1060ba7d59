"""Plans of a delivery: for each recipient the finished values that the write inserts, and what the plan rests on.

They are made outside of the write (planning.py).  The write looks whether what they rest on still holds, counts what is
counted, and inserts (carrying_out.py); it parses, matches and renders nothing of a stranger's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from mailcore.domain import (
    AccountFacts,
    DeskRecipient,
    Dsn,
    MailboxRecipient,
    Outcome,
    ReturnedBounce,
    TopicRecipient,
)
from mailcore.services.delivery.arrival import Arrival
from mailcore.services.delivery.traces import Rule
from mailcore.services.sieve_scripts.recipient_view import Answers
from mailcore.store.delivery.records import About
from mailcore.store.forwarding.held_back import HeldBack
from mailcore.store.mail.blobs import Prepared
from sieve import FileInto


@dataclass(frozen=True, slots=True)
class File:
    """Put the message into a mailbox; a missing one means INBOX (RFC 5228 section 4.1), unless `create`.

    Attributes:
        special_use: of the mailbox that is made (RFC 8579 section 4).
        octets: what is filed instead of the message as it arrived.
    """

    mailbox: str
    flags: frozenset[str] = frozenset()
    create: bool = False
    special_use: str = ""
    octets: Prepared | None = None


def to_file(action: FileInto) -> File:
    """Read the action of a script, without what it made of the message."""
    return File(action.mailbox, frozenset(action.flags), action.create, action.special_use)


def to_copy(where: FileInto | None, octets: Prepared) -> File | None:
    """Read `:fcc` for what is sent (RFC 8580)."""
    return None if where is None else replace(to_file(where), octets=octets)


@dataclass(frozen=True, slots=True)
class Forward:
    """Queue a copy for the target.

    Attributes:
        counted: a personal script wants it, so that it counts as mail that the script causes.
    """

    target: str
    octets: Prepared
    dsn: Dsn
    counted: bool


@dataclass(frozen=True, slots=True)
class Unsent:
    """Keep what was to go to a target: its copy could not be made."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Send the out-of-office reply, unless this sender had it lately (RFC 5230 section 4.2).

    Attributes:
        seconds: within which one reply is enough.
        copy: where a copy is filed (RFC 8580).
    """

    to: str
    octets: Prepared
    handle: str
    seconds: int
    copy: File | None


@dataclass(frozen=True, slots=True)
class Notification:
    """Send the notification of a script (RFC 5435), while the account may still cause mail."""

    sender: str
    recipients: tuple[str, ...]
    octets: Prepared
    copy: File | None


Step = File | Forward | Unsent | Reply | Notification


@dataclass(frozen=True, slots=True)
class Take:
    """Take the message and do this with it; without any step it is discarded.

    Attributes:
        receipts: reports of success to the sender, by outcome, where they are wanted.
    """

    steps: tuple[Step, ...]
    receipts: Mapping[Outcome, Prepared] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reject:
    """Refuse it; the reason is for the sender."""

    reason: str


@dataclass(frozen=True, slots=True)
class Full:
    """Refuse it for want of room."""


Plan = Take | Reject | Full


@dataclass(frozen=True, slots=True)
class ProblemNotice:
    """Notify the owner that a script failed, once a day at most."""

    to: str
    octets: Prepared


@dataclass(frozen=True, slots=True)
class MailboxPlan:
    """The plan for one account.

    Attributes:
        facts, answers: what it rests on.
        prefix: our fields above the message in this box.
        needs: octets that it puts into the box; 0 = it does not matter how full the box is.
        rules: what decided, for the trace.
        duplicate_keys: keys to be remembered for `duplicate` (RFC 7352).
        held_back: a message that was not forwarded, for the digest.
        is_answered: the sender hears of the refusal, in the session or by a report, or did not want to.
        report: of the refusal.
        is_for_desk: it comes to the help desk as well (postmaster@, abuse@).
        is_unsure: it looked a little like spam; if its owner reads it and leaves it, the filter learns that it is good.
    """

    recipient: MailboxRecipient
    plan: Plan
    facts: AccountFacts
    prefix: bytes
    answers: Answers = field(default_factory=dict)
    needs: int = 0
    rules: tuple[Rule, ...] = ()
    duplicate_keys: tuple[str, ...] = ()
    held_back: HeldBack | None = None
    problems: tuple[ProblemNotice, ...] = ()
    is_answered: bool = True
    report: Prepared | None = None
    is_for_desk: bool = False
    is_unsure: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryPlan:
    """The plan for all recipients of one message, in their order."""

    arrival: Arrival
    at: datetime
    about: About
    recipients: tuple["RecipientPlan", ...]


@dataclass(frozen=True, slots=True)
class TopicDraft:
    """The plan for the address of a topic: a draft of a newsletter, or the reason why it is refused.

    Attributes:
        name, address, language: of the editor who sent it.
        notice: the word to them.
    """

    recipient: TopicRecipient
    problem: str
    name: str = ""
    address: str = ""
    language: str = ""
    subject: str = ""
    text: str = ""
    notice: Prepared | None = None


RecipientPlan = MailboxPlan | DeskRecipient | ReturnedBounce | TopicDraft


class PlanOutdated(Exception):
    """The plan rests on something that has changed since; nothing has been written."""
