"""The button of letters to owners of whom there was no sign: still here, or what shall become of the account (N22, N30)."""

from flask import flash, redirect, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import StringField
from wtforms.validators import Length

from mailcore.errors import InvalidName
from mailcore.services.accounts import sleeping
from portal import current
from portal.access import public
from portal.addresses import url_for
from portal.errors import words_of
from portal.signin.views import Answer, blueprint
from portal.web_form import Form, like_an_address


class LegacyForm(Form):
    notice = StringField(
        _l("Your new address"),
        [Length(max=254, message=_l("This is too long.")), like_an_address(or_nothing=True)],
        description=_l("Optional. For a year, people you have written to are told it when they write to you."),
        render_kw={"autocomplete": "email", "inputmode": "email"},
    )


@blueprint.route("/here/<token>", methods=["GET", "POST"])
@public
def here(token: str) -> Answer:
    """Confirm that the account is in use, or close it, whoever is logged in.

    GET shows buttons only, for programs open links in mail.
    """
    core = current.core()
    owner, form, problem = sleeping.find_owner(core, token), LegacyForm(), ""
    if form.validate_on_submit():
        if request.form.get("action") == "close":
            try:
                sleeping.close_by_link(core, token, form.notice.data or "")
            except InvalidName as trouble:
                problem = words_of(trouble)
            else:
                flash(
                    _(
                        "The account is closed. For thirty days it can be opened again, by the link in our message to you."
                    )
                )
                return redirect(url_for("front.index"), 303)
        else:
            sleeping.confirm_presence(core, token)
            return redirect(url_for("signin.thanks", token=token), 303)
    page = render_template(
        "signin/here.html", owner=owner, form=form, problem=problem, asks=sleeping.may_close(core, owner.id)
    )
    return page, 400 if problem or form.errors else 200


@blueprint.get("/here/<token>/thanks")
@public
def thanks(token: str) -> Answer:
    return render_template("signin/here_thanks.html", owner=sleeping.find_owner(current.core(), token))
