"""Addresses that people ask the desk for, beside those that their name allows (N29)."""

from flask import flash, redirect, render_template
from flask_babel import gettext as _

from mailcore.errors import MailError
from mailcore.services.accounts import addresses
from portal import current
from portal.access import desk_only
from portal.addresses import url_for
from portal.desk.forms import ActForm
from portal.desk.views import Answer, blueprint
from portal.errors import words_of


@blueprint.route("/addresses", methods=["GET", "POST"])
@desk_only
def address_list() -> Answer:
    form, problem = ActForm(), ""
    if form.validate_on_submit():
        core, agent, number = current.core(), current.owner(), form.into.data or 0
        try:
            if form.action.data == "approve":
                addresses.approve_request(core, number, agent=agent)
                flash(_("The address is given, and its owner is told."))
            elif form.action.data == "reject":
                addresses.refuse_request(core, number, form.text.data or "", agent=agent)
                flash(_("The request is refused, and its owner is told."))
        except MailError as trouble:
            problem = words_of(trouble)
        else:
            return redirect(url_for("desk.address_list"), 303)
    page = render_template(
        "desk/addresses.html", form=form, problem=problem, waiting=addresses.list_requests(current.core())
    )
    return page, 400 if problem or form.errors else 200
