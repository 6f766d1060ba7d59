"""Ordering: at once with a log-in that proves the person, or by a form that staff decide.  Nothing is created before."""

import secrets
from collections.abc import Mapping

from flask import Blueprint, g, redirect, render_template, request, session
from werkzeug.wrappers import Response as BaseResponse

from mailcore.domain import Proven
from mailcore.errors import MailError, NotEligible
from mailcore.services.accounts import orders
from mailcore.services.accounts import university as university_service
from mailcore.services.credentials import directory, login_log
from mailcore.services.signin import oidc
from portal import current, i18n, surroundings
from portal.access import public
from portal.addresses import url_for
from portal.errors import answer
from portal.orders.forms import AnswerForm, AtOnceForm, OrderForm, UniversityForm
from portal.signin.oidc import keep_proof

blueprint = Blueprint("orders", __name__)
Answer = str | BaseResponse | tuple[str, int]
PROOF_SECONDS = 1800


@blueprint.route("/order", methods=["GET", "POST"])
@public
def order() -> Answer:
    if surroundings.ending():
        return render_template("orders/closed.html")
    form, problem, code = OrderForm(), "", 200
    if form.validate_on_submit():
        try:
            orders.submit_order(
                current.core(),
                name=form.name.data.strip(),
                display_name=form.display_name.data.strip(),
                contact=form.contact.data.strip(),
                affiliation=form.in_words(),
                language=i18n.language(),
                terms=form.terms.data,
                key=form.key.data or secrets.token_urlsafe(16),
                peer=current.peer(),
                proven=_proven(),
            )
        except MailError as trouble:
            code, problem = answer(trouble)
        else:
            return redirect(url_for("orders.thanks"))
    page = render_template(
        "orders/order.html",
        form=form,
        problem=problem,
        directory=directory.is_on(current.core().config),
        providers=oidc.list_providers(current.core()),
    )
    return page, 400 if form.errors else code


@blueprint.get("/order/thanks")
@public
def thanks() -> str:
    return render_template("orders/thanks.html")


# With the university's log-in


@blueprint.route("/order/university", methods=["GET", "POST"])
@public
def university() -> Answer:
    """Ask for the university's user name and password, which are verified there and saved nowhere."""
    if surroundings.ending() or not directory.is_on(current.core().config):
        return redirect(url_for("orders.order"))
    form, problem, code = UniversityForm(), "", 200
    if form.validate_on_submit():
        try:
            keep_proof(
                university_service.verify_login(
                    current.core(), form.username.data, form.password.data, peer=current.peer(), device=current.device()
                )
            )
        except MailError as trouble:
            code, problem = answer(trouble)
        else:
            return redirect(url_for("orders.account"))
    return render_template("orders/university.html", form=form, problem=problem), 400 if form.errors else code


def _proven() -> Proven | None:
    """Return the person whom a log-in has proved in this session, within half an hour."""
    kept: Mapping[str, object] | None = session.get("proven")
    if not kept or session.get("proven_at", 0) < current.core().clock.seconds() - PROOF_SECONDS:
        return None
    return Proven(**{**kept, "kinds": tuple(kept["kinds"])})  # type: ignore[arg-type]  # as keep_proof wrote it


@blueprint.route("/order/account", methods=["GET", "POST"])
@public
def account() -> Answer:
    """Name, contact and terms; then the account is there."""
    core, proven = current.core(), _proven()
    if proven is None:
        return redirect(url_for("orders.order"))
    has = orders.find_account_of(core, proven)
    if has is not None and request.method == "GET":
        return render_template("orders/has_one.html", owner=has)
    if surroundings.ending():
        return redirect(url_for("orders.order"))
    try:
        orders.check_eligible(core, proven)
    except NotEligible as trouble:
        return render_template("orders/not_eligible.html", proven=proven, found=str(trouble)), 403
    names = orders.propose_names(core, proven)
    form, problem, code = AtOnceForm(name=names[0] if names else ""), "", 200
    if form.validate_on_submit():
        try:
            _order, made = orders.create_at_once(
                core,
                proven,
                name=form.name.data,
                contact=form.contact.data,
                language=i18n.language(),
                terms=form.terms.data,
                key=form.key.data or secrets.token_urlsafe(16),
                peer=current.peer(),
            )
        except MailError as trouble:
            if has is not None:
                return render_template("orders/has_one.html", owner=has)
            code, problem = answer(trouble)
        else:
            current.web_session().renew(made.id, source=proven.source)
            session["logged_in_at"] = core.clock.seconds()
            login_log.record_order_login(core, made, proven.source, current.peer(), request.user_agent.string)
            return current.remember_device(redirect(url_for("orders.ready")), made)
    page = render_template("orders/account.html", form=form, problem=problem, proven=proven, names=names)
    return page, 400 if form.errors else code


@blueprint.get("/order/ready")
@public
def ready() -> Answer:
    if g.account is None:
        return redirect(url_for("signin.login"))
    return render_template("orders/ready.html")


# The person's own page of an order that waits


@blueprint.route("/order/status/<token>", methods=["GET", "POST"])
@public
def status(token: str) -> Answer:
    """GET shows; the button confirms the contact address, or sends what the desk has asked for."""
    found = orders.find_by_token(current.core(), token)
    form, problem, code = AnswerForm(name=found.name), "", 200
    if form.validate_on_submit():
        try:
            if form.more.data or form.name.data.strip() != found.name:
                found = orders.answer_question(current.core(), token, name=form.name.data, more=form.more.data or "")
            else:
                found = orders.confirm_order(current.core(), token)
        except MailError as trouble:
            code, problem = answer(trouble)
    page = render_template("orders/status.html", form=form, problem=problem, order=found)
    return page, 400 if form.errors else code
