"""Nouns of mailboxes and the messages in them."""

from dataclasses import dataclass
from datetime import datetime

from mailcore.domain.ids import AccountId, MailboxId

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
