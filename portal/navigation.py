"""Navigation: the main menu, the side menus of settings, of the desk and of administration.

A page appears in a menu as soon as its endpoint exists; a page whose endpoint stands in SETTINGS, DESK or ADMIN shows that menu.
"""

from dataclasses import dataclass
from typing import Any

from flask import current_app, g, request
from flask_babel import lazy_gettext as _l

from mailcore.domain import Mailbox
from mailcore.services.accounts import accounts
from portal import surroundings
from portal.addresses import url_for

Words = Any  # flask-babel's LazyString, which has no types


@dataclass(frozen=True, slots=True)
class Place:
    """`group`: other endpoints that belong to the place, by their blueprint or by name."""

    endpoint: str
    words: Words
    icon: str
    group: tuple[str, ...] = ()


SETTINGS = (
    Place("account.index", _l("Account"), "user", ("account",)),
    Place("signin.password", _l("Password"), "key"),
    Place("forwarding.index", _l("Forwarding"), "forward", ("forwarding",)),
    Place("vacation.index", _l("Away"), "clock", ("vacation",)),
    Place("filters.index", _l("Filters"), "filter", ("filters",)),
    Place("quota.index", _l("Quota"), "gauge", ("quota",)),
    Place("trace.index", _l("Tracing mail"), "route", ("trace",)),
    Place("takeout.index", _l("Take your mail with you"), "download", ("takeout", "imports", "moving")),
)
DESK = (
    Place("desk.index", _l("Overview"), "desk"),
    Place("desk.cases", _l("Cases"), "faq", ("desk.case", "desk.header")),
    Place("desk.people", _l("People"), "people", ("desk.person", "desk.recover")),
    Place("desk.order_list", _l("Orders"), "order"),
    Place("desk.address_list", _l("Addresses"), "mail"),
    Place("desk.risk", _l("At risk"), "warn"),
    Place("desk.recoveries", _l("Second agent"), "shield"),
)
ADMIN = (
    Place("admin.index", _l("Overview"), "gauge"),
    Place("admin.accounts", _l("Accounts"), "people", ("admin.account", "admin.new", "admin.act_on")),
    Place("admin.bring", _l("Import"), "download", ("admin.brought",)),
    Place("admin.queue", _l("Queue"), "route", ("admin.destination",)),
    Place("admin.domain", _l("Domain"), "shield", ("admin.dkim", "admin.certificate")),
    Place("admin.jobs", _l("Jobs"), "clock"),
    Place("admin.log", _l("Log"), "log"),
    Place("admin.plots", _l("Figures"), "chart", ("admin.plot", "admin.quota_spread")),
    Place("admin.texts", _l("Texts"), "faq", ("admin.text", "admin.status_line", "admin.tags")),
    Place("admin.topics", _l("Newsletters"), "mail", ("admin.topic",)),
    Place("admin.webhooks", _l("Webhooks"), "forward", ("admin.webhook", "admin.webhook_key")),
    Place("admin.settings", _l("Settings"), "settings"),
)
ADMINISTRATOR = "admin"  # the role
ENDING = Place("desk.ending", _l("The end of the service"), "clock")  # while it is announced
HELP = (
    Place("help.faq", _l("Questions and answers"), "faq"),
    Place("help.clients", _l("Set up a mail program"), "phone"),
    Place("help.index", _l("Write to us"), "help"),
)
ABOUT = (
    Place("front.privacy", _l("Privacy"), "shield"),
    Place("front.accessibility", _l("Accessibility"), "people"),
)

_BOXES = {
    "\\Drafts": "draft",
    "\\Sent": "sent",
    "\\Junk": "junk",
    "\\Trash": "trash",
    "\\Archive": "archive",
    "\\Flagged": "flag",
}


def mailbox_icon(box: Mailbox) -> str:
    return "inbox" if box.name == "INBOX" else _BOXES.get(box.special_use, "box")


def is_here(place: Place) -> bool:
    endpoint = request.endpoint or ""
    return endpoint == place.endpoint or endpoint in place.group or endpoint.partition(".")[0] in place.group


def entries(places: tuple[Place, ...]) -> list[tuple[str, Words, str, bool]]:
    """Address, words, icon, and whether it is the page that is shown."""
    known = current_app.view_functions
    return [
        (url_for(place.endpoint), place.words, place.icon, is_here(place))
        for place in places
        if place.endpoint in known
    ]


def main_menu() -> list[tuple[str, Words, str]]:
    """Address, words, and the value of aria-current."""
    account = g.get("account")
    places: tuple[Place, ...]
    if account is None:
        places = (
            Place("signin.login", _l("Log in"), "key"),
            Place("orders.order", _l("Order an account"), "order", ("orders",)),
            Place("help.faq", _l("Questions"), "faq"),
            Place("help.index", _l("Help"), "help", ("tickets",)),
        )
    else:
        settings = tuple(place.endpoint for place in SETTINGS) + tuple(
            name for place in SETTINGS for name in place.group
        )
        places = (
            Place("webmail.index", _l("Mail"), "mail", ("webmail",)),
            Place("account.index", _l("Settings"), "settings", settings),
            Place("help.index", _l("Help"), "help", ("help", "tickets")),
        )
        if web_role():
            places = (*places, Place("desk.index", _l("Help desk"), "desk", ("desk",)))
        if web_role() == ADMINISTRATOR:
            places = (*places, Place("admin.index", _l("Administration"), "gauge", ("admin",)))
    current = request.endpoint
    known = current_app.view_functions
    return [
        (url_for(p.endpoint), p.words, ("page" if p.endpoint == current else "true") if is_here(p) else "")
        for p in places
        if p.endpoint in known
    ]


def web_role() -> str:
    """`desk`, `admin` or "", asked once a request."""
    if "role" not in g:
        account = g.get("account")
        g.role = accounts.get_role(current_app.extensions["core"], account.id) if account else ""
    return str(g.role)


def side_menu() -> tuple[Words, list[tuple[str, Words, str, bool]]] | None:
    """The menu beside this page, if it has one."""
    if g.get("account") is None:
        return None
    if (request.endpoint or "").startswith("desk."):
        return _l("Help desk"), entries((*DESK, ENDING) if surroundings.ending() else DESK)
    if (request.endpoint or "").startswith("admin."):
        return _l("Administration"), entries(ADMIN)
    if any(is_here(place) for place in SETTINGS):
        return _l("Settings"), entries(SETTINGS)
    return None
