"""The account: who you are here, the language, contact addresses, app passwords, log-ins."""

from flask import Blueprint, flash, redirect, render_template, request, session
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from mailcore.domain import Scope
from mailcore.errors import MailError
from mailcore.services import audit
from mailcore.services.accounts import accounts, affiliations, leaving
from mailcore.services.credentials import app_passwords, contact_addresses, login_log
from mailcore.services.signin import recovery, two_factor, web_sessions
from portal import current, i18n, request_values
from portal.access import owner_only, public
from portal.account.forms import AppForm, ContactForm, LanguageForm, PasswordForm
from portal.addresses import url_for
from portal.errors import answer

blueprint = Blueprint("account", __name__)
Answer = str | BaseResponse | tuple[str, int]


@blueprint.route("/account", methods=["GET", "POST"])
@owner_only
def index() -> Answer:
    form = LanguageForm(language=i18n.language())
    if form.validate_on_submit():
        session["language"] = form.language.data
        accounts.set_language(current.core(), current.owner().id, form.language.data)
        i18n.choose_again()
        flash(_("Saved."))
        return redirect(url_for("account.index"))
    core, owner = current.core(), current.owner()
    return render_template(
        "account/index.html",
        form=form,
        outlook=leaving.find_outlook(core, owner.id),
        verified=contact_addresses.list_verified(core, owner.id),
        two_factor=two_factor.is_on(core, owner.id),
        codes=recovery.count_codes(core, owner),
        apps=len(app_passwords.list_app_passwords(core, owner.id)),
        source=current.web_session().source,
        returned=_has_returned(),
    )


def _has_returned() -> bool:
    known = affiliations.get_affiliation(current.core(), current.owner())
    return known is not None and known.returned


@blueprint.post("/account/returned")
@owner_only
def returned() -> Answer:
    """The directory account that came back is the owner's own."""
    affiliations.confirm_return(current.core(), current.owner())
    flash(_("The university password opens your mail again."))
    return redirect(url_for("account.index"))


# Contact addresses


@blueprint.route("/account/contact", methods=["GET", "POST"])
@owner_only
def contact() -> Answer:
    form, problem, code = ContactForm(), "", 200
    if form.validate_on_submit():
        try:
            current.prove(form.current.data)
            address = contact_addresses.request_verification(
                current.core(), current.owner().id, form.address.data, peer=current.peer()
            )
        except MailError as trouble:
            code, problem = answer(trouble)
            if code == 400:
                problem = _("That cannot be your contact address. It must be an address outside Alumnimail.")
        else:
            flash(_("We have sent a link to %(address)s. The address is valid once you have used it.", address=address))
            return redirect(url_for("account.contact"))
    page = render_template(
        "account/contact.html",
        form=form,
        problem=problem,
        verified=contact_addresses.list_verified(current.core(), current.owner().id),
    )
    return page, 400 if form.errors else code


@blueprint.post("/account/contact/change")
@owner_only
def change_contact() -> Answer:
    """Put one contact address first, or remove one with the password: an open browser must not cut off a way back."""
    address, form = request.form.get("address", ""), PasswordForm()
    if request.form.get("action") == "first":
        contact_addresses.set_primary(current.core(), current.owner().id, address)
    else:
        problem, code = "", 200
        try:
            if form.current.data:
                current.prove(form.current.data)
                contact_addresses.remove_address(current.core(), current.owner().id, address)
        except MailError as trouble:
            code, problem = answer(trouble)
        if problem or not form.current.data:
            return render_template("account/remove_contact.html", form=form, problem=problem, address=address), code
    flash(_("Saved."))
    return redirect(url_for("account.contact"))


@blueprint.route("/account/contact/<token>", methods=["GET", "POST"])
@public
def confirm_contact(token: str) -> Answer:
    """GET shows a button; the address counts after the POST, whoever is logged in."""
    owner, address = contact_addresses.read_link(current.core(), token)
    if request.method == "POST":
        contact_addresses.confirm_address(current.core(), token)
        flash(_("Thank you. The contact address is confirmed."))
        return redirect(url_for("account.contact" if current.web_session().account else "front.index"))
    return render_template("account/confirm_contact.html", owner=owner, address=address)


# App passwords


@blueprint.route("/account/apps", methods=["GET", "POST"])
@owner_only
def apps() -> Answer:
    form, problem, code, made = AppForm(), "", 200, ""
    core, owner = current.core(), current.owner()
    if form.validate_on_submit():
        try:
            current.prove(form.current.data)
            made = app_passwords.create_app_password(
                core, owner.id, form.label.data, [Scope(one) for one in form.scopes.data]
            )
        except MailError as trouble:
            code, problem = answer(trouble)
    page = render_template(
        "account/apps.html",
        form=form,
        problem=problem,
        made=made,
        apps=app_passwords.list_app_passwords(core, owner.id),
        required=two_factor.is_on(core, owner.id),
    )
    return page, 400 if form.errors else code


@blueprint.post("/account/apps/withdraw")
@owner_only
def withdraw() -> Answer:
    number = request_values.number(request.form.get("app"))
    if number and app_passwords.revoke_app_passwords(current.core(), current.owner().id, number):
        flash(_("The app password is withdrawn. Programs that use it are logged out within a minute."))
    return redirect(url_for("account.apps"))


# Log-ins


@blueprint.get("/account/logins")
@owner_only
def logins_page() -> Answer:
    core, owner = current.core(), current.owner()
    return render_template(
        "account/logins.html",
        sessions=web_sessions.list_sessions(core, owner.id),
        logins=login_log.list_logins(core, owner.id),
        here=web_sessions.derive_handle(current.web_session().token),
        log=audit.list_entries(core, owner.id),
    )


@blueprint.post("/account/logins/end")
@owner_only
def end_login() -> Answer:
    """One session of the portal, or everything but this browser."""
    core, owner = current.core(), current.owner()
    handle = request.form.get("session", "")
    if handle:
        web_sessions.end_session_by_handle(core, owner.id, handle)
        flash(_("That browser is logged out."))
    else:
        web_sessions.end_other_sessions(core, owner.id, current.web_session().token)
        flash(
            _(
                "All other browsers and mail programs are logged out. Programs that know a password log in again by themselves."
            )
        )
    return redirect(url_for("account.logins_page"))
