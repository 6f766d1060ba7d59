"""Log in (with a second step where there is one), log out, change the password, and choose one by a one-time link."""

import contextlib

from flask import Blueprint, Response, flash, g, redirect, render_template, request, session
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from mailcore.domain import Account, Identity, Scope
from mailcore.errors import MailError, ProofNeeded, TooMany, WrongPassword
from mailcore.services.accounts import leaving
from mailcore.services.credentials import credentials, login_log, waking
from mailcore.services.credentials import login as login_service
from mailcore.services.signin import oidc, passkeys, password_requests, two_factor, web_sessions
from portal import addresses, current
from portal.access import open_to_ended, owner_only, public, second_step
from portal.addresses import url_for
from portal.errors import answer
from portal.signin.forms import ChangePasswordForm, CodeForm, ForgottenForm, LoginForm, NewPasswordForm, PasskeyForm

blueprint = Blueprint("signin", __name__)
Answer = str | BaseResponse | tuple[str, int]
FRESH_SECONDS = 900  # so long after a log-in the password may be chosen without being asked for the old one


@blueprint.route("/login", methods=["GET", "POST"])
@public
def login() -> Answer:
    """An unknown user and a wrong password get the same words in the same time."""
    form = LoginForm()
    wanted = addresses.safe_next(form.next.data or request.args.get("next", ""), url_for("webmail.index"))
    if request.method == "GET":
        if g.account:
            return redirect(wanted)
        form.next.data = wanted
    if not form.validate_on_submit():
        return _login_page(form, "", 400 if form.errors else 200)
    try:
        identity = login_service.authenticate(
            current.core(),
            form.username.data,
            form.password.data,
            peer=current.peer(),
            scope=Scope.PORTAL,
            agent=request.user_agent.string,
            device=current.device(),
        )
    except ProofNeeded as problem:
        return _ask_for_proof(form.username.data, problem)
    except MailError as problem:
        code, words = answer(problem)
        return _login_page(form, words, code)
    if identity.breached:
        wanted = url_for("signin.password", known="1")
    return enter(identity, wanted)


def _ask_for_proof(username: str, needed: ProofNeeded) -> Answer:
    """The password is right, and not enough: a link goes to the contact addresses, and other ways are named."""
    with contextlib.suppress(TooMany):
        password_requests.send_links(current.core(), username, peer=current.peer(), device=current.device())
    code, words = answer(needed)
    return render_template("signin/proof.html", why=words, providers=oidc.list_providers(current.core())), code


def _login_page(form: LoginForm, problem: str, code: int) -> Answer:
    return render_template(
        "signin/login.html",
        form=form,
        problem=problem,
        providers=oidc.list_providers(current.core()),
        options=_passkey_options(),
    ), code


def _passkey_options() -> str:
    return passkeys.create_login_options(current.core(), passkeys.create_challenge(current.core()))


@blueprint.route("/login/passkey", methods=["GET", "POST"])
@public
def passkey() -> Answer:
    """Both steps at once.  The page needs a script; without one the password does the same."""
    form, problem, code = PasskeyForm(), "", 200
    wanted = addresses.safe_next(form.next.data or request.args.get("next", ""), url_for("webmail.index"))
    if request.method == "GET":
        if g.account:
            return redirect(wanted)
        form.next.data = wanted
    if form.validate_on_submit():
        try:
            identity = passkeys.log_in(
                current.core(), form.response.data or "", peer=current.peer(), agent=request.user_agent.string
            )
        except MailError as trouble:
            code, problem = answer(trouble)
            if isinstance(trouble, WrongPassword):
                problem = _("The passkey was not accepted. Log in with your password, or try again.")
        else:
            return _enter(identity, wanted)
    page = render_template("signin/passkey.html", form=form, problem=problem, options=_passkey_options())
    return page, 400 if form.errors else code


def enter(identity: Identity, wanted: str) -> BaseResponse:
    """The person is known: a new session, or the second step first."""
    account = identity.account
    if two_factor.is_on(current.core(), account.id):
        current.web_session().renew(None)
        session["second"] = {
            "account": account.id,
            "source": identity.source,
            "epoch": identity.epoch,
            "ended": identity.ended,
            "next": wanted,
            "at": current.core().clock.seconds(),
        }
        return redirect(url_for("signin.second"))
    return _enter(identity, wanted)


