"""Answers that HTMX puts in the place of a part of a page.  Without it each is a page of its own, and nothing is lost.

A page that says `{% set uses_htmx = True %}` brings HTMX (templates/layout.html) and `static/in-place.js`, which says what
becomes of errors.  A form or a link with `hx-boost` changes `main` in its place; where the answer belongs to another part of
the site, as the log-in of somebody whose session has ended, the browser goes there.
"""

import hashlib
from urllib.parse import urlsplit

from flask import Flask, Response
from flask.globals import request_ctx
from htmx_flask import request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

MOVED = (301, 302, 303, 307, 308)


def wants_part() -> bool:
    """Say if a part of the page is asked for alone; on the way back a browser asks for all of it."""
    return bool(request.htmx) and not request.htmx.boosted and not request.htmx.history_restore_request


def mark_of(*shown: object) -> str:
    """Return a hash of what a part or a form shows; whoever asks for news, or changes it, sends it back."""
    return hashlib.sha256(repr(shown).encode("utf-8", "replace")).hexdigest()[:12]


def has_seen(mark: str) -> bool:
    return wants_part() and request.args.get("seen") == mark


def no_news() -> tuple[str, int]:
    """Answer that what is shown stays as it is: HTMX puts nothing in its place."""
    return "", 204


def register(app: Flask) -> None:
    app.after_request(_leave_part_of_site)


def _leave_part_of_site(response: Response) -> Response:
    """Send the browser to a page that cannot stand within the one that it shows; what is said there is said once."""
    if not request.htmx or response.status_code not in MOVED or _leads_within(response.location or ""):
        return response
    response.headers["HX-Redirect"] = response.headers.pop("Location")
    response.status_code = 204
    response.set_data(b"")
    return response


def _leads_within(location: str) -> bool:
    """Say if an address is one of the blueprint that answers."""
    target, adapter = urlsplit(location), request_ctx.url_adapter
    if adapter is None or target.netloc not in ("", request.host):
        return False
    try:
        endpoint, _values = adapter.match(target.path.removeprefix(request.root_path), method="GET")
    except (HTTPException, RequestRedirect):
        return False
    return bool(endpoint.rpartition(".")[0] == request.blueprint)
