"""The owner's addresses: all of them lead to the one box; a further one, another name, the one that is written under (N29)."""

from flask import flash, redirect, render_template, request
from flask_babel import gettext as _

from mailcore.errors import InvalidName, MailError
from mailcore.services.accounts import addresses, name_changes
from portal import current
from portal.access import owner_only
from portal.account.forms import AddressForm, PasswordForm
from portal.account.views import Answer, blueprint
from portal.addresses import url_for
from portal.errors import answer
from portal.web_form import EmptyForm


@blueprint.route("/account/addresses", methods=["GET", "POST"])
@owner_only
def addresses_page() -> Answer:
    """Show the addresses, and do what one of the buttons says."""
    form, problem, code = AddressForm(), "", 200
    if request.method == "POST" and EmptyForm().validate_on_submit():
        try:
            words = _act(form)
        except MailError as trouble:
            code, problem = answer(trouble)
            if isinstance(trouble, InvalidName):
                problem = _("That cannot be an address here.")
        else:
            if words:
                flash(words)
                return redirect(url_for("account.addresses_page"), 303)
            code, problem = 400, "" if form.errors else _("Choose one of the addresses.")
    core, owner = current.core(), current.owner()
    page = render_template(
        "account/addresses.html",
        form=form,
        problem=problem,
        known=addresses.read_overview(core, owner.id),
        offer=name_changes.find_offer(core, owner.id),
    )
    return page, code


def _act(form: AddressForm) -> str:
    """Do what was pressed; words about it, "" where the form is not filled in."""
    core, owner = current.core(), current.owner()
    address = request.form.get("address", "")[:320]
    match request.form.get("action"):
        case "choose" if address:
            return _(
                "Mail to %(address)s comes to you from now on.",
                address=addresses.choose_address(core, owner.id, address),
            )
        case "main":
            changed = addresses.set_main(core, owner.id, address)
            return _("You write from %(address)s from now on.", address=changed.address(core.config.domain))
        case "restore":
            return _(
                "Mail to %(address)s comes to you from now on.",
                address=addresses.restore_address(core, owner.id, address),
            )
        case "name" if address:
            name_changes.accept_name(core, owner.id, "" if address == "none" else address)
            return _("Your new name is saved.")
        case "old-name":
            name_changes.decline_name(core, owner.id)
            return _("Everything stays as it was.")
        case "ask" if form.validate():
            asked = addresses.request_address(core, owner.id, form.wanted.data, form.reason.data or "")
            return _("The help desk has your request for %(address)s. The answer comes by mail.", address=asked.spec)
    return ""


@blueprint.post("/account/addresses/remove")
@owner_only
def remove_address() -> Answer:
    """Remove an address with the password: an open browser must not cut off mail."""
    address, form = request.form.get("address", "")[:320], PasswordForm()
    problem, code = "", 200
    if form.current.data:
        try:
            current.prove(form.current.data)
            removed = addresses.remove_address(current.core(), current.owner().id, address)
        except MailError as trouble:
            code, problem = answer(trouble)
        else:
            flash(_("%(address)s takes no mail any more.", address=removed))
            return redirect(url_for("account.addresses_page"), 303)
    return render_template("account/remove_address.html", form=form, problem=problem, address=address), code
