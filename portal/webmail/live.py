"""Live updates where there is JavaScript: server-sent events that say "look"; reloading does the rest elsewhere."""

from flask import Response, current_app, request

from mailcore.errors import TooMany
from mailcore.services.webmail import live as service
from mailcore.services.webmail.live import Hub
from portal import current
from portal.access import owner_only
from portal.request_values import number
from portal.webmail.views import blueprint


@blueprint.app_template_global()
def newest_change() -> int:
    """Return the newest change, for a page to ask for what comes after it."""
    return service.find_newest_change(current.core())


@blueprint.get("/mail/live")
@owner_only
def live() -> Response:
    """204 tells the browser not to ask again: the script then looks now and then."""
    hub: Hub = current_app.extensions.setdefault("mail_live", Hub())
    try:
        events = hub.events(current.core(), current.owner().id, number(request.args.get("since"), -1))
    except TooMany:
        return Response(status=204)
    answer = Response(events, content_type="text/event-stream")
    answer.headers["Cache-Control"] = "no-cache"
    answer.headers["X-Accel-Buffering"] = "no"
    return answer
