"""The second step of log-in: an app's codes, security keys, printed recovery codes; and closing the account."""

from collections.abc import Callable
from dataclasses import dataclass

import segno
from flask import current_app, flash, g, redirect, render_template, request, session
from flask_babel import gettext as _
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from mailcore.core import Core
from mailcore.domain import Account
from mailcore.errors import MailError, WrongPassword
from mailcore.services.accounts import closing
from mailcore.services.signin import oidc, oidc_login, passkeys, recovery, security_keys, two_factor
from mailcore.services.transfer import moving_day
from portal import current, request_values
from portal.access import owner_only, public, second_step
from portal.account.forms import CloseForm, KeyForm, PasswordForm, TotpForm
from portal.account.views import blueprint
from portal.addresses import url_for
from portal.errors import answer
from portal.signin import oidc as elsewhere
from portal.signin import views as signin

Answer = str | BaseResponse | tuple[str, int]


@blueprint.get("/account/security")
@owner_only
def security() -> Answer:
    core, owner = current.core(), current.owner()
    return render_template("account/security.html", form=PasswordForm(), problem="", **_facts(core, owner))


def _facts(core: Core, owner: Account) -> dict[str, object]:
    return {
        "factors": two_factor.list_factors(core, owner.id),
        "codes": recovery.count_codes(core, owner),
        "providers": oidc.list_providers(core),
        "links": {name for name, _at in oidc_login.list_links(core, owner)},
    }


@blueprint.route("/account/security/link", methods=["GET", "POST"])
@owner_only
def link() -> Answer:
    """Link a log-in that was just made elsewhere, with the password only: it opens the account from now on."""
    core, owner = current.core(), current.owner()
    proven = elsewhere.waits_for_link()
    if proven is None:
        return redirect(url_for("account.security"))
    form, trouble = PasswordForm(), None
    if form.validate_on_submit():
        try:
            current.prove(form.current.data)
            oidc_login.link_login(core, owner, proven)
        except MailError as problem:
            trouble = problem
        else:
            session.pop("linking", None)
            flash(_("The log-in is linked. You can use it when you have forgotten your password."))
            return redirect(url_for("account.security"))
    title = oidc.find_provider(core, proven.source).title
    return _show("account/link.html", trouble, form=form, proven=proven, title=title)


@blueprint.post("/account/security/unlink")
@owner_only
def unlink() -> Answer:
    core, owner, form = current.core(), current.owner(), PasswordForm()
    try:
        current.prove(form.current.data or "")
    except MailError as problem:
        return _show("account/security.html", problem, form=form, **_facts(core, owner))
    oidc_login.unlink_login(core, owner, request.form.get("provider", ""))
    return redirect(url_for("account.security"))


def _show(template: str, problem: MailError | None = None, **values: object) -> Answer:
    code, words = answer(problem) if problem else (200, "")
    return render_template(template, problem=words, **values), code


@blueprint.route("/account/security/app", methods=["GET", "POST"])
@owner_only
def totp() -> Answer:
    """The secret is shown as a picture and as text; a first code proves that the app has it."""
    core, owner = current.core(), current.owner()
    form, trouble = TotpForm(), None
    if form.validate_on_submit():
        try:
            current.prove(form.current.data)
            two_factor.finish_totp(core, owner, form.code.data)
        except MailError as problem:
            trouble = problem
        else:
            return _turned_on()
    secret, uri = two_factor.begin_totp(core, owner)
    picture = segno.make(uri, error="m").svg_inline(
        scale=5, light="#fff", svgclass="qr", title=_("Picture for your app")
    )
    groups = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
    return _show("account/totp.html", trouble, form=form, secret=groups, uri=uri, picture=Markup(picture))  # noqa: S704 - made of digits and letters by segno


def _turned_on() -> Answer:
    """Recovery codes come with the first second factor: who loses the telephone must get in."""
    core, owner = current.core(), current.owner()
    flash(_("Two-step log-in is on. Mail programs need app passwords from now on."))
    if recovery.count_codes(core, owner):
        return redirect(url_for("account.security"))
    return render_template("account/codes.html", codes=recovery.create_codes(core, owner))


def _take_challenge() -> bytes:
    """Take what the page's device was to sign, which is good once; empty where no page was shown before."""
    return bytes.fromhex(session.pop("challenge", ""))


def _create_challenge() -> bytes:
    challenge = security_keys.create_challenge()
    session["challenge"] = challenge.hex()
    return challenge


