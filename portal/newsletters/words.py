"""Words for the states of newsletters and for what is counted of them."""

from typing import Any

from flask_babel import lazy_gettext as _l

from mailcore.domain import NewsletterState

Words = Any  # flask-babel's LazyString, which has no types

STATES: dict[NewsletterState, Words] = {
    NewsletterState.DRAFT: _l("draft"),
    NewsletterState.SCHEDULED: _l("scheduled"),
    NewsletterState.SENDING: _l("being sent"),
    NewsletterState.STOPPED: _l("stopped"),
    NewsletterState.SENT: _l("sent to all"),
}
KINDS = {
    NewsletterState.DRAFT: "",
    NewsletterState.SCHEDULED: "info",
    NewsletterState.SENDING: "info",
    NewsletterState.STOPPED: "warn",
    NewsletterState.SENT: "good",
}
COUNTS: dict[str, Words] = {
    "filed": _l("Put into a mailbox here"),
    "forwarded": _l("Sent on to another address"),
    "delivered": _l("Taken by the server there"),
    "refused": _l("Refused by the server there"),
    "returned": _l("Returned later"),
    "complaints": _l("Marked as spam"),
    "unsent": _l("Not wanted by a filter of the reader"),
    "corrected": _l("Replaced by a correction"),
}
PLOTTED: dict[str, Words] = {
    "filed": _l("Here"),
    "forwarded": _l("Sent on"),
    "returned": _l("Returned"),
    "complaints": _l("Spam"),
}
