"""Automatic forwarding to an outside address: one page that a person understands (S24 to S27, N1 to N5)."""

from flask import Blueprint, flash, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from mailcore.domain import Forwarding, ForwardingState
from mailcore.errors import MailError
from mailcore.services import audit
from mailcore.services.forwarding import forwarding, health
from mailcore.services.limits.mail_limits import Cause
from mailcore.services.sieve_scripts import filters
from portal import current
from portal.access import owner_only, public
from portal.addresses import url_for
from portal.errors import answer
from portal.forwarding import words
from portal.forwarding.forms import ForwardingForm
from portal.request_values import number
from portal.web_form import EmptyForm

blueprint = Blueprint("forwarding", __name__)
Answer = str | BaseResponse | tuple[str, int]
HISTORY = 20


def _page(form: ForwardingForm, problem: object = "", code: int = 200, code_problem: object = "") -> Answer:
    core, owner = current.core(), current.owner().id
    wish = forwarding.read_forwarding(core, owner)
    found = health.get_health(core, owner)
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
        own_script=any(script.active for script in filters.read_scripts(core, owner)),
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
    return Cause(current.owner().id, current.peer())


@blueprint.get("/forwarding")
@owner_only
def index() -> Answer:
    return _page(_form(forwarding.read_forwarding(current.core(), current.owner().id)))


@blueprint.post("/forwarding")
@owner_only
def save() -> Answer:
    form = ForwardingForm()
    if not form.validate_on_submit():
        return _page(form, code=400 if form.errors else 200)
    try:
        current.prove(form.password.data)
        forwarding.set_forwarding(
            current.core(),
            current.owner().id,
            form.target.data,
            copy=form.copy.data,
            actor=current.owner().name,
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
@owner_only
def stop() -> Answer:
    """No password: stopping harms nobody, and must be easy."""
    forwarding.stop_forwarding(current.core(), current.owner().id)
    flash(_("Forwarding is stopped. New mail stays here."))
    return redirect(url_for("forwarding.index"))


@blueprint.post("/forwarding/again")
@owner_only
def again() -> Answer:
    """Ask the target once more, or take up a paused forwarding to the address that agreed."""
    owner = current.owner()
    wish = forwarding.read_forwarding(current.core(), owner.id)
    if wish.state is ForwardingState.PAUSED:
        forwarding.set_forwarding(
            current.core(), owner.id, wish.target, copy=wish.copy, actor=owner.name, cause=_cause()
        )
        flash(_("Forwarding goes on. If mail is refused again, it is paused again."))
    else:
        forwarding.ask_again(current.core(), owner.id, cause=_cause())
        flash(_("We have written to %(target)s again.", target=wish.target))
    return redirect(url_for("forwarding.index"))


@blueprint.post("/forwarding/code")
@owner_only
def code() -> Answer:
    """The code of the question, typed by its owner who has read it at the target."""
    try:
        wish = forwarding.confirm_by_code(current.core(), current.owner().id, request.form.get("code", ""))
    except MailError as trouble:
        status, told = answer(trouble)
        return _page(
            _form(forwarding.read_forwarding(current.core(), current.owner().id)), code_problem=told, code=status
        )
    flash(_("Confirmed. From now on mail goes on to %(target)s.", target=wish.target))
    return redirect(url_for("forwarding.index"))


@blueprint.post("/forwarding/test")
@owner_only
def test() -> Answer:
    """Send a test message, or say where the last one was found."""
    found, probe = request.form.get("found", ""), number(request.form.get("probe"))
    if found:
        health.record_probe_place(current.core(), current.owner().id, probe, found)
        flash(_("Thank you."))
    else:
        sent = health.send_probe(current.core(), current.owner().id)
        flash(
            _("A test message with the code %(code)s is on its way to %(target)s.", code=sent.code, target=sent.target)
        )
    return redirect(url_for("forwarding.index") + "#test")


@blueprint.get("/forwarding/confirm/<token>")
@public
def ask(token: str) -> Answer:
    """A button only: programs that look at links in mail must not agree for anyone.  A link that was used says so at once."""
    asker, wish = forwarding.find_question(current.core(), token)
    return render_template("forwarding/confirm.html", form=EmptyForm(), done=False, asker=asker, wish=wish)


@blueprint.post("/forwarding/confirm/<token>")
@public
def confirm(token: str) -> Answer:
    wish = forwarding.confirm_by_link(current.core(), token)
    return render_template("forwarding/confirm.html", form=EmptyForm(), done=True, wish=wish)
