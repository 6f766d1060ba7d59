"""Events of an account, in the words of the person who reads them.

The log saves a word for each kind of event, and details as data (services/audit.py); a kind that this program does not
know, from before an upgrade, is shown as it was written.
"""

import re
from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext

from mailcore.services.audit import AuditEntry, Event
from portal import formats

Words = Any  # flask-babel's LazyString, which has no types

WORDS: dict[str, Words] = {
    Event.ACCOUNT_BOUND: _l("The account was linked to a person at the university"),
    Event.ACCOUNT_CLOSED: _l("The account was closed"),
    Event.ACCOUNT_ERASED: _l("The account was erased"),
    Event.ACCOUNT_MADE: _l("The account was created"),
    Event.ACCOUNTS_IMPORTED: _l("Accounts were imported from a file"),
    Event.ACCOUNT_REOPENED: _l("The account was opened again"),
    Event.ADDRESS_ADDED: _l("An address was added"),
    Event.ADDRESS_MAIN: _l("Another address was chosen to write from"),
    Event.ADDRESS_REFUSED: _l("The help desk refused an address"),
    Event.ADDRESS_REMOVED: _l("An address was removed"),
    Event.APP_PASSWORD_MADE: _l("An app password was created"),
    Event.APP_PASSWORD_WITHDRAWN: _l("App passwords were withdrawn"),
    Event.CONSENT_GIVEN: _l("A newsletter was agreed to"),
    Event.CONSENT_WITHDRAWN: _l("A newsletter was left"),
    Event.SUBSCRIBERS_EXPORTED: _l("The list of a newsletter was taken out"),
    Event.TOPIC_CREATED: _l("A topic of newsletters was created"),
    Event.TOPIC_ENDED: _l("A topic of newsletters was ended"),
    Event.TOPIC_CHANGED: _l("The address for answers to newsletters was changed"),
    Event.EDITOR_ADDED: _l("May write newsletters of a topic"),
    Event.EDITOR_REMOVED: _l("May no longer write newsletters of a topic"),
    Event.NEWSLETTER_WRITTEN: _l("A newsletter was written"),
    Event.NEWSLETTER_DELETED: _l("A draft of a newsletter was deleted"),
    Event.NEWSLETTER_TESTED: _l("A test message of a newsletter was sent"),
    Event.NEWSLETTER_SCHEDULED: _l("A newsletter was scheduled"),
    Event.NEWSLETTER_TAKEN_BACK: _l("A scheduled newsletter was made a draft again"),
    Event.NEWSLETTER_BEGUN: _l("The sending of a newsletter began"),
    Event.NEWSLETTER_STOPPED: _l("The sending of a newsletter was stopped"),
    Event.NEWSLETTER_RESUMED: _l("The sending of a newsletter was resumed"),
    Event.NEWSLETTER_SENT: _l("A newsletter was sent"),
    Event.NEWSLETTER_CORRECTED: _l("A newsletter was corrected"),
    Event.CONTACT_ADDRESS: _l("The contact address was changed"),
    Event.CONTACT_ADDRESS_LOST: _l("A contact address was taken off, as its server says that it does not exist"),
    Event.CONTACT_ADDRESS_PROPOSED: _l("A link was sent to a new contact address"),
    Event.CONTACT_ADDRESS_REMOVED: _l("A contact address was removed"),
    Event.CONTACT_ADDRESS_VERIFIED: _l("A contact address was confirmed"),
    Event.DKIM_ROTATED: _l("A step of the rotation of DKIM keys was taken"),
    Event.JOB_ASKED_FOR: _l("A recurring job was run out of turn"),
    Event.LOG_EXPORTED: _l("The log was exported"),
    Event.DIRECTORY_CONFIRMED: _l("The new account at the university was confirmed"),
    Event.DIRECTORY_SYNC_STOPPED: _l("The reading of the directory was stopped"),
    Event.ASKED_OF_LEGACY: _l("You were asked what should happen to the account"),
    Event.FELL_ASLEEP: _l("The account fell asleep, as nobody had used it for a long time"),
    Event.SAID_HERE: _l("You told us that you still use the account"),
    Event.TOLD_OF_SLEEP: _l("You were told that the account will fall asleep"),
    Event.WOKEN: _l("The account was woken"),
    Event.FILTERS_SAVED: _l("Filters were saved"),
    Event.FORWARDING_ASKED_AGAIN: _l("The forwarding's target was asked once more"),
    Event.FORWARDING_CONFIRMED: _l("The forwarding was confirmed by its target"),
    Event.FORWARDING_PAUSED: _l("The forwarding was paused"),
    Event.FORWARDING_SET: _l("A forwarding was set up"),
    Event.FORWARDING_STOPPED: _l("The forwarding was stopped"),
    Event.FORWARDING_STOPPED_BY_TARGET: _l("The forwarding was stopped by its target"),
    Event.FORWARDING_TESTED: _l("The forwarding was tested"),
    Event.FORWARDING_TEST_FOUND: _l("You told us where the test message was"),
    Event.FORWARDING_UNANSWERED: _l("The forwarding ended, as its target did not answer"),
    Event.FORWARDING_UNREACHABLE: _l("The forwarding's target could not be asked"),
    Event.FORWARDING_YEARLY: _l("The forwarding's target was asked again after a year"),
    Event.KEPT_COPIES_EXPIRED: _l("Kept copies of forwarded mail were deleted"),
    Event.LOGGED_OUT_EVERYWHERE: _l("All others were logged out"),
    Event.LOG_IN_LINKED: _l("A log-in elsewhere was linked"),
    Event.LOG_IN_UNLINKED: _l("A log-in elsewhere was unlinked"),
    Event.LOOKED: _l("The help desk looked at the account's details"),
    Event.MAIL_IMPORTED: _l("Mail was imported"),
    Event.NAME_CHANGED: _l("The name was changed"),
    Event.NAME_OFFERED: _l("The university told us of a new name"),
    Event.ORDERED: _l("The account was ordered"),
    Event.ORDER_APPROVED: _l("The order was approved"),
    Event.ORDER_PROOF: _l("The help desk asked for documentation"),
    Event.ORDER_REJECTED: _l("An order was rejected"),
    Event.PAGE_TAGGED: _l("Audience and topic of a page were changed"),
    Event.PASSWORD_LINK_ASKED_FOR: _l("A link for a forgotten password was requested"),
    Event.PASSWORD_LINK_MADE: _l("Staff created a link to choose a password"),
    Event.PASSWORD_SET: _l("The password was changed"),
    Event.PASSWORD_SET_BY_LINK: _l("The password was changed by a link"),
    Event.QUEUE_BOUNCED: _l("Outgoing messages were given up, and their senders told"),
    Event.QUEUE_HELD: _l("Outgoing messages were put on hold"),
    Event.QUEUE_RETRIED: _l("Outgoing messages were sent again"),
    Event.QUOTA_CHANGED: _l("The quota was changed"),
    Event.QUOTA_GRANT_ENDED: _l("The larger quota ended"),
    Event.QUOTA_LOAN: _l("More room was borrowed"),
    Event.QUOTA_LOAN_ENDED: _l("The borrowed room ended"),
    Event.RECOVERY_AGREED: _l("A second agent agreed to let the owner in; two-step log-in was turned off"),
    Event.RECOVERY_BEGUN: _l("The help desk began to let the owner in again"),
    Event.RECOVERY_CODES_MADE: _l("Recovery codes were created"),
    Event.RECOVERY_CODE_USED: _l("A recovery code was used"),
    Event.RECOVERY_LINK_ISSUED: _l("The help desk created a link to choose a new password"),
    Event.RECOVERY_REFUSED: _l("A second agent refused to let somebody in"),
    Event.REMINDED_OF_CONTACT: _l("You were reminded to confirm a contact address"),
    Event.REMINDED_OF_CODES: _l("You were reminded to print recovery codes"),
    Event.REMINDED_OF_PASSWORD: _l("You were reminded to choose an alumni password"),
    Event.REMINDED_OF_TAKE_OUT: _l("You were reminded that you can take your mail out"),
    Event.ROLE_GIVEN: _l("A role of staff was given or taken"),
    Event.ROOM_MADE: _l("Mail was removed to make room"),
    Event.SCRIPT_ACTIVATED: _l("A script was activated"),
    Event.SCRIPT_SAVED: _l("A script was saved"),
    Event.SECOND_FACTOR_ADDED: _l("A method of two-step log-in was added"),
    Event.SECOND_FACTOR_REMOVED: _l("A method of two-step log-in was removed"),
    Event.PASSKEY_ADDED: _l("A passkey was added"),
    Event.PASSKEY_REMOVED: _l("A passkey was removed"),
    Event.SENDING_HELD: _l("Sending was put on hold"),
    Event.SENDING_RELEASED: _l("Sending was allowed again"),
    Event.TOKEN_CREATED: _l("A token for a program was created"),
    Event.TOKEN_DELETED: _l("A token of a program was deleted"),
    Event.STUFFING: _l("Somebody tried stolen passwords"),
    Event.PASSWORD_BREACHED: _l("The password was found in a list of breaches"),
    Event.STATUS_ANNOUNCED: _l("A status message was announced"),
    Event.STATUS_ENDED: _l("A status message was ended"),
    Event.TEXT_REMOVED: _l("A text of the site gave way to the one that comes with the program"),
    Event.TEXT_SAVED: _l("A text of the site was saved"),
    Event.SUNSET_ANNOUNCED: _l("The end of the service was announced"),
    Event.SUNSET_LETTER: _l("A letter on paper about the end of the service was sent"),
    Event.SUNSET_READ: _l("You read about the end of the service"),
    Event.SUNSET_TAKEN_BACK: _l("You were told that the service continues"),
    Event.SUNSET_TOLD: _l("You were told of the end of the service"),
    Event.SUNSET_WITHDRAWN: _l("The end of the service was withdrawn"),
    Event.TAKEN_OUT: _l("Everything was downloaded as a file"),
    Event.TICKET_OPENED: _l("A case was opened at the help desk"),
    Event.WEBHOOK_ADDED: _l("A webhook was added"),
    Event.WEBHOOK_CHANGED: _l("A webhook was changed"),
    Event.WEBHOOK_REMOVED: _l("A webhook was removed"),
    Event.VACATION_OFF: _l("The away message was turned off"),
    Event.VACATION_ON: _l("The away message was turned on"),
}
ROLES: dict[str, Words] = {"": _l("no role"), "desk": _l("help desk"), "admin": _l("administrator")}
_ROLES_LOGGED = {role or "none": words for role, words in ROLES.items()}  # as services/accounts writes them
_NAMED: dict[str, dict[str, Words]] = {
    Event.SUNSET_READ: {
        "button": _l("by the button"),
        "mailbox": _l("in the mailbox"),
        "desk": _l("as the help desk was told"),
    },
    Event.FORWARDING_TEST_FOUND: {
        "inbox": _l("found in the inbox"),
        "spam": _l("found in the junk mail"),
        "missing": _l("not found"),
    },
    Event.SENDING_RELEASED: {"dropped": _l("what was held back was discarded")},
    Event.REMINDED_OF_PASSWORD: {"twice": _l("twice a year"), "gone": _l("after you had left the university")},
    Event.ROLE_GIVEN: _ROLES_LOGGED,
}
_ACTORS = {
    "service": _l("the service"),
    "sync": _l("the service"),
    "end of the service": _l("the service"),
    "command line": _l("staff, on the command line"),
    "cli": _l("staff, on the command line"),
}