@dataclass(frozen=True, slots=True)
class _NewKey:
    """A page that adds a device: what it shows, what it asks of the device, and what its answer becomes."""

    template: str
    create_options: Callable[[Core, Account, bytes], str]
    register: Callable[[Core, Account, bytes, str, str], object]
    finish: Callable[[], Answer]

    def show(self) -> Answer:
        core, owner = current.core(), current.owner()
        form, trouble = KeyForm(), None
        if form.validate_on_submit():
            challenge = _take_challenge()
            try:
                current.prove(form.current.data)
                self.register(core, owner, challenge, form.response.data or "", form.label.data or "")
            except MailError as problem:
                trouble = problem
            else:
                return self.finish()
        return _show(self.template, trouble, form=form, options=self.create_options(core, owner, _create_challenge()))


def _passkey_added() -> Answer:
    flash(_("The passkey is saved. You can log in with it alone."))
    return redirect(url_for("account.security"))


NEW_KEY = _NewKey("account/key.html", security_keys.create_registration_options, security_keys.register_key, _turned_on)
NEW_PASSKEY = _NewKey(
    "account/passkey.html", passkeys.create_registration_options, passkeys.register_passkey, _passkey_added
)


@blueprint.route("/account/security/key", methods=["GET", "POST"])
@owner_only
def key() -> Answer:
    """Only this page needs a script: the browser speaks with the key by it."""
    return NEW_KEY.show()


@blueprint.route("/account/security/passkey", methods=["GET", "POST"])
@owner_only
def passkey() -> Answer:
    """Add a passkey; it needs the page's script, as a security key does."""
    return NEW_PASSKEY.show()


@blueprint.route("/login/key", methods=["GET", "POST"])
@second_step
def login_key() -> Answer:
    """The second step by a security key; without a script the page of codes does the same."""
    account = current.awaited()
    trouble: MailError | None = None
    if request.method == "POST":
        challenge = _take_challenge()
        try:
            if not challenge:
                raise WrongPassword
            security_keys.check_answer(current.core(), account, challenge, request.form.get("response", ""))
        except MailError as problem:
            trouble = problem
        else:
            return signin.finish_second(account)
    options = security_keys.create_login_options(current.core(), account, _create_challenge())
    return _show("signin/key.html", trouble, options=options)


@blueprint.post("/account/security/remove")
@owner_only
def remove_factor() -> Answer:
    core, owner, form = current.core(), current.owner(), PasswordForm()
    number = request_values.number(request.form.get("factor"))
    try:
        current.prove(form.current.data or "")
    except MailError as problem:
        return _show("account/security.html", problem, form=form, **_facts(core, owner))
    if number:
        two_factor.remove_factor(core, owner, number)
        flash(_("Removed."))
    return redirect(url_for("account.security"))


@blueprint.post("/account/security/codes")
@owner_only
def codes() -> Answer:
    core, owner, form = current.core(), current.owner(), PasswordForm()
    try:
        current.prove(form.current.data or "")
    except MailError as problem:
        return _show("account/security.html", problem, form=form, **_facts(core, owner))
    return render_template("account/codes.html", codes=recovery.create_codes(core, owner))


# The end of an account


@blueprint.route("/account/close", methods=["GET", "POST"])
@owner_only
def close() -> Answer:
    core, owner = current.core(), current.owner()
    form, trouble = CloseForm(notice=moving_day.find_new_address(core, owner.id)), None
    if form.validate_on_submit():
        try:
            current.prove(form.current.data)
            _account, link = closing.close_account(core, owner.name, new_address=form.notice.data or "")
        except MailError as problem:
            trouble = problem
        else:
            current.web_session().renew(None)
            g.account = None
            return render_template("account/closed.html", link=link, owner=owner)
    code, words = answer(trouble) if trouble else (400 if form.errors else 200, "")
    page = render_template(
        "account/close.html", problem=words, form=form, takeout="takeout.index" in current_app.view_functions
    )
    return page, code


@blueprint.route("/account/undo/<token>", methods=["GET", "POST"])
@public
def undo(token: str) -> Answer:
    """GET shows a button only."""
    owner = closing.find_closed_account(current.core(), token)
    if request.method == "POST":
        closing.undo_closing(current.core(), token)
        flash(_("The account is open again. Log in as before. A forwarding must be agreed to again."))
        return redirect(url_for("signin.login"))
    return render_template("account/undo.html", owner=owner)
