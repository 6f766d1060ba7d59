"""Forgotten passwords: a link by mail, a printed code, or the help desk."""

from flask import flash, redirect, render_template
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from mailcore.errors import MailError
from mailcore.services.signin import password_requests as forgotten_password
from mailcore.services.signin import recovery
from portal import current
from portal.access import public
from portal.addresses import url_for
from portal.errors import answer
from portal.signin.forms import ForgottenForm, RecoveryCodeForm
from portal.signin.views import blueprint

Answer = str | BaseResponse | tuple[str, int]


@blueprint.route("/password/forgotten", methods=["GET", "POST"])
@public
def forgotten() -> Answer:
    """The same answer whether or not there is such an account."""
    form, problem, code = ForgottenForm(), "", 200
    if form.validate_on_submit():
        try:
            forgotten_password.send_links(
                current.core(), form.username.data, peer=current.peer(), device=current.device()
            )
        except MailError as trouble:
            code, problem = answer(trouble)
        else:
            return redirect(url_for("signin.forgotten_sent"))
    return render_template("signin/forgotten.html", form=form, problem=problem), 400 if form.errors else code


@blueprint.get("/password/forgotten/sent")
@public
def forgotten_sent() -> Answer:
    return render_template("signin/forgotten_sent.html")


@blueprint.route("/password/code", methods=["GET", "POST"])
@public
def by_code() -> Answer:
    form, problem, code = RecoveryCodeForm(), "", 200
    if form.validate_on_submit():
        try:
            link = recovery.create_link_by_code(
                current.core(), form.username.data, form.code.data, peer=current.peer(), device=current.device()
            )
        except MailError as trouble:
            code, problem = answer(trouble)
            problem = problem if code != 403 else _("The user name or the code is wrong, or the code has been used.")
        else:
            flash(_("The code is used up. Choose a new password now."))
            return redirect(url_for("signin.set_password", token=link.rpartition("/")[2]))
    return render_template("signin/code.html", form=form, problem=problem), 400 if form.errors else code
