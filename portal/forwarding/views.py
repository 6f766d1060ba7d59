"""Automatic forwarding to an outside address: one page that a person understands (S24 to S27, N1 to N5)."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from mailcore.domain import Forwarding, ForwardingState
from mailcore.errors import MailError
from mailcore.services import audit
from mailcore.services.forwarding import forwarding, forwarding_health
from mailcore.services.limits.mail_limits import Cause
from mailcore.services.sieve_scripts import filters
from portal import web
from portal.asked import number
from portal.errors import answer
from portal.forwarding import words
from portal.forwarding.forms import EmptyForm, ForwardingForm

blueprint = Blueprint("forwarding", __name__)
Answer = str | BaseResponse | tuple[str, int]
HISTORY = 20


def _page(form: ForwardingForm, problem: object = "", code: int = 200, code_problem: object = "") -> Answer:
    core, owner = web.core(), web.owner().id
    wish = forwarding.get(core, owner)
    found = forwarding_health.health(core, owner)
    history = [entry for entry in audit.list_entries(core, owner) if entry.event.startswith("forwarding")]
    page = render_template(
        "forwarding/index.html",
        form=form,
        button=EmptyForm(),
        wish=wish,
        state=words.state(wish),
        problem=problem,
        code_problem=code_problem,
        reason=words.reason(wish),
        advice=words.advice(wish),
        found=found,
        sentence=words.health(wish, found),
        words=words,
        history=history[:HISTORY],
        own_script=any(script.active for script in filters.scripts(core, owner)),
        full=core.config.quota.full_and_forwarding,
    )
    return page, code


def _form(wish: Forwarding) -> ForwardingForm:
    if wish.state is ForwardingState.OFF:
        return ForwardingForm()
    return ForwardingForm(
        target=wish.target, copy=wish.copy, rolling_days=str(wish.rolling_days), unsafe=wish.unsafe, digest=wish.digest
    )


def _cause() -> Cause:
    return Cause(web.owner().id, web.peer())


@blueprint.get("/forwarding")
@web.login_required
def index() -> Answer:
    return _page(_form(forwarding.get(web.core(), web.owner().id)))


@blueprint.post("/forwarding")
@web.login_required
def save() -> Answer:
    form = ForwardingForm()
    if not form.validate_on_submit():
        return _page(form, code=400)
    try:
        web.prove(form.password.data)
        forwarding.wish(
            web.core(),
            web.owner().id,
            form.target.data,
            copy=form.copy.data,
            actor=web.owner().name,
            unsafe=form.unsafe.data,
            digest=form.digest.data,
            rolling_days=int(form.rolling_days.data),
            cause=_cause(),
        )
    except MailError as trouble:
        code, told = answer(trouble)
        return _page(form, told, code)
    flash(_("Saved."))
    return redirect(url_for("forwarding.index"))


@blueprint.post("/forwarding/stop")
@web.login_required
def stop() -> Answer:
    """No password: stopping harms nobody, and must be easy."""
    forwarding.stop(web.core(), web.owner().id)
    flash(_("Forwarding is stopped. New mail stays here."))
    return redirect(url_for("forwarding.index"))


@blueprint.post("/forwarding/again")
@web.login_required
def again() -> Answer:
    """Ask the target once more, or take up a paused forwarding to the address that agreed."""
    owner = web.owner()
    wish = forwarding.get(web.core(), owner.id)
    if wish.state is ForwardingState.PAUSED:
        forwarding.wish(web.core(), owner.id, wish.target, copy=wish.copy, actor=owner.name, cause=_cause())
        flash(_("Forwarding goes on. If mail is refused again, it is paused again."))
    else:
        forwarding.ask_again(web.core(), owner.id, cause=_cause())
        flash(_("We have written to %(target)s again.", target=wish.target))
    return redirect(url_for("forwarding.index"))


@blueprint.post("/forwarding/code")
@web.login_required
def code() -> Answer:
    """The code of the question, typed by its owner who has read it at the target."""
    try:
        wish = forwarding.confirm_by_code(web.core(), web.owner().id, request.form.get("code", ""))
    except MailError as trouble:
        status, told = answer(trouble)
        return _page(_form(forwarding.get(web.core(), web.owner().id)), code_problem=told, code=status)
    flash(_("Confirmed. From now on mail goes on to %(target)s.", target=wish.target))
    return redirect(url_for("forwarding.index"))


@blueprint.post("/forwarding/test")
@web.login_required
def test() -> Answer:
    """Send a test message, or say where the last one was found."""
    found, probe = request.form.get("found", ""), number(request.form.get("probe"))
    if found:
        forwarding_health.tell(web.core(), web.owner().id, probe, found)
        flash(_("Thank you."))
    else:
        sent = forwarding_health.send_probe(web.core(), web.owner().id)
        flash(
            _("A test message with the code %(code)s is on its way to %(target)s.", code=sent.code, target=sent.target)
        )
    return redirect(url_for("forwarding.index") + "#test")


@blueprint.get("/forwarding/confirm/<token>")
def ask(token: str) -> Answer:
    """A button only: programs that look at links in mail must not agree for anyone.  A link that was used says so at once."""
    asker, wish = forwarding.asked_by(web.core(), token)
    return render_template("forwarding/confirm.html", form=EmptyForm(), done=False, asker=asker, wish=wish)


@blueprint.post("/forwarding/confirm/<token>")
def confirm(token: str) -> Answer:
    wish = forwarding.confirm(web.core(), token)
    return render_template("forwarding/confirm.html", form=EmptyForm(), done=True, wish=wish)
