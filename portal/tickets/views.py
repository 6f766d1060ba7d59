"""Cases as their people see them: one's own when logged in, or by the link that came by mail."""

from flask import Blueprint, Response, flash, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from mailcore.core import Core
from mailcore.domain import NewFile, Ticket, TicketState
from mailcore.errors import MailError
from mailcore.services.tickets import tickets
from portal import current, downloads, in_place
from portal.access import Large, owner_only, public, takes
from portal.addresses import url_for
from portal.errors import words_of
from portal.help.forms import ReplyForm
from portal.help.views import MAX_FORM, read_files

blueprint = Blueprint("tickets", __name__, url_prefix="/tickets")
Answer = str | BaseResponse | tuple[str, int]


def _has_link(core: Core) -> bool:
    """The link that came by mail knows its person."""
    try:
        tickets.find_by_token(core, str((request.view_args or {}).get("token", "")))
    except MailError:
        return False
    return True


@blueprint.get("/")
@owner_only
def index() -> str:
    return render_template("tickets/index.html", tickets=tickets.list_own(current.core(), current.owner().id))


@blueprint.route("/<int:number>", methods=["GET", "POST"])
@takes(Large(lambda _core: MAX_FORM))
@owner_only
def show(number: int) -> Answer:
    ticket = tickets.get_owned_ticket(current.core(), current.owner().id, number)
    return _page(ticket, url_for("tickets.show", number=number))


@blueprint.route("/link/<token>", methods=["GET", "POST"])
@takes(Large(lambda _core: MAX_FORM, known=_has_link))
@public
def by_link(token: str) -> Answer:
    """GET shows only: programs that look at links in mail must not confirm anything."""
    ticket = tickets.find_by_token(current.core(), token)
    here = url_for("tickets.by_link", token=token)
    if ticket.state == TicketState.UNCONFIRMED:
        form = ReplyForm()
        if form.validate_on_submit():
            tickets.confirm_ticket(current.core(), token)
            flash(_("Thank you. Your message has reached the help desk."))
            return redirect(here)
        return render_template("tickets/confirm.html", ticket=ticket, form=form)
    return _page(ticket, here)


def _page(ticket: Ticket, here: str) -> Answer:
    form, problem = ReplyForm(), ""
    if form.validate_on_submit():
        try:
            files, problem = read_files(form.files.data or [])
            if not problem:
                tickets.post_message(current.core(), ticket.id, form.text.data or "", files=files)
        except MailError as trouble:
            problem = words_of(trouble)
        if not problem:
            flash(_("Your message was added."))
            return redirect(here)
    messages = tickets.list_messages(current.core(), ticket, notes=False)
    mark = in_place.mark_of(messages)
    if in_place.has_seen(mark):
        return in_place.no_news()
    page = render_template(
        "tickets/show.html", ticket=ticket, messages=messages, form=form, problem=problem, here=here, mark=mark
    )
    return page, 400 if problem or form.errors else 200


@blueprint.get("/<int:number>/file/<int:file>")
@owner_only
def file(number: int, file: int) -> Response:
    ticket = tickets.get_owned_ticket(current.core(), current.owner().id, number)
    return as_download(tickets.load_file(current.core(), ticket, file, notes=False))


@blueprint.get("/link/<token>/file/<int:file>")
@public
def file_by_link(token: str, file: int) -> Response:
    return as_download(
        tickets.load_file(current.core(), tickets.find_by_token(current.core(), token), file, notes=False)
    )


def as_download(found: NewFile) -> Response:
    """Always saved, never shown: it came from a stranger."""
    response = Response(found.octets, mimetype="application/octet-stream")
    downloads.name_file(response, found.name)
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response
