"""Log in, log out, change the password, and set it by a one-time link."""

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from mailcore.domain import Scope
from mailcore.errors import MailError
from mailcore.services import credentials
from mailcore.services import login as login_service
from portal import web
from portal.auth.forms import ChangePasswordForm, LoginForm, NewPasswordForm
from portal.errors import answer

blueprint = Blueprint("auth", __name__)
Answer = str | BaseResponse | tuple[str, int]


@blueprint.route("/login", methods=["GET", "POST"])
def login() -> Answer:
    """An unknown user and a wrong password get the same words in the same time."""
    form = LoginForm()
    wanted = web.safe_next(form.next.data or request.args.get("next", ""), url_for("webmail.index"))
    if request.method == "GET":
        if g.account:
            return redirect(wanted)
        form.next.data = wanted
    if not form.validate_on_submit():
        return render_template("auth/login.html", form=form, problem=""), 400 if form.errors else 200
    try:
        identity = login_service.authenticate(
            web.core(), form.username.data, form.password.data, peer=web.peer(), scope=Scope.PORTAL
        )
    except MailError as problem:
        code, words = answer(problem)
        return render_template("auth/login.html", form=form, problem=words), code
    web.web_session().renew(identity.account.id)
    return redirect(wanted)


@blueprint.post("/logout")
def logout() -> Answer:
    web.web_session().renew(None)
    g.account = None
    flash(_("You are logged out."))
    answer = redirect(url_for("front.index"))
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


@blueprint.route("/password", methods=["GET", "POST"])
def password() -> Answer | Response:
    if g.account is None:
        return render_template("auth/forgotten.html")
    form, problem, code = ChangePasswordForm(), "", 200
    if form.validate_on_submit():
        try:
            credentials.change_password(
                web.core(), g.account.id, form.current.data, form.password.data, peer=web.peer(),
                session=web.web_session().token,
            )  # fmt: skip
        except MailError as trouble:
            code, problem = answer(trouble)
        else:
            flash(_("Your password is changed. All other browsers are logged out."))
            return redirect(url_for("account.index"))
    return render_template("auth/password.html", form=form, problem=problem), 400 if form.errors else code


@blueprint.route("/password/link/<token>", methods=["GET", "POST"])
@blueprint.route("/password/set/<token>", methods=["GET", "POST"])
def set_password(token: str) -> Answer:
    """GET shows a form only: programs that look at links in mail must not spend them."""
    owner = credentials.link_account(web.core(), token)
    form, problem, code = NewPasswordForm(), "", 200
    if form.validate_on_submit():
        try:
            account = credentials.redeem_link(web.core(), token, form.password.data)
        except MailError as trouble:
            code, problem = answer(trouble)
        else:
            web.web_session().renew(account.id)
            flash(_("Your password is set, and you are logged in."))
            return redirect(url_for("webmail.index"))
    page = render_template("auth/set_password.html", form=form, problem=problem, owner=owner)
    return page, 400 if form.errors else code


@blueprint.get("/password/forgotten")
def forgotten() -> Answer:
    return render_template("auth/forgotten.html")
