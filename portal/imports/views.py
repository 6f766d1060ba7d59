"""Fetch mail from another account: its server, its folders, and how far it has come (N32)."""

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, abort, flash, make_response, redirect, render_template, request, session
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from mailcore.errors import MailError
from mailcore.services.transfer import consents, mail_fetch
from portal import current
from portal.access import owner_only, public, same_for_all
from portal.addresses import url_for
from portal.errors import answer
from portal.imports.forms import FetchForm

blueprint = Blueprint("imports", __name__)
Answer = str | BaseResponse | tuple[str, int]
REFRESH_SECONDS = 5
MAX_CHOSEN = 5000
MOST_BEGUN = 5  # consents that one browser has begun, in as many tabs


def _page(form: FetchForm | None = None, problem: object = "", code: int = 200) -> Response:
    core, owner = current.core(), current.owner()
    if not core.config.imports.enabled:
        abort(404)
    fetches = mail_fetch.list_fetches(core, owner.id)
    shown = make_response(
        render_template(
            "imports/index.html",
            form=form or FetchForm(formdata=None),
            fetches=fetches,
            problems=mail_fetch.PROBLEMS,
            problem=problem,
            room=max(0, owner.quota - owner.used) if owner.quota else None,
            has_port=bool(core.config.imports.networks),
            providers=consents.list_providers(core),
        ),
        code,
    )
    if code == 200 and any(fetch.state.value in ("listing", "running") for fetch in fetches):
        shown.headers["Refresh"] = str(REFRESH_SECONDS)
    return shown


@blueprint.get("/import")
@same_for_all
@public
def by_short_name() -> BaseResponse:
    """Lead to the page from the name that it was promised under."""
    return redirect(url_for("imports.index"), 302)


@blueprint.get("/imports")
@owner_only
def index() -> Response:
    return _page()


@blueprint.post("/imports")
@owner_only
def start() -> BaseResponse:
    form = FetchForm()
    if not form.validate_on_submit():
        return _page(form, code=400)
    try:
        mail_fetch.start_fetch(
            current.core(),
            current.owner().id,
            form.host.data or "",
            form.user.data or "",
            form.password.data or "",
            form.port.data or mail_fetch.PORT,
        )
    except MailError as problem:
        code, words = answer(problem)
        return _page(form, words, code)
    return redirect(url_for("imports.index") + "#imports", 303)


@blueprint.post("/imports/<int:number>/folders")
@owner_only
def folders(number: int) -> BaseResponse:
    try:
        mail_fetch.choose_folders(
            current.core(), current.owner().id, number, request.form.getlist("folder")[:MAX_CHOSEN]
        )
    except MailError as problem:
        code, words = answer(problem)
        return _page(problem=words, code=code)
    return redirect(url_for("imports.index") + "#imports", 303)


@blueprint.post("/imports/<int:number>/pause")
@owner_only
def pause(number: int) -> BaseResponse:
    mail_fetch.pause_fetch(current.core(), current.owner().id, number)
    return redirect(url_for("imports.index") + "#imports", 303)


@blueprint.post("/imports/<int:number>/resume")
@owner_only
def resume(number: int) -> BaseResponse:
    try:
        mail_fetch.resume_fetch(current.core(), current.owner().id, number, request.form.get("password", ""))
    except MailError as problem:
        code, words = answer(problem)
        return _page(problem=words or _("Give the password there once more."), code=code)
    return redirect(url_for("imports.index") + "#imports", 303)


@blueprint.post("/imports/<int:number>/remove")
@owner_only
def remove(number: int) -> BaseResponse:
    mail_fetch.remove_fetch(current.core(), current.owner().id, number)
    return redirect(url_for("imports.index") + "#imports", 303)


# Consent at a provider: links, not forms, as the page's policy lets forms lead to this host alone


@blueprint.get("/imports/consent/<name>")
@owner_only
def consent(name: str) -> BaseResponse:
    return _send_there(*consents.begin_consent(current.core(), current.owner().id, name))


@blueprint.get("/imports/<int:number>/consent")
@owner_only
def consent_again(number: int) -> BaseResponse:
    return _send_there(*mail_fetch.begin_again(current.core(), current.owner().id, number))


def _send_there(address: str, pending: consents.Pending) -> BaseResponse:
    session["consents"] = [*_list_begun(), asdict(pending)][-MOST_BEGUN:]
    return redirect(address, 303)


def _list_begun() -> list[dict[str, Any]]:  # Any: JSON
    return session.get("consents") or []


@blueprint.get("/imports/callback")
@owner_only
def callback() -> BaseResponse:
    """The browser is back from the provider; each consent that was begun is answered once."""
    state, begun = request.args.get("state", ""), _list_begun()
    pending = next((one for one in begun if one["state"] == state), None)
    session["consents"] = [one for one in begun if one is not pending]
    back = redirect(url_for("imports.index") + "#imports", 303)
    if pending is None:
        flash(_("That answer is not to a question of ours, or came too late. Begin again."))
        return back
    if request.args.get("error"):
        flash(_("You did not consent there, so nothing is fetched."))
        return back
    try:
        mail_fetch.start_by_consent(
            current.core(),
            current.owner().id,
            consents.Pending(**pending),
            code=request.args.get("code", ""),
            state=state,
        )
    except MailError as problem:
        code, words = answer(problem)
        return _page(problem=words, code=code)
    return back