def words(entry: AuditEntry) -> str | None:
    """Describe an event; None: a kind that is not known."""
    known = WORDS.get(entry.event)
    return str(known) if known is not None else None


def actor(entry: AuditEntry) -> str:
    """Name the person who did it, "" for the owner or the service."""
    return str(_ACTORS.get(entry.actor, entry.actor))


def detail(entry: AuditEntry) -> str:
    """More about it."""
    text = entry.detail
    if named := _NAMED.get(entry.event, {}).get(text):
        return str(named)
    for pattern, told in _PATTERNS:
        if found := re.fullmatch(pattern, text):
            return told(entry, found)
    return text


def _room(_entry: AuditEntry, found: re.Match[str]) -> str:
    return _("%(count)s messages, %(size)s", count=found[1], size=formats.size(int(found[2])))


def _imported(entry: AuditEntry, found: re.Match[str]) -> str:
    return f"{found[1]}: {_room(entry, re.fullmatch(_ROOM, found[2]) or found)}"


def _octets(_entry: AuditEntry, found: re.Match[str]) -> str:
    return formats.size(int(found[1]))


def _quota(_entry: AuditEntry, found: re.Match[str]) -> str:
    new, old = (formats.size(int(octets)) if int(octets) else _("unlimited") for octets in (found[1], found[2]))
    if found[3]:
        return _(
            "%(new)s until %(day)s, before %(old)s", new=new, old=old, day=formats.day(date.fromisoformat(found[3]))
        )
    return _("%(new)s, before %(old)s", new=new, old=old)


