"""The audit log: each action on an account, by whom and when, for its owner and for the help desk."""
# ruff: noqa: S105 - events that tell of passwords are none

from enum import StrEnum

from mailcore.core import Core
from mailcore.domain import AccountId, WebhookKind
from mailcore.services import webhook_events
from mailcore.services.webhook_events import Facts
from mailcore.store.engine.db import Tx
from mailcore.store.people.audit import (
    AuditEntry,
    AuditFilter,
    AuditLine,
    insert_audit_entry,
    list_audit_entries,
    search_audit_entries,
)

__all__ = [
    "COMMAND_LINE",
    "AuditEntry",
    "AuditFilter",
    "AuditLine",
    "Event",
    "export_entries",
    "list_entries",
    "note",
    "search_entries",
]
MOST_EXPORTED = 50_000
COMMAND_LINE = "command line"  # the actor who works at the server itself


class Event(StrEnum):
    """Events that are recorded; portal/account/events.py has the words that people read."""

    ACCOUNT_BOUND = "account bound to a person"
    ACCOUNT_CLOSED = "account closed"
    ACCOUNT_ERASED = "account erased"
    ACCOUNT_MADE = "account made"
    ACCOUNTS_IMPORTED = "accounts imported"
    ACCOUNT_REOPENED = "account opened again"
    ADDRESS_ADDED = "address added"
    ADDRESS_MAIN = "address to write under"
    ADDRESS_REFUSED = "address refused"
    ADDRESS_REMOVED = "address removed"
    APP_PASSWORD_MADE = "app password made"
    APP_PASSWORD_WITHDRAWN = "app password withdrawn"
    CONSENT_GIVEN = "consent given"
    CONSENT_WITHDRAWN = "consent withdrawn"
    SUBSCRIBERS_EXPORTED = "subscribers exported"
    NEWSLETTER_WRITTEN = "newsletter written"
    NEWSLETTER_DELETED = "newsletter deleted"
    NEWSLETTER_TESTED = "newsletter: test sent"
    NEWSLETTER_SCHEDULED = "newsletter scheduled"
    NEWSLETTER_TAKEN_BACK = "newsletter taken back"
    NEWSLETTER_BEGUN = "newsletter: sending begun"
    NEWSLETTER_STOPPED = "newsletter stopped"
    NEWSLETTER_RESUMED = "newsletter resumed"
    NEWSLETTER_SENT = "newsletter sent"
    NEWSLETTER_CORRECTED = "newsletter corrected"
    TOPIC_CREATED = "topic created"
    TOPIC_CHANGED = "topic changed"
    EDITOR_ADDED = "editor of a topic added"
    EDITOR_REMOVED = "editor of a topic removed"
    TOPIC_ENDED = "topic ended"
    CONTACT_ADDRESS = "contact address"
    CONTACT_ADDRESS_LOST = "contact address lost"
    CONTACT_ADDRESS_PROPOSED = "contact address proposed"
    CONTACT_ADDRESS_REMOVED = "contact address removed"
    CONTACT_ADDRESS_VERIFIED = "contact address verified"
    DKIM_ROTATED = "dkim keys rotated"
    JOB_ASKED_FOR = "job: a turn now"
    LOG_EXPORTED = "log exported"
    DIRECTORY_CONFIRMED = "directory account confirmed"
    DIRECTORY_SYNC_STOPPED = "directory sync stopped"
    ASKED_OF_LEGACY = "asked what shall become of the account"
    FELL_ASLEEP = "fell asleep"
    SAID_HERE = "said to be here"
    TOLD_OF_SLEEP = "told of sleep"
    WOKEN = "woken"
    FILTERS_SAVED = "filters saved"
    FORWARDING_ASKED_AGAIN = "forwarding asked again"
    FORWARDING_CONFIRMED = "forwarding confirmed"
    FORWARDING_PAUSED = "forwarding paused"
    FORWARDING_SET = "forwarding set"
    FORWARDING_STOPPED = "forwarding stopped"
    FORWARDING_STOPPED_BY_TARGET = "forwarding stopped by its target"
    FORWARDING_TESTED = "forwarding tested"
    FORWARDING_TEST_FOUND = "forwarding test found"
    FORWARDING_UNANSWERED = "forwarding ended: its target did not answer"
    FORWARDING_UNREACHABLE = "forwarding's question could not be delivered"
    FORWARDING_YEARLY = "forwarding asked again after a year"
    KEPT_COPIES_EXPIRED = "kept copies expired"
    LOGGED_OUT_EVERYWHERE = "logged out everywhere"
    LOG_IN_LINKED = "log-in linked"
    LOG_IN_UNLINKED = "log-in unlinked"
    LOOKED = "looked at by the help desk"
    MAIL_IMPORTED = "mail imported"
    NAME_CHANGED = "name changed"
    NAME_OFFERED = "name changed in the directory"
    ORDERED = "ordered"
    ORDER_APPROVED = "order approved"
    ORDER_PROOF = "order: proof asked for"
    ORDER_REJECTED = "order rejected"
    PAGE_TAGGED = "page tagged"
    PASSWORD_LINK_ASKED_FOR = "password link asked for"
    PASSWORD_LINK_MADE = "password link made"
    PASSWORD_SET = "password set"
    PASSWORD_SET_BY_LINK = "password set by link"
    QUEUE_BOUNCED = "queue: given up"
    QUEUE_HELD = "queue: held"
    QUEUE_RETRIED = "queue: sent again"
    QUOTA_CHANGED = "quota changed"
    QUOTA_GRANT_ENDED = "quota grant ended"
    QUOTA_LOAN = "quota loan"
    QUOTA_LOAN_ENDED = "quota loan ended"
    RECOVERY_AGREED = "recovery agreed to; second factors removed"
    RECOVERY_BEGUN = "recovery begun"
    RECOVERY_CODES_MADE = "recovery codes made"
    RECOVERY_CODE_USED = "recovery code used"
    RECOVERY_LINK_ISSUED = "recovery link issued"
    RECOVERY_REFUSED = "recovery refused"
    REMINDED_OF_CONTACT = "reminded to confirm a contact address"
    REMINDED_OF_CODES = "reminded to print recovery codes"
    REMINDED_OF_PASSWORD = "reminded to choose an alumni password"
    REMINDED_OF_TAKE_OUT = "reminded of take-out"
    ROLE_GIVEN = "role given"
    ROOM_MADE = "room made"
    SCRIPT_ACTIVATED = "script activated"
    SCRIPT_SAVED = "script saved"
    SECOND_FACTOR_ADDED = "second factor added"
    SECOND_FACTOR_REMOVED = "second factor removed"
    PASSKEY_ADDED = "passkey added"
    PASSKEY_REMOVED = "passkey removed"
    SENDING_HELD = "sending held"
    SENDING_RELEASED = "sending released"
    STUFFING = "wave of stolen passwords"
    PASSWORD_BREACHED = "password found in a list of breaches"
    STATUS_ANNOUNCED = "status announced"
    STATUS_ENDED = "status ended"
    TEXT_REMOVED = "text removed"
    TEXT_SAVED = "text saved"
    SUNSET_ANNOUNCED = "end of the service announced"
    SUNSET_LETTER = "end of the service: letter sent"
    SUNSET_READ = "end of the service: read"
    SUNSET_TAKEN_BACK = "end of the service: withdrawn"
    SUNSET_TOLD = "end of the service: told"
    SUNSET_WITHDRAWN = "end of the service withdrawn"
    TAKEN_OUT = "taken out"
    TICKET_OPENED = "ticket opened"
    TOKEN_CREATED = "token of a program created"
    TOKEN_DELETED = "token of a program deleted"
    VACATION_OFF = "vacation off"
    VACATION_ON = "vacation on"
    WEBHOOK_ADDED = "webhook added"
    WEBHOOK_CHANGED = "webhook changed"
    WEBHOOK_REMOVED = "webhook removed"


