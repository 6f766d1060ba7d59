"""Nouns of people: accounts and what opens them, orders, the tie to the university."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from mailcore.domain.ids import AccountId

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
