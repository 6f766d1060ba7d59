"""The queue: where outgoing mail waits to go, and what is done with it: held, sent now, given up."""

import re

from flask import flash, redirect, render_template, request
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as BaseResponse
from wtforms import StringField
from wtforms.validators import Length

from mailcore.domain import QueueItem
from mailcore.errors import MailError
from mailcore.services.delivery import queue_admin
from portal import current
from portal.access import admin_only
from portal.addresses import url_for
from portal.admin.views import Answer, blueprint
from portal.errors import words_of
from portal.request_values import number
from portal.signin.proof import ProofForm, check_proof, needs_code
from portal.web_form import EmptyForm

MAX_DOMAIN = 255
_TOKEN = re.compile(r"(?<=\+)[a-z0-9]{16}(?=@)")


class BounceForm(ProofForm):
    """Asks once more before items are given up."""

    domain = StringField(validators=[Length(max=MAX_DOMAIN)])


def hide_token(address: str) -> str:
    """Write an address of ours without the token that opens a case to whoever has it (domain.Ticket)."""
    return _TOKEN.sub("…", address)


@blueprint.get("/queue")
@admin_only
def queue() -> str:
    core = current.core()
    return render_template(
        "admin/queue.html", destinations=queue_admin.list_destinations(core), mode=core.config.outbound.mode
    )


@blueprint.route("/queue/to", methods=["GET", "POST"])
@admin_only
def destination() -> Answer:
    """List what waits for one domain, and do with the chosen items what was pressed."""
    core, agent = current.core(), current.owner()
    domain = request.values.get("domain", "")[:MAX_DOMAIN]
    chosen, problem = _chosen(), ""
    if EmptyForm().validate_on_submit():
        if not chosen:
            problem = _("Choose at least one message.")
        elif request.form.get("action") == "bounce":
            return _ask(domain, chosen, BounceForm(formdata=None), "")
        else:
            try:
                if request.form.get("action") == "hold":
                    queue_admin.hold(core, chosen, actor=agent.name)
                    said = ngettext("%(num)s message is on hold.", "%(num)s messages are on hold.", len(chosen))
                else:
                    queue_admin.retry(core, chosen, actor=agent.name)
                    said = ngettext("%(num)s message is sent now.", "%(num)s messages are sent now.", len(chosen))
                flash(str(said))
                return _back(domain)
            except MailError as trouble:
                problem = words_of(trouble)
    after = number(request.args.get("after"))
    items: list[QueueItem] = queue_admin.list_of_destination(core, domain, after)
    page = render_template(
        "admin/destination.html",
        domain_name=domain,
        hide_token=hide_token,
        items=items,
        more=items[-1].id if len(items) == queue_admin.MOST else 0,
        form=EmptyForm(),
        problem=problem,
    )
    return page, 400 if problem else 200


@blueprint.post("/queue/give-up")
@admin_only
def give_up() -> Answer:
    """Give the chosen items up, after password and code."""
    form, chosen = BounceForm(), _chosen()
    domain, problem = (form.domain.data or "")[:MAX_DOMAIN], ""
    if form.validate_on_submit():
        try:
            check_proof(form)
            queue_admin.request_bounce(current.core(), chosen, actor=current.owner().name)
        except MailError as trouble:
            problem = words_of(trouble)
        else:
            words = ngettext(
                "%(num)s message is given up; its sender is told.",
                "%(num)s messages are given up; their senders are told.",
                len(chosen),
            )
            flash(str(words))
            return _back(domain)
    return _ask(domain, chosen, form, problem)


def _ask(domain: str, chosen: list[int], form: BounceForm, problem: str) -> Answer:
    page = render_template(
        "admin/queue_bounce.html",
        domain_name=domain,
        chosen=chosen,
        form=form,
        problem=problem,
        needs_code=needs_code(),
    )
    return page, 400 if problem or form.errors else 200


def _chosen() -> list[int]:
    return [one for text in request.form.getlist("item")[: queue_admin.MOST] if (one := number(text))]


def _back(domain: str) -> BaseResponse:
    return redirect(url_for("admin.destination", domain=domain), 303)
