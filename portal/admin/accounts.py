"""Accounts: find one, create one, see its facts, and act on it.  The content of mail is nowhere."""

from flask import abort, flash, redirect, render_template, request
from flask_babel import lazy_gettext as _l
from wtforms import SelectChoice, SelectField, StringField
from wtforms.validators import DataRequired, Length

from mailcore.config import quota_octets
from mailcore.errors import ConfigError, MailError, NotAllowed
from mailcore.saying import Saying
from mailcore.services import audit
from mailcore.services.accounts import accounts as account_service
from mailcore.services.accounts import desk
from mailcore.services.delivery import sending_limits
from mailcore.services.operations import administration
from portal import current
from portal.access import admin_only
from portal.addresses import url_for
from portal.admin.acts import ACTS
from portal.admin.address_acts import fill_addresses
from portal.admin.views import Answer, blueprint
from portal.desk import words as desk_words
from portal.errors import words_of
from portal.i18n import LANGUAGES
from portal.signin.proof import ProofForm, check_proof, needs_code
from portal.web_form import EmptyForm, Form, like_an_address

LOG_ENTRIES = 20
_needed, _long = _l("This must be filled in."), _l("This is too long.")


class NewForm(Form):
    name = StringField(
        _l("User name"),
        [DataRequired(_needed), Length(max=64, message=_long)],
        render_kw={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"},
    )
    display_name = StringField(
        _l("Name of the person"), [Length(max=200, message=_long)], render_kw={"autocomplete": "off"}
    )
    person = StringField(
        _l("Person id"),
        [Length(max=200, message=_long)],
        description=_l("The immutable id that the university's directory has for the person. Optional."),
        render_kw={"autocomplete": "off"},
    )
    contact = StringField(
        _l("Contact address"),
        [Length(max=254, message=_long), like_an_address(or_nothing=True)],
        description=_l("The link to choose a password is sent there. Empty: the link is shown here."),
        render_kw={"inputmode": "email", "autocomplete": "off"},
    )
    quota = StringField(
        _l("Quota"),
        [Length(max=20, message=_long)],
        description=_l("Empty: as for every new account."),
        render_kw={"autocomplete": "off"},
    )
    language = SelectField(_l("Language"), choices=[SelectChoice(code, title) for code, title in LANGUAGES.items()])


@blueprint.context_processor
def in_words_of_the_desk() -> dict[str, object]:
    return {"forwarding_words": desk_words.FORWARDING, "ties": desk_words.TIES, "language_names": LANGUAGES}


@blueprint.get("/accounts")
@admin_only
def accounts() -> str:
    """Find accounts by words, or list those of a kind."""
    core, words, shown = current.core(), request.args.get("q", ""), request.args.get("show", "")
    shown = shown if shown in administration.KINDS and not words else ""
    if shown:
        lines = administration.list_accounts(core, shown, request.args.get("after", ""))
    else:
        lines = administration.describe_accounts(core, desk.search_accounts(core, words))
    more = lines[-1].account.name if shown and len(lines) == administration.MOST else ""
    return render_template("admin/accounts.html", words=words, shown=shown, lines=lines, more=more)


@blueprint.route("/accounts/new", methods=["GET", "POST"])
@admin_only
def new() -> Answer:
    form, problem = NewForm(), ""
    if form.validate_on_submit():
        try:
            account, link = administration.create_account(
                current.core(),
                account_service.NewAccount(
                    form.name.data,
                    (form.display_name.data or "").strip(),
                    (form.person.data or "").strip() or None,
                    _quota(form.quota.data or ""),
                    None,
                    (form.contact.data or "").strip(),
                    form.language.data,
                ),
                agent=current.owner(),
            )
        except MailError as trouble:
            problem = words_of(trouble)
        else:
            return render_template("admin/created.html", account=account, link=link)
    page = render_template("admin/new.html", form=form, problem=problem)
    return page, 400 if problem or form.errors else 200


def _quota(written: str) -> int | None:
    """Read a quota, None where nothing is written.  Raises NotAllowed."""
    if not written.strip():
        return None
    try:
        return quota_octets(written)
    except ConfigError:
        raise NotAllowed(Saying("That is not a valid quota.")) from None


@blueprint.get("/accounts/<name>")
@admin_only
def account(name: str) -> str:
    core = current.core()
    owner = account_service.find_account(core, name)
    facts = desk.load_facts(core, owner.id, agent=current.owner())
    held = sending_limits.why_held(core, owner.id)
    own = owner.id == current.owner().id
    return render_template(
        "admin/account.html",
        facts=facts,
        held=held,
        own=own,
        used=administration.is_used(core, owner.id),
        acts=[] if own else [(key, act) for key, act in ACTS.items() if act.possible(facts, held)],
        log=audit.list_entries(core, owner.id, LOG_ENTRIES),
        form=EmptyForm(),
    )


@blueprint.route("/accounts/<name>/<act>", methods=["GET", "POST"])
@admin_only
def act_on(name: str, act: str) -> Answer:
    """Say what an act does to an account, and do it."""
    core = current.core()
    owner, doing = account_service.find_account(core, name), ACTS.get(act)
    if doing is None:
        abort(404)
    form, problem = doing.form(), ""
    fill_addresses(form, owner)
    if form.validate_on_submit():
        try:
            if isinstance(form, ProofForm):
                check_proof(form)
            flash(doing.run(owner.name, form))
        except MailError as trouble:
            problem = words_of(trouble)
        else:
            return redirect(url_for("admin.account", name=owner.name), 303)
    elif "role" in form:
        form.role.data = account_service.get_role(core, owner.id)
    page = render_template(
        "admin/act.html",
        act=doing,
        form=form,
        problem=problem,
        owner=owner,
        role=account_service.get_role(core, owner.id),
        held=sending_limits.why_held(core, owner.id),
        needs_code=needs_code(),
    )
    return page, 400 if problem or form.errors else 200


@blueprint.route("/accounts/<name>/first-password", methods=["GET", "POST"])
@admin_only
def first_password(name: str) -> Answer:
    """Create the link that sets the first password; it is mailed, or shown once."""
    core, form, problem = current.core(), ProofForm(), ""
    owner = account_service.find_account(core, name)
    if form.validate_on_submit():
        try:
            check_proof(form)
            link = administration.create_link(core, owner.name, agent=current.owner())
        except MailError as trouble:
            problem = words_of(trouble)
        else:
            return render_template("admin/created.html", account=owner, link=link)
    page = render_template(
        "admin/first_password.html", owner=owner, form=form, problem=problem, needs_code=needs_code()
    )
    return page, 400 if problem or form.errors else 200
