"""Word of new mail to browsers that are not looking: asked for, taken back, and the service worker that shows it."""

import json

from flask import Response, flash, g, redirect, request
from flask_babel import gettext as _
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as BaseResponse

from mailcore.services.webmail import push
from portal import current, i18n
from portal.access import owner_only, public, same_for_all
from portal.addresses import url_for
from portal.request_values import number
from portal.stylesheet import STATIC
from portal.webmail.views import blueprint


@blueprint.post("/mail/push")
@owner_only
def add_browser() -> BaseResponse:
    """Tell the browser with this `endpoint` of a push service from now on."""
    core, owner = current.core(), current.owner().id
    push.add_browser(core, owner, request.form.get("endpoint", ""), request.user_agent.string)
    flash(_("This browser tells you about new mail from now on."))
    return _back()


@blueprint.post("/mail/push/remove")
@owner_only
def remove_browser() -> BaseResponse:
    push.remove_browser(current.core(), current.owner().id, number(request.form.get("id")))
    flash(_("The browser is not told any more."))
    return _back()


def _back() -> BaseResponse:
    return redirect(url_for("webmail.settings") + "#notifications", 303)


@blueprint.get("/mail/push-<language>.js")
@same_for_all
@public
def push_worker(language: str) -> Response:
    """The service worker, with its words inside: a browser runs it while no page is open."""
    if language not in i18n.LANGUAGES:
        raise NotFound
    g.catalogue = i18n.catalogue(language)
    rest = {
        "body": _("You have new mail."),
        "lang": language,
        "tag": "mail",
        "icon": url_for("static", filename="icon-180.png"),
    }
    words = json.dumps({"title": "Alumnimail", "rest": rest})
    code = f"const WORDS = {words};\n" + (STATIC / "push-worker.js").read_text(encoding="utf-8")
    return Response(code, content_type="text/javascript; charset=utf-8", headers={"Cache-Control": "no-cache"})