def _enter(identity: Identity, wanted: str) -> BaseResponse:
    account = identity.account
    current.web_session().renew(account.id, source=identity.source, ended=identity.ended, epoch=identity.epoch)
    session["logged_in_at"] = current.core().clock.seconds()
    return current.remember_device(redirect(url_for("signin.choose") if identity.ended else wanted), account)


def finish_second(account: Account) -> BaseResponse:
    if account.asleep:
        waking.wake_account(current.core(), account.id)
    waiting = session["second"]
    identity = Identity(account, waiting["source"], None, waiting["epoch"], ended=waiting["ended"])
    return _enter(identity, addresses.safe_next(waiting["next"], "/"))


@blueprint.route("/login/second", methods=["GET", "POST"])
@second_step
def second() -> Answer:
    """A code of the app, or a printed one; security keys stand in portal/account/security.py."""
    account = current.awaited()
    form, problem, code = CodeForm(), "", 200
    if form.validate_on_submit():
        try:
            two_factor.check_code(current.core(), account, form.code.data, peer=current.peer(), device=current.device())
        except MailError as trouble:
            code, problem = answer(trouble)
            problem = problem if code == 429 else _("The code is wrong, or has been used.")
        else:
            return finish_second(account)
    has_key = any(factor.kind == "webauthn" for factor in two_factor.list_factors(current.core(), account.id))
    page = render_template("signin/second.html", form=form, problem=problem, has_key=has_key)
    return page, 400 if form.errors else code


@blueprint.post("/logout")
@open_to_ended
@public
def logout() -> Answer:
    current.web_session().renew(None)
    g.account = None
    flash(_("You are logged out."))
    answer = redirect(url_for("front.index"))
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


@blueprint.route("/password", methods=["GET", "POST"])
@public
def password() -> Answer | Response:
    if g.account is None:
        return render_template("signin/forgotten.html", form=ForgottenForm(), problem="")
    form, problem, code = ChangePasswordForm(), "", 200
    if form.validate_on_submit():
        try:
            credentials.change_password(
                current.core(),
                g.account.id,
                form.current.data,
                form.password.data,
                peer=current.peer(),
                session=current.web_session().token,
                apps=form.apps.data,
            )
        except MailError as trouble:
            code, problem = answer(trouble)
        else:
            return _chosen()
    look = leaving.find_outlook(current.core(), g.account.id)
    return render_template(
        "signin/password.html", form=form, problem=problem, outlook=look
    ), 400 if form.errors else code


def _chosen() -> BaseResponse:
    web_sessions.change_source(current.core(), current.web_session().token, login_service.ALUMNI)
    flash(_("Your alumni password is saved. All other browsers and mail programs are logged out."))
    return redirect(url_for("account.index"))


@blueprint.route("/password/choose", methods=["GET", "POST"])
@open_to_ended
@owner_only
def choose() -> Answer:
    """An alumni password for somebody whom the university's log-in has just proved."""
    browser = current.web_session()
    fresh = session.get("logged_in_at", 0) > current.core().clock.seconds() - FRESH_SECONDS
    if browser.source == login_service.ALUMNI or not (fresh or browser.ended):
        return redirect(url_for("signin.password"))
    form, problem, code = NewPasswordForm(), "", 200
    if form.validate_on_submit():
        try:
            credentials.set_password(
                current.core(), current.owner().id, form.password.data, session=browser.token, apps=form.apps.data
            )
        except MailError as trouble:
            code, problem = answer(trouble)
        else:
            return _chosen()
    page = render_template("signin/choose.html", form=form, problem=problem, ended=browser.ended)
    return page, 400 if form.errors else code


@blueprint.route("/password/link/<token>", methods=["GET", "POST"])
@blueprint.route("/password/set/<token>", methods=["GET", "POST"])
@open_to_ended
@public
def set_password(token: str) -> Answer:
    """GET shows a form only: programs that look at links in mail must not spend them."""
    owner = credentials.find_link_account(current.core(), token)
    form, problem, code = NewPasswordForm(), "", 200
    if form.validate_on_submit():
        try:
            identity = credentials.redeem_link(current.core(), token, form.password.data, apps=form.apps.data)
        except MailError as trouble:
            code, problem = answer(trouble)
        else:
            flash(_("Your password is saved."))
            login_log.record_login(current.core(), identity, Scope.PORTAL, current.peer(), request.user_agent.string)
            return enter(identity, url_for("webmail.index"))
    page = render_template("signin/set_password.html", form=form, problem=problem, owner=owner)
    return page, 400 if form.errors else code