def _terms(entry: AuditEntry, found: re.Match[str]) -> str:
    if entry.event == Event.ORDER_APPROVED:
        return _("order %(number)s, terms %(version)s", number=found[1], version=found[2])
    return _("by %(provider)s, terms %(version)s", provider=found[1], version=found[2])


def _number(entry: AuditEntry, found: re.Match[str]) -> str:
    if entry.event == Event.TOLD_OF_SLEEP:
        return _("%(days)s days before", days=found[0])
    if entry.event == Event.ASKED_OF_LEGACY:
        return _("after %(months)s months", months=found[0])
    if entry.event == Event.REMINDED_OF_PASSWORD:
        return _("%(days)s days before the university password stops", days=found[0])
    return _("number %(number)s", number=found[0]) if entry.event == Event.TICKET_OPENED else found[0]


def _role(_entry: AuditEntry, found: re.Match[str]) -> str:
    new, old = (_ROLES_LOGGED.get(role, role) for role in (found[1], found[2]))
    return _("%(new)s, before %(old)s", new=new, old=old)


def _browsers(_entry: AuditEntry, found: re.Match[str]) -> str:
    return str(ngettext("%(num)s browser", "%(num)s browsers", int(found[1])))


def _import(_entry: AuditEntry, found: re.Match[str]) -> str:
    return _("%(created)s created, %(left)s left out", created=found[1], left=found[2])


def _queue(_entry: AuditEntry, found: re.Match[str]) -> str:
    return _("%(count)s to %(domain)s: %(numbers)s", count=found[1], domain=found[2], numbers=found[3])


def _day(_entry: AuditEntry, found: re.Match[str]) -> str:
    return formats.day(date.fromisoformat(found[0]))


_ROOM = r"(\d+) messages, (\d+) octets"
_PATTERNS = (
    (_ROOM, _room),
    (rf"(\w+): ({_ROOM})", _imported),
    (r"(\d+) octets", _octets),
    (r"(\d+) octets, before (\d+)(?:, until (\d{4}-\d\d-\d\d))?", _quota),
    (r"(none|desk|admin), before (none|desk|admin)", _role),
    (r"(\d+) browsers", _browsers),
    (r"(\d+) to (\S+), before [a-z ]+: ([\d, .]+)", _queue),
    (r"(\d+) created, (\d+) left out", _import),
    (r"([\w-]+), terms ([\w.-]+)", _terms),
    (r"\d{1,9}", _number),
    (r"\d{4}-\d\d-\d\d", _day),
)
