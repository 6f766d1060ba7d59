"""The help desk: cases, people, orders, who is at risk.  For the roles `desk` and `admin`, given on the command line.

Facts stand beside a case, the content of mail never.  What is done to an account is in its audit log.
"""

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from mailcore.domain import Account, AccountId, OrderState, Ticket, TicketState
from mailcore.errors import MailError, NotAllowed
from mailcore.services import audit
from mailcore.services.accounts import accounts, desk, orders, sunset
from mailcore.services.quota import quota
from mailcore.services.tickets import canned, tickets
from portal import current, i18n, in_place, surroundings
from portal.access import desk_only
from portal.addresses import url_for
from portal.desk import words as spoken
from portal.desk.forms import ActForm
from portal.errors import words_of
from portal.tickets.views import as_download

blueprint = Blueprint("desk", __name__, url_prefix="/desk")
Answer = str | BaseResponse | tuple[str, int]
VIEWS = (TicketState.OPEN, TicketState.ANSWERED, TicketState.CLOSED, TicketState.UNCONFIRMED)
QUOTAS = ("3G", "4G", "6G", "10G", "20G")
DAYS = (0, 30, 90, 365)


def _template(name: str) -> str:
    """HTMX asks for what was found alone."""
    return f"desk/_{name}.html" if in_place.wants_part() else f"desk/{name}.html"


@blueprint.context_processor
def in_words() -> dict[str, object]:
    return {
        "about": spoken.ABOUT,
        "forwarding_words": spoken.FORWARDING,
        "ties": spoken.TIES,
        "language_names": i18n.LANGUAGES,
    }


@blueprint.get("/")
@desk_only
def index() -> str:
    core, agent = current.core(), current.owner()
    waiting = tickets.list_tickets(core, (TicketState.OPEN,))
    return render_template(
        "desk/index.html",
        counts=tickets.count_by_state(core),
        mine=[t for t in waiting if t.assignee == agent.id],
        free=[t for t in waiting if t.assignee is None][:10],
        pending=len(orders.list_orders(core, OrderState.SUBMITTED)),
        risks=len(desk.list_at_risk(core)),
        agents=_names(),
        progress=sunset.count_progress(core) if surroundings.ending() else None,
    )


def _names() -> dict[AccountId, str]:
    return {agent.id: agent.display_name or agent.name for agent in tickets.list_agents(current.core())}


@blueprint.get("/cases")
@desk_only
def cases() -> Answer:
    shown, words = request.args.get("state", TicketState.OPEN), request.args.get("q", "")
    states = VIEWS if shown == "all" else (TicketState(shown),) if shown in VIEWS else (TicketState.OPEN,)
    found = tickets.list_tickets(current.core(), states, words)
    mark = in_place.mark_of(found)
    if in_place.has_seen(mark):
        return in_place.no_news()
    return render_template(
        _template("cases"), tickets=found, shown=shown, views=VIEWS, words=words, agents=_names(), mark=mark
    )


@blueprint.route("/cases/<int:number>", methods=["GET", "POST"])
@desk_only
def case(number: int) -> Answer:
    core, agent = current.core(), current.owner()
    ticket = tickets.get_ticket(core, number)
    if ticket.id != number:
        return redirect(url_for("desk.case", number=ticket.id))
    form, problem = ActForm(), ""
    if form.validate_on_submit():
        if form.action.data == "canned":  # after what is written already
            ready = canned.find_answer(core, form.canned.data or "", ticket.language)
            form.text.data = "\n\n".join(part for part in ((form.text.data or "").strip(), ready) if part)
        else:
            try:
                flash(_act(ticket, agent, form))
            except MailError as trouble:
                problem = words_of(trouble)
            else:
                return redirect(url_for("desk.case", number=number))
    messages = tickets.list_messages(core, ticket, notes=True)
    mark = in_place.mark_of(messages)
    if in_place.has_seen(mark):
        return in_place.no_news()
    owner = tickets.find_owner(core, ticket)
    page = render_template(
        "desk/case.html",
        ticket=ticket,
        messages=messages,
        mark=mark,
        form=form,
        problem=problem,
        facts=desk.load_facts(core, owner.id, agent=agent) if owner else None,
        canned=canned.list_answers(core, ticket.language),
        agents=_names(),
        others=tickets.list_similar(core, ticket),
        quotas=QUOTAS,
        days=DAYS,
    )
    return page, 400 if problem or form.errors else 200