# what programs of the university are told of
_WEBHOOKS = {
    Event.ACCOUNT_MADE: WebhookKind.ACCOUNT_CREATED,
    Event.ACCOUNT_CLOSED: WebhookKind.ACCOUNT_CLOSED,
    Event.ACCOUNT_REOPENED: WebhookKind.ACCOUNT_REOPENED,
    Event.ACCOUNT_ERASED: WebhookKind.ACCOUNT_ERASED,
    Event.ADDRESS_ADDED: WebhookKind.ADDRESS_ADDED,
    Event.ADDRESS_MAIN: WebhookKind.ADDRESS_CHANGED,
    Event.ADDRESS_REMOVED: WebhookKind.ADDRESS_REMOVED,
    Event.CONSENT_GIVEN: WebhookKind.CONSENT_GIVEN,
    Event.CONSENT_WITHDRAWN: WebhookKind.CONSENT_WITHDRAWN,
    Event.TOPIC_ENDED: WebhookKind.TOPIC_ENDED,
}
_NO_FACTS: Facts = {}


def note(
    core: Core,
    tx: Tx,
    account: AccountId | None,
    event: Event,
    *,
    actor: str = "",
    detail: str = "",
    facts: Facts = _NO_FACTS,
) -> None:
    """Record an event in the transaction of the action itself.  No passwords, no message text.

    Args:
        facts: of the change, for programs that are told of it (webhooks).
    """
    insert_audit_entry(tx, account, core.clock.seconds(), actor, event, detail)
    if (kind := _WEBHOOKS.get(event)) is not None:
        webhook_events.save_event(core, tx, kind, account, facts)


def search_entries(core: Core, wanted: AuditFilter, before: int = 0, limit: int = 50) -> list[AuditLine]:
    """List the entries of the whole site that are wanted, newest first."""
    return core.db.read(lambda tx: search_audit_entries(tx, wanted, before, limit))


def export_entries(core: Core, wanted: AuditFilter, *, actor: str) -> list[AuditLine]:
    """List the newest `MOST_EXPORTED` entries that are wanted, and record that they were taken out."""

    def write(tx: Tx) -> list[AuditLine]:
        lines = search_audit_entries(tx, wanted, 0, MOST_EXPORTED)
        insert_audit_entry(tx, None, core.clock.seconds(), actor, Event.LOG_EXPORTED, f"{len(lines)} entries")
        return lines

    return core.db.write(write)


def list_entries(core: Core, account: AccountId, limit: int = 100) -> list[AuditEntry]:
    """List the events of an account, newest first."""
    return core.db.read(lambda tx: list_audit_entries(tx, account, limit))
