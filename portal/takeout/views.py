"""Everything out, and mail from elsewhere in (N17).  Plain forms; the page tells how far it is and asks again by itself."""

from flask import Blueprint, Response, make_response, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from mailcore.errors import MailError
from mailcore.services.transfer import takeout, transfers, uploads
from portal import current, downloads
from portal.access import Large, owner_only, takes
from portal.addresses import url_for
from portal.errors import answer

blueprint = Blueprint("takeout", __name__)
Answer = str | BaseResponse | tuple[str, int]
REFRESH_SECONDS = 5
MAX_UPLOAD = 8 * 2**30
STALLED_SECONDS = 120  # a browser that takes no block in that time has gone away


def _page(problem: object = "", code: int = 200) -> Response:
    core, owner = current.core(), current.owner().id
    found = transfers.list_transfers(core, owner)
    page = make_response(
        render_template(
            "takeout/index.html",
            contents=takeout.count_contents(core, owner),
            problem=problem,
            can_fetch=core.config.imports.enabled,
            transfers=[(one, transfers.read_report(one), transfers.may_resume(core, one)) for one in found],
        ),
        code,
    )
    if code == 200 and any(one.state == "running" for one in found):
        page.headers["Refresh"] = str(REFRESH_SECONDS)
    return page


@blueprint.get("/takeout")
@owner_only
def index() -> Response:
    return _page()


@blueprint.post("/takeout/file")
@owner_only
def file() -> BaseResponse:
    """Settle what the zip file will hold.  The password is asked for: an open browser must not give everything away."""
    core, owner = current.core(), current.owner()
    form = request.form.get("format", "")
    try:
        current.prove(request.form.get("password", ""))
        form = form if form in takeout.FORMS else takeout.FORMS[0]
        number = transfers.prepare_takeout(core, owner.id, form, small="small" in request.form)
    except MailError as problem:
        code, words = answer(problem)
        return _page(words, code)
    return redirect(url_for("takeout.fetch", number=number), 303)


@blueprint.get("/takeout/file/<int:number>")
@owner_only
def fetch(number: int) -> Response:
    """Send the zip file while it is written; one that broke off goes on where it broke (RFC 9110 section 14.2)."""
    core, owner = current.core(), current.owner().id
    wanted = request.headers.get("Range", "")
    found = transfers.find_takeout(core, owner, number, measure=bool(wanted))
    start = _start(found)
    if start and found.length is not None and start >= found.length:
        return Response(status=416, headers={"Content-Range": f"bytes */{found.length}"})
    if connection := request.environ.get("gunicorn.socket"):
        connection.settimeout(STALLED_SECONDS)
    blocks = transfers.read_blocks(core, owner, found, start) if request.method == "GET" else iter(())
    made = Response(blocks, 206 if start else 200, content_type="application/zip")
    downloads.name_file(made, found.name)
    if not found.plan.small:
        made.headers.update({"ETag": f'"{found.mark}"', "Accept-Ranges": "bytes"})
    if found.length is not None:
        made.content_length = found.length - start
    if start:
        made.headers["Content-Range"] = f"bytes {start}-{(found.length or 0) - 1}/{found.length}"
    return made


def _start(found: transfers.ReadyTakeout) -> int:
    """Return where the browser wants to go on; 0 for the whole, also when the file would be another one by now."""
    span = request.range
    if span is None or span.units != "bytes" or len(span.ranges) != 1 or found.length is None:
        return 0
    first, last = span.ranges[0]
    known = request.headers.get("If-Range", f'"{found.mark}"')
    return first if known == f'"{found.mark}"' and first >= 0 and last is None else 0


@blueprint.post("/takeout/go-on/<int:number>")
@owner_only
def go_on(number: int) -> BaseResponse:
    transfers.resume_import(current.core(), current.owner().id, number)
    return redirect(url_for("takeout.index") + "#transfers", 303)


@blueprint.post("/takeout/bring")
@takes(Large(lambda _core: MAX_UPLOAD, named=True))
@owner_only
def bring() -> Answer:
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        return _page(_("Choose a file first."), 400)
    path = uploads.keep_upload(current.core(), sent.stream)
    try:
        transfers.start_import(
            current.core(), current.owner().id, path, sent.filename, request.form.get("mailbox", "").strip()
        )
    except MailError as problem:
        code, words = answer(problem)
        return _page(words, code)
    return redirect(url_for("takeout.index") + "#transfers", 303)
