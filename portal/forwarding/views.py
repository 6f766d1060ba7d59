"""Automatic forwarding to an outside address (S24 to S26)."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from mailcore.domain import Forwarding, ForwardingState, Scope
from mailcore.errors import MailError
from mailcore.services import forwarding, login
from portal import web
from portal.errors import answer
from portal.forwarding.forms import EmptyForm, ForwardingForm

blueprint = Blueprint("forwarding", __name__)
Answer = str | BaseResponse | tuple[str, int]


def _state_words(wish: Forwarding) -> str:
    return {
        ForwardingState.UNCONFIRMED: _(
            "Waiting: we have written to %(target)s and forward nothing until the link there is used.",
            target=wish.target,
        ),
        ForwardingState.HEALTHY: _("On: your mail goes on to %(target)s.", target=wish.target),
        ForwardingState.FAILING: _(
            "Trouble: %(target)s does not take our mail at the moment. It is kept here.", target=wish.target
        ),
        ForwardingState.PAUSED: _(
            "Paused: %(target)s refused our mail again and again. It is kept here.", target=wish.target
        ),
        ForwardingState.OFF: _("Off: your mail stays here."),
    }[wish.state]


def _page(form: ForwardingForm, problem: object = "", code: int = 200) -> Answer:
    wish = forwarding.get(web.core(), web.owner().id)
    page = render_template(
        "forwarding/index.html", form=form, stop=EmptyForm(), wish=wish, state=_state_words(wish), problem=problem
    )
    return page, code


@blueprint.get("/forwarding")
@web.login_required
def index() -> Answer:
    wish = forwarding.get(web.core(), web.owner().id)
    return _page(ForwardingForm(target=wish.target, copy=wish.copy))


@blueprint.post("/forwarding")
@web.login_required
def save() -> Answer:
    form = ForwardingForm()
    if not form.validate_on_submit():
        return _page(form, code=400)
    try:
        login.authenticate(web.core(), web.owner().name, form.password.data, peer=web.peer(), scope=Scope.PORTAL)
        forwarding.wish(web.core(), web.owner().id, form.target.data, copy=form.copy.data, actor=web.owner().name)
    except MailError as trouble:
        code, words = answer(trouble)
        return _page(form, words, code)
    flash(_("Saved."))
    return redirect(url_for("forwarding.index"))


@blueprint.post("/forwarding/stop")
@web.login_required
def stop() -> Answer:
    """No password: stopping harms nobody, and must be easy."""
    forwarding.stop(web.core(), web.owner().id)
    flash(_("Forwarding is stopped. New mail stays here."))
    return redirect(url_for("forwarding.index"))


@blueprint.get("/forwarding/confirm/<token>")
def ask(token: str) -> Answer:
    """A button only: programs that look at links in mail must not agree for anyone."""
    return render_template("forwarding/confirm.html", form=EmptyForm(), done=False)


@blueprint.post("/forwarding/confirm/<token>")
def confirm(token: str) -> Answer:
    forwarding.confirm(web.core(), token)
    return render_template("forwarding/confirm.html", form=EmptyForm(), done=True)
