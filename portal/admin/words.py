"""Words of administration in the reader's language."""

from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from mailcore.domain import QueueState, WebhookDeliveryState, WebhookKind, WebhookState
from mailcore.services.accounts.people_file import Fault
from mailcore.services.operations.attention import Finding, Trouble
from mailcore.services.operations.figures import Figure, Span
from mailcore.services.operations.settings_list import Source
from mailcore.services.operations.webhook_post import NO_KEY, SILENT, UNKNOWN_HOST, UNREACHABLE, UNTRUSTED

Words = Any  # flask-babel's LazyString, which has no types

# where each trouble is looked into
PLACES: dict[Trouble, str] = {
    Trouble.JOB_FAILED: "admin.jobs",
    Trouble.JOB_LATE: "admin.jobs",
    Trouble.DNS_MISSING: "admin.domain",
    Trouble.DNS_SILENT: "admin.domain",
    Trouble.CERTIFICATE_ENDS: "admin.domain",
    Trouble.CERTIFICATE_UNREADABLE: "admin.domain",
    Trouble.QUEUE_OLD: "admin.queue",
    Trouble.SENDING_HELD: "admin.accounts",
}
FAULTS: dict[Fault, Words] = {
    Fault.NAME: _l("cannot be a user name"),
    Fault.RESERVED: _l("is a reserved name"),
    Fault.QUOTA: _l("the quota is not valid"),
    Fault.ADDRESS: _l("has an address that cannot be one here"),
    Fault.PASSWORD: _l("the hash of the password cannot be read"),
    Fault.LONG: _l("a cell is too long"),
    Fault.TWICE: _l("the name or the person is in the file twice"),
    Fault.TAKEN: _l("is taken, or was somebody's before"),
    Fault.PERSON_TAKEN: _l("the person has an account"),
}
RECORD_STATES: dict[str, Words] = {
    "right": _l("right"),
    "missing": _l("missing"),
    "wrong": _l("wrong"),
    "unknown": _l("DNS did not answer"),
}
KEY_STATES: dict[str, Words] = {"signs": _l("signs our mail"), "next": _l("comes next"), "retired": _l("retired")}
SOURCES: dict[Source, Words] = {
    Source.DEFAULT: _l("default"),
    Source.HERE: _l("settings file"),
    Source.FILE: _l("a file of its own"),
    Source.ENVIRONMENT: _l("environment"),
}
TEXT_KINDS: dict[str, Words] = {"faq": _l("Questions and answers"), "canned": _l("Standard answers")}
LEVELS: dict[str, Words] = {
    "info": _l("for information"),
    "warn": _l("something does not work"),
    "bad": _l("nothing works"),
}
AUDIENCES: dict[str, Words] = {
    "students": _l("Students"),
    "staff": _l("Staff"),
    "alumni": _l("Alumni"),
    "everyone": _l("Everyone"),
}
TOPICS: dict[str, Words] = {"e-mail": _l("E-mail"), "account": _l("Account"), "help": _l("Help")}
FIGURES: dict[str, Words] = {
    "deliveries": _l("Incoming mail"),
    "spam": _l("Spam"),
    "forwards": _l("Forwardings"),
    "queue-age": _l("Age of the queue"),
    "log-ins": _l("Log-ins"),
    "responses": _l("Response times"),
    "quota": _l("Use of quotas"),
}
SPANS: dict[Span, Words] = {Span.DAY: _l("Day"), Span.WEEK: _l("Week"), Span.YEAR: _l("Year")}
SERIES: dict[tuple[Figure, str], Words] = {
    (Figure.DELIVERIES, "filed"): _l("filed"),
    (Figure.DELIVERIES, "forwarded"): _l("forwarded"),
    (Figure.DELIVERIES, "rejected"): _l("refused"),
    (Figure.DELIVERIES, "discarded"): _l("discarded"),
    (Figure.SPAM, "spam"): _l("spam"),
    (Figure.SPAM, "other"): _l("other mail"),
    (Figure.FORWARDS, "healthy"): _l("work"),
    (Figure.FORWARDS, "unconfirmed"): _l("wait for the target’s answer"),
    (Figure.FORWARDS, "failing"): _l("fail"),
    (Figure.FORWARDS, "paused"): _l("paused"),
    (Figure.QUEUE_AGE, "oldest"): _l("oldest message"),
    (Figure.LOGINS, "right"): _l("logged in"),
    (Figure.LOGINS, "wrong"): _l("wrong password"),
    (Figure.RESPONSES, "0.1"): _l("within 0.1 s"),
    (Figure.RESPONSES, "0.3"): _l("within 0.3 s"),
    (Figure.RESPONSES, "1"): _l("within 1 s"),
    (Figure.RESPONSES, "3"): _l("within 3 s"),
    (Figure.RESPONSES, "more"): _l("slower"),
}
QUEUE_STATES: dict[QueueState, Words] = {
    QueueState.WAITING: _l("waiting"),
    QueueState.HELD: _l("on hold"),
    QueueState.CAPTURED: _l("captured, not sent"),
    QueueState.GIVEN_UP: _l("given up"),
}
WEBHOOK_STATES: dict[WebhookState, Words] = {
    WebhookState.ON: _l("on"),
    WebhookState.OFF: _l("off"),
    WebhookState.GONE: _l("ended by its server"),
}
WEBHOOK_KINDS: dict[WebhookKind, Words] = {
    WebhookKind.ACCOUNT_CREATED: _l("new account"),
    WebhookKind.ACCOUNT_CLOSED: _l("closed account"),
    WebhookKind.ACCOUNT_REOPENED: _l("account opened again"),
    WebhookKind.ACCOUNT_ERASED: _l("erased account"),
    WebhookKind.ADDRESS_ADDED: _l("new address"),
    WebhookKind.ADDRESS_CHANGED: _l("another main address"),
    WebhookKind.ADDRESS_REMOVED: _l("removed address"),
    WebhookKind.CONSENT_GIVEN: _l("consent to a newsletter"),
    WebhookKind.CONSENT_WITHDRAWN: _l("consent withdrawn"),
    WebhookKind.TOPIC_ENDED: _l("end of a topic"),
    WebhookKind.TEST: _l("test"),
}
WEBHOOK_DELIVERY_STATES: dict[WebhookDeliveryState, Words] = {
    WebhookDeliveryState.WAITING: _l("waiting"),
    WebhookDeliveryState.DELIVERED: _l("delivered"),
    WebhookDeliveryState.GIVEN_UP: _l("given up"),
}
# answers that are no status of HTTP
WEBHOOK_ANSWERS: dict[str, Words] = {
    UNKNOWN_HOST: _l("no address that may be asked"),
    UNREACHABLE: _l("cannot be reached"),
    UNTRUSTED: _l("its certificate is not trusted"),
    SILENT: _l("did not answer in time"),
    NO_KEY: _l("its key is missing: make a new one"),
}
STATES: dict[str, Words] = {"active": _l("in use"), "closed": _l("closed, may come back"), "erased": _l("erased")}


