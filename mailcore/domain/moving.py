"""Nouns of moving in and out: imports, and what hangs on an address."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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
