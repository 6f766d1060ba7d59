"""Everything out, and mail from elsewhere in (N17).  Plain forms; the page tells how far it is and asks again by itself."""

import os
import tempfile
from pathlib import Path

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from mailcore.domain import Scope
from mailcore.errors import MailError
from mailcore.services import login, takeout, transfers
from portal import web
from portal.errors import answer

blueprint = Blueprint("takeout", __name__)
Answer = str | BaseResponse | tuple[str, int]
MAX_UPLOAD = 8 * 2**30  # octets
REFRESH_SECONDS = 5


def _page(problem: object = "", code: int = 200) -> Response:
    core, owner = web.core(), web.owner().id
    found = transfers.latest(core, owner)
    page = make_response(
        render_template(
            "takeout/index.html", contents=takeout.contents(core, owner), problem=problem,
            transfers=[(one, transfers.report_of(one)) for one in found],
        ),  # fmt: skip
        code,
    )
    if code == 200 and any(one.state == "running" for one in found):
        page.headers["Refresh"] = str(REFRESH_SECONDS)
    return page


@blueprint.get("/takeout")
@web.login_required
def index() -> Response:
    return _page()


@blueprint.post("/takeout/file")
@web.login_required
def file() -> Response:
    """The zip file, made while it is sent.  The password is asked for: an open browser must not give everything away."""
    core, owner = web.core(), web.owner()
    form = request.form.get("format", "")
    try:
        login.authenticate(core, owner.name, request.form.get("password", ""), peer=web.peer(), scope=Scope.PORTAL)
        blocks = transfers.export(core, owner.id, form if form in takeout.FORMS else takeout.FORMS[0])
    except MailError as problem:
        code, words = answer(problem)
        return _page(words, code)
    made = Response(blocks, content_type="application/zip")
    day = core.clock.now().date().isoformat()
    made.headers.set("Content-Disposition", "attachment", filename=f"alumnimail-{owner.name}-{day}.zip")
    return made


@blueprint.post("/takeout/bring")
@web.login_required
def bring() -> Answer:
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        return _page(_("Choose a file first."), 400)
    handle, path = tempfile.mkstemp(dir=transfers.incoming(web.core()), prefix="in-")
    os.close(handle)
    sent.save(path)
    try:
        transfers.bring(web.core(), web.owner().id, Path(path), sent.filename, request.form.get("mailbox", "").strip())
    except MailError as problem:
        code, words = answer(problem)
        return _page(words, code)
    return redirect(url_for("takeout.index") + "#transfers", 303)
