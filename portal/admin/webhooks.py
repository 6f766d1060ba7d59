"""Webhooks: programs of the university that are told of changes; added, tried, turned off, and what each was told."""

from flask import flash, redirect, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from wtforms import StringField
from wtforms.validators import Length

from mailcore.domain import Webhook
from mailcore.errors import LinkExpired, MailError, NotAllowed
from mailcore.services.operations import webhooks as services
from portal import current
from portal.access import admin_only
from portal.addresses import url_for
from portal.admin import words as spoken
from portal.admin.views import Answer, blueprint
from portal.errors import words_of
from portal.request_values import number
from portal.signin.proof import ProofForm, check_proof, needs_code
from portal.web_form import EmptyForm

MOST_KINDS = len(services.KINDS)


class WebhookForm(ProofForm):
    label = StringField(_l("Name of the program"), [Length(max=services.MAX_LABEL)])
    url = StringField(
        _l("Address"),
        [Length(max=services.MAX_URL)],
        description=_l("It begins with https://."),
        render_kw={"inputmode": "url", "autocapitalize": "none", "spellcheck": "false"},
    )


@blueprint.route("/webhooks", methods=["GET", "POST"])
@admin_only
def webhooks() -> Answer:
    """List them, and add one, which asks once more: what it is told leaves the house."""
    core, form, problem = current.core(), WebhookForm(), ""
    chosen = request.form.getlist("kind")[:MOST_KINDS] if request.method == "POST" else list(services.KINDS)
    if form.validate_on_submit():
        try:
            check_proof(form)
            label, url = form.label.data or "", form.url.data or ""
            webhook, key = services.add_webhook(core, label, url, chosen, actor=current.owner().name)
        except MailError as trouble:
            problem = words_of(trouble)
        else:
            return _show_key(webhook, key)
    page = render_template(
        "admin/webhooks.html",
        webhooks=services.list_webhooks(core),
        state_words=spoken.WEBHOOK_STATES,
        kinds=[(kind, spoken.WEBHOOK_KINDS[kind], kind in chosen) for kind in services.KINDS],
        form=form,
        problem=problem,
        needs_code=needs_code(),
    )
    return page, 400 if problem or form.errors else 200


@blueprint.route("/webhooks/<int:id_>", methods=["GET", "POST"])
@admin_only
def webhook(id_: int) -> Answer:
    """Show what it was told and how it answered; try it, turn it on or off."""
    core, form, problem = current.core(), EmptyForm(), ""
    if form.validate_on_submit():
        try:
            flash(_act(id_))
            return redirect(url_for("admin.webhook", id_=id_), 303)
        except MailError as trouble:
            problem = words_of(trouble)
    found = _find(id_)
    if found is None:
        return redirect(url_for("admin.webhooks"), 303)
    deliveries = services.list_deliveries(core, id_, _read_before())
    page = render_template(
        "admin/webhook.html",
        webhook=found,
        deliveries=deliveries,
        more=deliveries[-1].id if len(deliveries) == services.PAGE else 0,
        state_words=spoken.WEBHOOK_STATES,
        kind_words=spoken.WEBHOOK_KINDS,
        delivery_words=spoken.WEBHOOK_DELIVERY_STATES,
        answer_words=spoken.WEBHOOK_ANSWERS,
        form=form,
        problem=problem,
    )
    return page, 400 if problem else 200


def _read_before() -> int:
    return number(request.args.get("before"))


def _act(id_: int) -> str:
    """Do what the button says, and say it.  Raises MailError."""
    core, actor = current.core(), current.owner().name
    match request.form.get("action"):
        case "test":
            services.send_test(core, id_, actor=actor)
            return _("A test is on its way. Load this page again to see the answer.")
        case "again":
            count = services.send_again(core, id_, actor=actor)
            return str(ngettext("%(num)s change is sent again.", "%(num)s changes are sent again.", count))
        case "on":
            services.set_state(core, id_, on=True, actor=actor)
            return _("The webhook is on.")
        case "off":
            services.set_state(core, id_, on=False, actor=actor)
            return _("The webhook is off. What happens meanwhile, it is not told.")
    raise NotAllowed("no button of the page")


@blueprint.route("/webhooks/<int:id_>/key", methods=["GET", "POST"])
@admin_only
def webhook_key(id_: int) -> Answer:
    """Make a new key, or remove the webhook; both ask once more."""
    core, form, problem = current.core(), ProofForm(), ""
    found = _find(id_)
    if found is None:
        return redirect(url_for("admin.webhooks"), 303)
    if form.validate_on_submit():
        try:
            check_proof(form)
            match request.form.get("action"):
                case "key":
                    return _show_key(found, services.change_key(core, id_, actor=current.owner().name))
                case "remove":
                    services.delete_webhook(core, id_, actor=current.owner().name)
                case _:
                    raise NotAllowed("no button of the page")
        except MailError as trouble:
            problem = words_of(trouble)
        else:
            flash(_("The webhook is removed."))
            return redirect(url_for("admin.webhooks"), 303)
    page = render_template("admin/webhook_key.html", webhook=found, form=form, problem=problem, needs_code=needs_code())
    return page, 400 if problem or form.errors else 200


def _find(id_: int) -> Webhook | None:
    try:
        return services.find_webhook(current.core(), id_)
    except LinkExpired:
        return None


def _show_key(webhook: Webhook, key: str) -> str:
    return render_template("admin/webhook_made.html", webhook=webhook, key=key)
