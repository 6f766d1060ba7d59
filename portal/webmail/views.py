"""Reading mail: mailboxes, lists, one message as plain text."""

from flask import Blueprint, g, render_template, request

from mailcore.services import webmail
from portal import web

blueprint = Blueprint("webmail", __name__)


@blueprint.get("/mail/")
@web.login_required
def index() -> str:
    """The inbox, with all mailboxes beside it."""
    return _list("INBOX")


@blueprint.get("/mail/<path:mailbox>/")
@web.login_required
def messages(mailbox: str) -> str:
    return _list(mailbox)


def _list(name: str) -> str:
    number = request.args.get("page", 1, type=int)
    page = webmail.page(web.core(), web.owner().id, name, number)
    boxes = webmail.mailboxes(web.core(), web.owner().id)
    # an enhancement only: the same address gives the whole page without HTMX
    part = request.headers.get("HX-Target") == "messages"
    return render_template("webmail/_list.html" if part else "webmail/index.html", page=page, boxes=boxes)


@blueprint.get("/mail/<path:mailbox>/<int:uid>")
@web.login_required
def message(mailbox: str, uid: int) -> str:
    reading = webmail.read_message(web.core(), web.owner().id, mailbox, uid)
    g.account = webmail.account(web.core(), web.owner().id)
    boxes = webmail.mailboxes(web.core(), web.owner().id)
    return render_template("webmail/message.html", reading=reading, page=None, boxes=boxes)
