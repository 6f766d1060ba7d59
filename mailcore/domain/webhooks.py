"""Nouns of webhooks: programs of the university that we tell of changes."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class WebhookKind(StrEnum):
    """Kinds of changes that programs are told of."""

    ACCOUNT_CREATED = "account.created"
    ACCOUNT_CLOSED = "account.closed"
    ACCOUNT_REOPENED = "account.reopened"
    ACCOUNT_ERASED = "account.erased"
    ADDRESS_ADDED = "address.added"
    ADDRESS_CHANGED = "address.changed"
    ADDRESS_REMOVED = "address.removed"
    CONSENT_GIVEN = "consent.given"
    CONSENT_WITHDRAWN = "consent.withdrawn"
    TOPIC_ENDED = "topic.ended"
    TEST = "test"


class WebhookState(StrEnum):
    """State of a Webhook; GONE: its server said 410 and is asked no more."""

    ON = "on"
    OFF = "off"
    GONE = "gone"


class WebhookDeliveryState(StrEnum):
    """State of a WebhookDelivery; one that is given up can be sent again."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    GIVEN_UP = "given up"


@dataclass(frozen=True, slots=True)
class Webhook:
    """A program that is told of changes.

    Attributes:
        kinds: that it wants to hear of.
        failures: tries in a row that its server did not answer.
        missed: changes that were not saved for it, as too many waited.
        waiting: deliveries that wait.
    """

    id: int
    label: str
    url: str
    kinds: tuple[WebhookKind, ...]
    state: WebhookState
    failures: int
    missed: int
    waiting: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """A change that a webhook is told of.

    Attributes:
        event: the id that the receiver sees, the same at each try.
        body: JSON.
        answer: of the last try, such as `204` or `timed out`, "" before the first.
    """

    id: int
    webhook: int
    event: str
    kind: WebhookKind
    body: str
    state: WebhookDeliveryState
    tries: int
    created_at: datetime
    next_at: datetime
    answer: str
    answered_at: datetime | None
