"""Nouns of newsletters."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class NewsletterTopic:
    """A topic of newsletters, which each owner agrees to or not.

    Attributes:
        names: by language.
        slug: its word in the topic's address and in List-Id.
        reply_to: where readers' answers go; "" = the help desk.
    """

    id: int
    names: dict[str, str]
    slug: str = ""
    reply_to: str = ""


class NewsletterState(StrEnum):
    """State of a Newsletter; one that is stopped has reached some subscribers and waits for its editor."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    STOPPED = "stopped"
    SENT = "sent"


@dataclass(frozen=True, slots=True)
class NewsletterCounts:
    """Counts of subscribers, and of what the servers of forwarding targets answered.

    Attributes:
        filed: have it in a mailbox here.
        forwarded: have a copy on its way to their target, perhaps beside the one here.
        unsent: have none, as their own filter refused or discarded it.
        delivered, refused: copies that the target's server took, or did not.
        returned: copies that it took, and sent back afterwards.
        complaints: copies that the reader called spam.
        corrected: copies that a correction replaced.
    """

    filed: int = 0
    forwarded: int = 0
    unsent: int = 0
    delivered: int = 0
    refused: int = 0
    returned: int = 0
    complaints: int = 0
    corrected: int = 0


@dataclass(frozen=True, slots=True)
class Newsletter:
    """One newsletter of a topic, from its draft on.

    Attributes:
        text: in the simple formatting of services/newsletters/writing.py.
        actor: user name of the editor who changed it last.
        position: the account that got it last; subscribers get it in the order of their numbers.
        is_correcting: a correction is on its way to those who have not read it.
    """

    id: int
    topic: int
    language: str
    subject: str
    text: str
    state: NewsletterState
    actor: str
    created_at: datetime
    changed_at: datetime
    send_at: datetime | None = None
    begun_at: datetime | None = None
    finished_at: datetime | None = None
    position: int = 0
    is_correcting: bool = False
    counts: NewsletterCounts = NewsletterCounts()
