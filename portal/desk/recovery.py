"""Recovery at the desk: who cannot get in by any other way gets a link, never a password (S15, N20)."""

from flask import flash, redirect, render_template
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import HiddenField, SelectChoice, StringField, TextAreaField
from wtforms.validators import Length

from mailcore.errors import MailError
from mailcore.services.accounts import accounts
from mailcore.services.signin import recovery
from portal import current
from portal.access import desk_only
from portal.addresses import url_for
from portal.desk.views import Answer, blueprint
from portal.errors import words_of
from portal.request_values import NumberField
from portal.web_form import BoxesField, Form

_long = _l("This is too long.")


# what is ticked has a name of its own, so that the tick outlives a change of language
SHIPPED_CHECKS = {
    "document": _l("A passport or identity card was shown"),
    "person": _l("The person id"),
    "studies": _l("When and what they studied, or where they worked"),
    "login": _l("When and where they last logged in"),
}


class RecoverForm(Form):
    checks = BoxesField(_l("How did you recognise the person?"))
    proof = TextAreaField(
        _l("More about it"),
        [Length(max=500, message=_long)],
        description=_l("Optional. Whatever another agent should know. It is saved in the log of the account."),
        render_kw={"rows": 3},
    )
    send_to = StringField(
        _l("Send the link to"),
        [Length(max=254, message=_long)],
        description=_l(
            "An address outside that you know to be the person's. Empty: the link is shown, to be handed over in person."
        ),
        render_kw={"inputmode": "email"},
    )


class DecideForm(Form):
    number = NumberField()
    action = HiddenField()


@blueprint.route("/people/<name>/recover", methods=["GET", "POST"])
@desk_only
def recover(name: str) -> Answer:
    core, agent = current.core(), current.owner()
    owner = accounts.find_account(core, name)
    form, problem, issued = RecoverForm(), "", None
    own = core.config.help.identity_checks
    checks = {one: one for one in own} if own else {name: str(words) for name, words in SHIPPED_CHECKS.items()}
    form.checks.choices = [SelectChoice(name, words) for name, words in checks.items()]
    form.checks.description = _("Tick at least %(count)s of the checks.", count=core.config.help.identity_least)
    if form.validate_on_submit():
        try:
            proof = recovery.format_proof(core, [checks[one] for one in form.checks.data or []], form.proof.data or "")
            issued = recovery.issue_link(
                core, owner.name, agent=agent.name, proof=proof, send_to=(form.send_to.data or "").strip()
            )
        except MailError as trouble:
            problem = words_of(trouble)
    page = render_template(
        "desk/recover.html",
        form=form,
        problem=problem,
        issued=issued,
        owner=owner,
        both=recovery.needs_two_agents(core, owner),
    )
    return page, 400 if problem or form.errors else 200


@blueprint.route("/recoveries", methods=["GET", "POST"])
@desk_only
def recoveries() -> Answer:
    """Show the recoveries that wait for a second agent, and decide on one."""
    core, agent = current.core(), current.owner()
    form, problem, issued = DecideForm(), "", None
    if form.validate_on_submit():
        try:
            if form.action.data == "agree":
                issued = recovery.approve_recovery(core, form.number.data or 0, agent=agent.name)
            else:
                recovery.refuse_recovery(core, form.number.data or 0, agent=agent.name)
                flash(_("The recovery is refused."))
                return redirect(url_for("desk.recoveries"))
        except MailError as trouble:
            problem = words_of(trouble)
    waiting = [(one, accounts.load_account(core, one.account)) for one in recovery.list_waiting(core)]
    page = render_template("desk/recoveries.html", form=form, problem=problem, issued=issued, waiting=waiting)
    return page, 400 if problem else 200
