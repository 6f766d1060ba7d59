"""Facts that stand around every page: incidents, the announced end, the warning of leaving, when a page last changed."""

from typing import cast

from flask import current_app, g, request

from mailcore.domain import Incident, PageFacts
from mailcore.errors import Busy
from mailcore.services.accounts import affiliations, leaving, sunset
from mailcore.services.operations import page_views, service_status
from portal.current import core, owner, peer, web_session


def leaving_banner() -> leaving.Outlook | None:
    """Return the warning for somebody whom the university's password let in; None for all others (N9)."""
    if g.get("account") is None or web_session().source not in affiliations.UNIVERSITY:
        return None
    return leaving.find_outlook(core(), owner().id)


def incidents() -> list[Incident]:
    """List what is out of order, for the head of every page; empty while the database is (which is seen anyway)."""
    try:
        return service_status.list_current(core())
    except Busy:
        return []


def ending() -> sunset.Sunset | None:
    """The announced end of the service, once a request; while the database is away, as this process read it last."""
    if "ending" not in g:
        known = current_app.extensions
        try:
            g.ending = known["ending"] = sunset.find_current(core())
        except Busy:
            g.ending = known.get("ending")
    return cast(sunset.Sunset | None, g.ending)


def page_facts() -> PageFacts | None:
    if request.path not in page_views.PAGES:
        return None
    try:
        return page_views.get_facts(core(), request.path)
    except Busy:
        return None


def count_visit() -> None:
    """A person's GET of a public page, once a day."""
    prefetch = request.headers.get("Sec-Purpose") or request.headers.get("Purpose")
    if request.method == "GET" and not prefetch:
        page_views.count_view(core(), request.path, peer=peer(), agent=request.user_agent.string)
