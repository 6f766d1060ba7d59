"""The glossary: the nouns of the service, as frozen values.

Times are UTC datetimes named `at`; sizes are octets (RFC 822 form, with CRLF).  Rows of the database
never leave `mailcore.store`; what leaves it is one of these.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NewType

AccountId = NewType("AccountId", int)
MailboxId = NewType("MailboxId", int)

GIB = 2**30


class AccountState(StrEnum):
    """State of an Account: a closed one may come back, of an erased one nothing is left but the number."""

    ACTIVE = "active"
    CLOSED = "closed"
    ERASED = "erased"


@dataclass(frozen=True, slots=True)
class Account:
    """The owner of Addresses, Mailboxes, Credentials, Scripts and a quota.

    `person` is the immutable id of the directory, None when unknown.  `quota` is in octets, 0 = unlimited.
    `main_address` is empty until one of several addresses was chosen.  `asleep`: no password alone opens it (N30).
    """

    id: AccountId
    name: str
    display_name: str
    person: str | None
    quota: int
    used: int
    language: str
    contact: str
    state: AccountState
    created_at: datetime
    main_address: str = ""
    asleep: bool = False

    def address(self, domain: str) -> str:
        """Return the address that the owner writes under: the one that was chosen, else the user name at the site's domain."""
        return self.main_address or f"{self.name}@{domain}"

    @property
    def percent(self) -> int:
        return self.used * 100 // self.quota if self.quota else 0


class Scope(StrEnum):
    """Services that a Credential opens."""

    IMAP = "imap"
    SMTP = "smtp"
    SIEVE = "sieve"
    PORTAL = "portal"
    CONTACTS = "contacts"


PROTOCOLS = {Scope.IMAP: "IMAP", Scope.SMTP: "SMTP", Scope.SIEVE: "ManageSieve", Scope.CONTACTS: "CardDAV"}
PROGRAM_SCOPES = frozenset(PROTOCOLS)  # what an app password may open


SPECIAL_USES = ("\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash")  # of RFC 6154, that a mailbox can have here


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An IMAP mailbox.  `special_use` is an attribute of RFC 6154 such as `\\Sent`, or empty.

    `keywords` holds at least those that its messages have.  `recent` is the first UID that no session has claimed
    as \\Recent (imap/recent.py).
    """

    id: MailboxId
    account: AccountId
    name: str
    uidvalidity: int
    uidnext: int
    modseq: int
    messages: int
    unseen: int
    octets: int
    special_use: str
    subscribed: bool

    @property
    def object_id(self) -> str:
        """RFC 8474: the same as long as the mailbox lives, whatever it is called; UIDVALIDITY is never used twice."""
        return f"F{self.uidvalidity}"

    keywords: frozenset[str] = frozenset()
    recent: int = 1


@dataclass(frozen=True, slots=True)
class MessageInfo:
    """A Message without its octets.  `flags` holds system flags and keywords as IMAP writes them."""

    uid: int
    flags: frozenset[str]
    modseq: int
    internal_date: datetime
    size: int
    blob: int


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
    """

    percent: float | None = None
    junk: bool = False
    reply: str = ""
    fields: bytes = b""
    reasons: tuple[str, ...] = ()
    unsure: bool = False


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


Recipient = MailboxRecipient | DeskRecipient | ReturnedBounce


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
    """

    address: str
    outcome: Outcome
    mailboxes: tuple[str, ...] = ()
    reason: str = ""
    refusal: Refusal = Refusal.RULE
    opened: int | None = None


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
    """One recipient of one outgoing message.  `account` is the local author or forwarder, if any."""

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


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a QueueItem, with the peer's own words."""

    at: datetime
    host: str
    code: int
    reply: str


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


class OrderState(StrEnum):
    """State of an Order."""

    SUBMITTED = "submitted"
    AWAITING_PROOF = "awaiting proof"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Order:
    """A request for an account.

    `person` where a log-in elsewhere has proved it, `proof` what did; `confirmed`: the contact address has answered.
    """

    id: int
    name: str
    display_name: str
    contact: str
    affiliation: str
    state: OrderState
    language: str
    created_at: datetime
    account: AccountId | None = None
    person: str = ""
    proof: str = ""
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Proven:
    """Proof of a person's identity, by a log-in elsewhere, as an order that is accepted at once needs it.

    `source` is `directory` or an OpenID provider; `mark` stands for the person there.  `person` is the immutable id, ""
    where the university does not know the person.
    """

    source: str
    person: str
    display_name: str = ""
    login: str = ""
    kinds: tuple[str, ...] = ()
    mark: str = ""


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


class ImportState(StrEnum):
    """State of a file of accounts that an administrator imports."""

    PREVIEW = "preview"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class AccountImport:
    """A file of accounts to create; `position` of its `total` accounts have been looked at, `created` of these were created."""

    id: int
    actor: str
    name: str
    at: datetime
    state: ImportState
    total: int
    position: int
    created: int

    @property
    def left_out(self) -> int:
        return self.position - self.created


@dataclass(frozen=True, slots=True)
class NewsletterTopic:
    """A topic of newsletters, which each owner agrees to or not; `names` by language."""

    id: int
    names: dict[str, str]
    subscribers: int


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


@dataclass(frozen=True, slots=True)
class Affiliation:
    """A person's tie to the university as the directory had it last (`checked_at`); `until` where it knows the end.

    `blocked`: in quarantine there.  `returned`: was absent for long, and is to be confirmed by the account's owner.
    """

    person: str
    login: str
    kinds: tuple[str, ...]
    until: date | None
    present: bool
    blocked: bool = False
    returned: bool = False
    checked_at: int = 0


@dataclass(frozen=True, slots=True)
class Identity:
    """An authenticated account, and what authenticated it: `source` is `alumni`, `app`, or the name of another password database.

    `credential` is the app password that was used.  `epoch` is the account's at that moment: it grows whenever all
    connections must end, as after a change of password.  `ended`: the password was right, but the tie that it belongs
    to has ended; it is good for choosing an alumni password, and for nothing else.  `breached`: others try the password.
    """

    account: Account
    source: str
    credential: int | None = None
    epoch: int = 0
    ended: bool = False
    breached: bool = False


class RegistrationKind(StrEnum):
    """Kinds of outside services at which somebody is registered."""

    ACCOUNT = "account"
    PURCHASE = "purchase"
    BANK = "bank"
    PUBLIC = "public"
    NEWSLETTER = "newsletter"
    LIST = "list"


@dataclass(frozen=True, slots=True)
class Registration:
    """An outside service that writes to an account's address, as found in its mail.

    Attributes:
        key: its host, or `list:` and the identifier of a mailing list.
        link: a page where the address is changed, or the service's front page.
        mailbox, uid: its newest message.
        done: the owner has changed the address there, or need not.
    """

    key: str
    host: str
    name: str
    kind: RegistrationKind
    first_at: datetime
    last_at: datetime
    address: str
    link: str
    mailbox: str
    uid: int
    done: bool


@dataclass(frozen=True, slots=True)
class Correspondent:
    """A person who writes to an account, or was written to.

    `state` is "" or, for the message that tells of a new address, `chosen`, `sent` or `failed`.
    """

    address: str
    name: str
    received: int
    written: int
    last_at: datetime
    state: str = ""
