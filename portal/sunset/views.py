"""The page about the end of the service, and the button by which people say that they have read it (N11)."""

from flask import Blueprint, abort, flash, redirect, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as BaseResponse
from wtforms import StringField
from wtforms.validators import Length

from mailcore.errors import Busy, MailError
from mailcore.services.accounts import sunset
from portal import current, surroundings
from portal.access import owner_only, public
from portal.addresses import url_for
from portal.errors import answer
from portal.signin.forms import password_field
from portal.web_form import EmptyForm, Form, like_an_address

blueprint = Blueprint("sunset", __name__)
Answer = str | BaseResponse | tuple[str, int]


class NewAddressForm(Form):
    address = StringField(
        _l("Your new address"),
        [
            Length(max=254, message=_l("This is too long.")),
            like_an_address(or_nothing=True),
        ],
        description=_l("Optional. For a year, people you have written to are told it when they write to you."),
        render_kw={"autocomplete": "email", "inputmode": "email"},
    )
    current = password_field(_l("Password"), "current-password")


def _page(form: NewAddressForm, problem: str = "", code: int = 200) -> Answer:
    account = current.account()
    one = sunset.find_person(current.core(), account.id) if account else None
    return render_template("sunset/index.html", form=form, read=EmptyForm(), one=one, problem=problem), code


def _page_without_database() -> Answer:
    """Show what this process knows of the end, with nothing of a person.  Raises Busy if it knows of none."""
    if surroundings.ending() is None:
        raise Busy("the database does not answer")
    return render_template("sunset/index.html", form=None, read=None, one=None, problem="")


@blueprint.route("/sunset", methods=["GET", "POST"])
@public
def index() -> Answer:
    """Show what ends and when, with the button for people who are logged in."""
    try:
        return _answer_index()
    except Busy:
        if request.method != "GET":
            raise
        return _page_without_database()


def _answer_index() -> Answer:
    if sunset.find_current(current.core()) is None:
        abort(404)
    account = current.account()
    if EmptyForm().validate_on_submit() and account is not None:
        sunset.confirm_read(current.core(), account.id)
        flash(_("Thank you. We know now that you have read it."))
        return redirect(url_for("sunset.index"))
    one = sunset.find_person(current.core(), account.id) if account else None
    return _page(NewAddressForm(formdata=None, address=one.new_address if one else ""))


@blueprint.post("/sunset/address")
@owner_only
def new_address() -> Answer:
    """Save the address where mail may follow, for those whom the owner has written to."""
    if sunset.find_current(current.core()) is None:
        abort(404)
    form = NewAddressForm()
    if not form.validate_on_submit():
        return _page(form, code=400)
    try:
        current.prove(form.current.data)
        sunset.set_new_address(current.core(), current.owner().id, form.address.data or "")
    except MailError as trouble:
        code, problem = answer(trouble)
        return _page(form, str(problem), code)
    flash(_("Saved."))
    return redirect(url_for("sunset.index"))


@blueprint.route("/sunset/read/<token>", methods=["GET", "POST"])
@public
def read(token: str) -> Answer:
    """From the mail, whoever is logged in; GET shows a button only."""
    owner, form = sunset.find_owner(current.core(), token), EmptyForm()
    if form.validate_on_submit():
        sunset.confirm_read(current.core(), owner.id)
        flash(_("Thank you. We know now that you have read it."))
        return redirect(url_for("sunset.index"))
    return render_template("sunset/read.html", owner=owner, form=form)
