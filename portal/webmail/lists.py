"""Mailboxes as lists, and what is done to the messages that were ticked."""

from contextlib import suppress
from datetime import date

from flask import flash, redirect, render_template, request, session
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as BaseResponse

from mailcore.services.webmail import drafts, mail_actions, mail_list, overview, snippets
from mailcore.services.webmail.mail_list import ListRequest
from mailcore.services.webmail.mail_settings import MailSettings
from portal import current, request_values
from portal.access import owner_only
from portal.addresses import url_for
from portal.webmail import reader
from portal.webmail import rows as shown
from portal.webmail.views import blueprint

MAX_UNDO = 500  # messages; more are moved back by hand


@blueprint.get("/mail/")
@owner_only
def index() -> str:
    """The inbox, with all mailboxes beside it."""
    return _list("INBOX")


@blueprint.get("/mail/<path:mailbox>/")
@owner_only
def messages(mailbox: str) -> str:
    return _list(mailbox)


def _list(name: str) -> str:
    settings = reader.read_settings()
    page = mail_list.page(current.core(), current.owner().id, name, _wish(settings))
    boxes = overview.list_mailboxes(current.core(), current.owner().id)
    begins = (
        snippets.list_snippets(current.core(), page.mailbox.id, [one.uid for one in page.lines])
        if settings.snippets
        else {}
    )
    query = request.query_string.decode("ascii", "ignore")
    return render_template(
        "webmail/index.html",
        page=page,
        boxes=boxes,
        undo=session.pop("undo", None),
        back=f"?{query}" if query else "",
        rows=shown.rows(
            page,
            url_for("webmail.messages", mailbox=page.mailbox.name),
            ticked=request.args.get("tick") == "all",
            snippets=begins,
        ),
        waiting=[one for one in drafts.list_writings(current.core(), current.owner().id) if not one.is_open],
    )


def _wish(settings: MailSettings) -> ListRequest:
    """Read the list that the address asks for; anything unknown is the plain list."""
    args = request.args
    order = args.get("order", "date")
    view = args.get("view", "threads" if settings.threads else "flat")
    day: date | None = None
    with suppress(ValueError):
        day = date.fromisoformat(args.get("day", ""))
    only = args.get("only", "")
    return ListRequest(
        order if order in mail_list.ORDERS else "date",
        args.get("way") == "up",
        only if only in mail_list.ONLY else "",
        view == "threads" and order == "date",
        args.get("after", ""),
        args.get("before", ""),
        day,
        mail_list.PAGE_WITH_SNIPPETS if settings.snippets else mail_list.PAGE,
    )


def ticked() -> list[int]:
    """The uids of a form; a conversation's tick holds those of all its messages."""
    return read_uids(request.form.getlist("uid"))


def read_uids(values: list[str]) -> list[int]:
    uids = (request_values.number(uid) for value in values for uid in value.split(","))
    return [uid for uid in uids if 0 < uid < 2**32]


def join_uids(uids: list[int]) -> str:
    return ",".join(map(str, uids[:MAX_UNDO]))


def _back(mailbox: str) -> BaseResponse:
    """Return to the part of the list that the form was on."""
    return redirect(
        url_for("webmail.messages", mailbox=mailbox) + request_values.query(request.form.get("back", "")), 303
    )


@blueprint.post("/mail/<path:mailbox>/")
@owner_only
def act(mailbox: str) -> BaseResponse:
    """One action on the messages that were ticked."""
    action, uids = request.form.get("action", ""), ticked()
    if action == "read-all":
        count = mail_actions.mark_all_read(current.core(), current.owner().id, mailbox)
        flash(ngettext("%(num)s message marked as read.", "%(num)s messages marked as read.", count))
        return _back(mailbox)
    if not uids:
        flash(_("Choose some messages first."))
        return _back(mailbox)
    if action == "snooze":
        back = request_values.query(request.form.get("back", ""))
        return redirect(url_for("webmail.choose_time", mailbox=mailbox, uid=join_uids(uids), back=back or None), 303)
    done = mail_actions.apply_action(
        current.core(), current.owner().id, mailbox, uids, action, request.form.get("target", "")
    )
    if done.target:
        flash(ngettext("%(num)s message moved.", "%(num)s messages moved.", done.count))
        if done.count <= MAX_UNDO:
            session["undo"] = [mailbox, done.target, list(done.uids)]
    else:
        flash(ngettext("%(num)s message changed.", "%(num)s messages changed.", done.count))
    return _back(mailbox)


@blueprint.post("/mail/undo")
@owner_only
def undo() -> BaseResponse:
    """The last move, taken back."""
    source, target = request.form.get("source", ""), request.form.get("target", "")
    done = mail_actions.apply_action(current.core(), current.owner().id, target, ticked(), "move", source)
    flash(ngettext("%(num)s message moved back.", "%(num)s messages moved back.", done.count))
    return redirect(url_for("webmail.messages", mailbox=source), 303)


@blueprint.post("/mail/empty/<path:mailbox>")
@owner_only
def empty(mailbox: str) -> BaseResponse:
    count = mail_actions.empty_mailbox(current.core(), current.owner().id, mailbox)
    flash(ngettext("%(num)s message deleted for good.", "%(num)s messages deleted for good.", count))
    return redirect(url_for("webmail.messages", mailbox=mailbox), 303)