def describe_finding(finding: Finding) -> str:
    """Say in a sentence what is wrong."""
    count = finding.count
    match finding.trouble:
        case Trouble.JOB_FAILED:
            return str(ngettext("%(num)s recurring job failed.", "%(num)s recurring jobs failed.", count))
        case Trouble.JOB_LATE:
            return str(
                ngettext(
                    "%(num)s recurring job is more than an hour late.",
                    "%(num)s recurring jobs are more than an hour late.",
                    count,
                )
            )
        case Trouble.DNS_MISSING:
            return str(
                ngettext("%(num)s DNS record is missing or wrong.", "%(num)s DNS records are missing or wrong.", count)
            )
        case Trouble.DNS_SILENT:
            return _("DNS did not answer when it was last asked.")
        case Trouble.CERTIFICATE_ENDS if count < 0:
            return _("The certificate has expired. Mail programs refuse to connect.")
        case Trouble.CERTIFICATE_ENDS:
            return str(
                ngettext("The certificate expires in %(num)s day.", "The certificate expires in %(num)s days.", count)
            )
        case Trouble.CERTIFICATE_UNREADABLE:
            return _("The certificate cannot be read.")
        case Trouble.QUEUE_OLD:
            return str(
                ngettext(
                    "The oldest outgoing message has waited for %(num)s hour.",
                    "The oldest outgoing message has waited for %(num)s hours.",
                    count // 3600,
                )
            )
        case Trouble.DISK_FULL:
            return _("Only %(percent)s %% of the disk is free.", percent=count)
        case Trouble.BACKUP_OLD:
            return _("The last backup is %(days)s days old.", days=count)
        case Trouble.SENDING_HELD:
            return str(
                ngettext("Sending of %(num)s account is on hold.", "Sending of %(num)s accounts is on hold.", count)
            )


def describe_seconds(seconds: int) -> str:
    """Write a span of time in its largest unit."""
    if seconds >= 86_400:
        return str(ngettext("%(num)s day", "%(num)s days", seconds // 86_400))
    if seconds >= 3600:
        return str(ngettext("%(num)s hour", "%(num)s hours", seconds // 3600))
    if seconds >= 60:
        return str(ngettext("%(num)s minute", "%(num)s minutes", seconds // 60))
    return str(ngettext("%(num)s second", "%(num)s seconds", seconds))