def _act(ticket: Ticket, agent: Account, form: ActForm) -> str:
    """Do what was pressed; words about it."""
    core, number = current.core(), ticket.id
    match form.action.data:
        case "reply" | "reply-close":
            tickets.send_reply(core, number, form.text.data or "", agent=agent, close=form.action.data == "reply-close")
            return _("The answer is on its way.")
        case "note":
            tickets.add_note(core, number, form.text.data or "", agent=agent)
            return _("The note is saved. Only the help desk sees it.")
        case "close":
            tickets.close_ticket(core, number)
            return _("The case is closed.")
        case "reopen":
            tickets.reopen_ticket(core, number)
            return _("The case is open again.")
        case "take":
            tickets.assign_ticket(core, number, agent.id)
            return _("The case is yours.")
        case "assign":
            tickets.assign_ticket(core, number, AccountId(form.assignee.data) if form.assignee.data else None)
            return _("The case is handed over.")
        case "merge":
            stays = tickets.merge_tickets(core, number, form.into.data or 0)
            return _("The two cases are now one, number %(number)s.", number=stays.id)
        case "confirm":
            tickets.confirm_ticket(core, ticket.token)
            return _("The case is open.")
        case "quota" if ticket.account is not None:
            quota.grant_quota(core, ticket.account, form.quota.data or "", agent=agent, days=form.days.data or 0)
            tickets.add_note(core, number, f"quota {form.quota.data}", agent=agent)
            return _("The new quota applies at once, and the owner is told.")
    raise NotAllowed("no such action")


@blueprint.get("/cases/<int:number>/file/<int:file>")
@desk_only
def file(number: int, file: int) -> Any:  # Any: desk_only's union with a redirect
    return as_download(tickets.load_file(current.core(), tickets.get_ticket(current.core(), number), file, notes=True))


@blueprint.get("/cases/<int:number>/header/<int:message>")
@desk_only
def header(number: int, message: int) -> str:
    """Show which way the mail of a case came, and what was found out about its sender."""
    ticket = tickets.get_ticket(current.core(), number)
    return render_template(
        "desk/header.html", ticket=ticket, header=tickets.load_header(current.core(), ticket, message)
    )


@blueprint.get("/people")
@desk_only
def people() -> str:
    words = request.args.get("q", "")
    return render_template(_template("people"), words=words, found=desk.search_accounts(current.core(), words))


@blueprint.route("/people/<name>", methods=["GET", "POST"])
@desk_only
def person(name: str) -> Answer:
    core, agent = current.core(), current.owner()
    owner = accounts.find_account(core, name)
    form, problem = ActForm(), ""
    if form.validate_on_submit():
        try:
            if form.action.data != "quota":
                raise NotAllowed("no such action")
            quota.grant_quota(core, owner.id, form.quota.data or "", agent=agent, days=form.days.data or 0)
        except MailError as trouble:
            problem = words_of(trouble)
        else:
            flash(_("The new quota applies at once, and the owner is told."))
            return redirect(url_for("desk.person", name=owner.name))
    facts = desk.load_facts(core, owner.id, agent=agent)
    page = render_template(
        "desk/person.html",
        facts=facts,
        form=form,
        problem=problem,
        tickets=tickets.list_own(core, owner.id),
        log=audit.list_entries(core, owner.id, 50),
        quotas=QUOTAS,
        days=DAYS,
        knowledge=sunset.find_person(core, owner.id),
    )
    return page, 400 if problem or form.errors else 200


@blueprint.route("/orders", methods=["GET", "POST"])
@desk_only
def order_list() -> Answer:
    form = ActForm()
    if form.validate_on_submit():
        agent, number = current.owner().name, form.into.data or 0
        if form.action.data == "approve":
            orders.approve_order(current.core(), number, actor=agent)
            flash(_("The account is created, and its owner has been sent a link by mail."))
        elif form.action.data == "ask":
            orders.ask_for_proof(current.core(), number, form.text.data or "", actor=agent)
            flash(_("The question is on its way; the order waits for the answer."))
        elif form.action.data == "reject":
            orders.reject_order(current.core(), number, form.text.data or "", actor=agent)
            flash(_("The order is rejected."))
        return redirect(url_for("desk.order_list"))
    waiting = orders.list_orders(current.core(), OrderState.SUBMITTED, OrderState.AWAITING_PROOF)
    return render_template("desk/orders.html", orders=waiting, form=form)


@blueprint.get("/risk")
@desk_only
def risk() -> str:
    return render_template("desk/risk.html", people=desk.list_at_risk(current.core()))
