"""Nouns of a message on its way: in by SMTP, out by the queue."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mailcore.domain.ids import AccountId


@dataclass(frozen=True, slots=True)
class Dsn:
    """Parameters of a recipient's delivery status notifications (RFC 3461), as the sender gave them; empty if none.

    `notify` is NEVER or a list such as `SUCCESS,FAILURE`; `ret` is FULL or HDRS; `orcpt` is `rfc822;address` with
    xtext decoded; `envid` is decoded too.
    """

    notify: str = ""
    ret: str = ""
    orcpt: str = ""
    envid: str = ""


@dataclass(frozen=True, slots=True)
class Envelope:
    """SMTP's envelope (RFC 5321 section 2.3.1).  The null sender is the empty string.

    `dsn` is by recipient, as written in `recipients`; who is missing there said nothing.  `require_tls` asks that the
    message travels by verified TLS or not at all (RFC 8689).
    """

    sender: str
    recipients: tuple[str, ...]
    peer: str = ""
    helo: str = ""
    authenticated: AccountId | None = None
    dsn: Mapping[str, Dsn] = field(default_factory=dict)
    require_tls: bool = False


class Disposition(StrEnum):
    """Treatment that the author's domain asks for when DMARC fails (RFC 7489 section 6.3)."""

    ACCEPT = "accept"
    JUNK = "junk"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Scan:
    """Result of the content filters for a message.

    Attributes:
        percent: how much it looks like spam, 0 to 100; None where no filter said so.
        junk: it is filed into Junk.
        reply: the SMTP reply that refuses it; empty = it is not refused.
        fields: header fields that the filters add above the message.
        reasons: the signs that said most, as our filter names them.
        unsure: our filter finds it a little like spam, and lets it through.
        bulk: numbers that it has in common with messages like it (mail/judging/bulk.py).
    """

    percent: float | None = None
    junk: bool = False
    reply: str = ""
    fields: bytes = b""
    reasons: tuple[str, ...] = ()
    unsure: bool = False
    bulk: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Result of SPF, DKIM and DMARC for a message; results in the words of RFC 8601.

    `policy` is what the author's domain publishes ("" = nothing); `field` is our Authentication-Results.
    A message that an account or the service itself submitted has the default: it is not from outside.
    `sealed`: DMARC passed at a server whose ARC seals the site believes.
    `judged`: what our own filter says of it for each owner, who may have taught it.
    """

    author: str = ""
    spf: str = "none"
    dkim: str = "none"
    dmarc: str = "none"
    policy: str = ""
    spf_aligned: bool = False
    dkim_aligned: bool = False
    several_authors: bool = False
    sealed: bool = False
    disposition: Disposition = Disposition.ACCEPT
    field: bytes = b""
    outside: bool = False
    scan: Scan = Scan()
    judged: tuple[tuple[AccountId, Scan], ...] = ()


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """Facts of an account on which every delivery to it rests.

    Attributes:
        used, quota: octets; a quota of 0 is unlimited.
        forwards: a confirmed forwarding takes the mail on at present.
        unsafe: the owner's choice for what could not pass DMARC at the target, "" = as the site has it.
        generated, personal: sources of the scripts, "" where there is none.
    """

    used: int = 0
    quota: int = 0
    forwards: bool = False
    unsafe: str = ""
    generated: str = ""
    personal: str = ""

    def has_settings_of(self, other: "AccountFacts") -> bool:
        """Compare all but the room."""
        return (self.forwards, self.unsafe, self.generated, self.personal) == (
            other.forwards,
            other.unsafe,
            other.generated,
            other.personal,
        )


@dataclass(frozen=True, slots=True)
class MailboxRecipient:
    """A local address that leads to an Account.

    `must_be_single`: nearly full: accept only as the sole recipient, since DATA has one reply for all.  `facts`: as they
    were when the address was looked up, where they are small.
    """

    address: str
    account: AccountId
    must_be_single: bool = False
    facts: AccountFacts | None = None


@dataclass(frozen=True, slots=True)
class DeskRecipient:
    """An address of the help desk, whose mail becomes a Ticket."""

    address: str


@dataclass(frozen=True, slots=True)
class ReturnedBounce:
    """An envelope sender that we made when forwarding; only reports come back to it."""

    address: str


@dataclass(frozen=True, slots=True)
class TopicRecipient:
    """An address of a topic of newsletters, to which one of its editors, who is logged in, mails a draft."""

    address: str
    topic: int
    editor: AccountId


Recipient = MailboxRecipient | DeskRecipient | ReturnedBounce | TopicRecipient


class Outcome(StrEnum):
    """Result of delivering one Envelope to one recipient."""

    FILED = "filed"
    FORWARDED = "forwarded"
    REJECTED = "rejected"
    DISCARDED = "discarded"


class Refusal(StrEnum):
    """Kind of a refusal, from which a protocol makes its reply."""

    RULE = "rule"  # the recipient's script, or the purpose of the address
    FULL = "full"
    LATER = "later"  # the help desk has had enough from there within the hour


@dataclass(frozen=True, slots=True)
class Delivered:
    """The answer for one recipient of an accepted message.

    Attributes:
        reason: for the sender when it is refused.
        opened: the help case that it opened, whose first letter is due now.
        account: whose mailbox it is, if it is one's.
    """

    address: str
    outcome: Outcome
    mailboxes: tuple[str, ...] = ()
    reason: str = ""
    refusal: Refusal = Refusal.RULE
    opened: int | None = None
    account: AccountId | None = None


class QueueState(StrEnum):
    """State of a QueueItem; one that a worker has its lease on is still waiting.

    GIVEN_UP: staff gave it up, and a worker is about to send the report.
    """

    WAITING = "waiting"
    HELD = "held"
    CAPTURED = "captured"
    GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True)
class QueueItem:
    """One recipient of one outgoing message.

    `account` is the local author or forwarder, if any; `mail_id` names the message that caused it, in the log.
    """

    id: int
    sender: str
    recipient: str
    blob: int
    prefix: bytes
    tries: int
    created_at: datetime
    next_at: datetime
    state: QueueState
    last_reply: str
    account: AccountId | None
    origin: str  # "submission", "forward", "vacation", "dsn", "notice", "report"
    delay_told: bool = False
    dsn: Dsn = Dsn()
    require_tls: bool = False
    mail_id: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a QueueItem, with the peer's own words."""

    at: datetime
    host: str
    code: int
    reply: str
