"""Mail in the browser: mailboxes, lists, one message; what is done to messages; search."""

from flask import Blueprint, Response, flash, g, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as BaseResponse

from mailcore.errors import MailboxNotFound
from mailcore.services import html_mail, mail_actions, mail_files, mail_search, webmail
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
    undo = None if part else session.pop("undo", None)
    return render_template("webmail/_list.html" if part else "webmail/index.html", page=page, boxes=boxes, undo=undo)


@blueprint.post("/mail/<path:mailbox>/")
@web.login_required
def act(mailbox: str) -> BaseResponse:
    """One action on the messages that were ticked."""
    uids = [int(uid) for uid in request.form.getlist("uid") if uid.isdigit()]
    back = redirect(url_for("webmail.messages", mailbox=mailbox, page=request.form.get("page", 1, type=int)), 303)
    if not uids:
        flash(_("Choose some messages first."))
        return back
    done = mail_actions.act(
        web.core(), web.owner().id, mailbox, uids, request.form.get("action", ""), request.form.get("target", "")
    )
    if done.target:
        flash(ngettext("%(num)s message moved.", "%(num)s messages moved.", done.count))
        session["undo"] = [mailbox, done.target, list(done.uids)]
    else:
        flash(ngettext("%(num)s message changed.", "%(num)s messages changed.", done.count))
    return back


@blueprint.post("/mail/undo")
@web.login_required
def undo() -> BaseResponse:
    """The last move, taken back."""
    source, target = request.form.get("source", ""), request.form.get("target", "")
    uids = [int(uid) for uid in request.form.getlist("uid") if uid.isdigit()]
    done = mail_actions.act(web.core(), web.owner().id, target, uids, "move", source)
    flash(ngettext("%(num)s message moved back.", "%(num)s messages moved back.", done.count))
    return redirect(url_for("webmail.messages", mailbox=source), 303)


@blueprint.post("/mail/empty/<path:mailbox>")
@web.login_required
def empty(mailbox: str) -> BaseResponse:
    count = mail_actions.empty(web.core(), web.owner().id, mailbox)
    flash(ngettext("%(num)s message deleted for good.", "%(num)s messages deleted for good.", count))
    return redirect(url_for("webmail.messages", mailbox=mailbox), 303)


@blueprint.get("/mail/<path:mailbox>/<int:uid>")
@web.login_required
def message(mailbox: str, uid: int) -> str:
    reading = webmail.read_message(web.core(), web.owner().id, mailbox, uid)
    g.account = webmail.account(web.core(), web.owner().id)
    boxes = webmail.mailboxes(web.core(), web.owner().id)
    return render_template("webmail/message.html", reading=reading, page=None, boxes=boxes)


@blueprint.get("/mail/<path:mailbox>/<int:uid>/html")
@web.login_required
def html(mailbox: str, uid: int) -> Response:
    """What stands in the frame; its own policy lets nothing run and nothing be fetched."""
    safe = html_mail.page_of(mail_actions.whole(web.core(), web.owner().id, mailbox, uid))
    if safe is None:
        raise MailboxNotFound(f"no HTML in message {uid}")
    answer = Response(safe.html, content_type="text/html; charset=utf-8")
    answer.headers["Content-Security-Policy"] = html_mail.POLICY
    answer.headers["X-Frame-Options"] = "SAMEORIGIN"
    answer.headers["Referrer-Policy"] = "no-referrer"
    return answer


@blueprint.get("/mail/<path:mailbox>/<int:uid>/source")
@web.login_required
def source(mailbox: str, uid: int) -> Response:
    octets = mail_actions.whole(web.core(), web.owner().id, mailbox, uid)
    return Response(octets, content_type="text/plain; charset=utf-8")


@blueprint.get("/mail/<path:mailbox>/<int:uid>/file/<int:number>")
@web.login_required
def file(mailbox: str, uid: int, number: int) -> Response:
    """A picture may be shown, anything else is saved."""
    found = mail_files.download(web.core(), web.owner().id, mailbox, uid, number)
    answer = Response(found.octets, content_type=found.type)
    # werkzeug writes RFC 6266's filename* for names outside ASCII
    answer.headers.set("Content-Disposition", "inline" if found.may_show else "attachment", filename=found.name)
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


@blueprint.get("/mail/search")
@web.login_required
def search() -> str:
    asked = request.args.get("q", "").strip()
    hits = mail_search.search(web.core(), web.owner().id, mail_search.parse(asked)) if asked else []
    boxes = webmail.mailboxes(web.core(), web.owner().id)
    return render_template("webmail/search.html", asked=asked, hits=hits, boxes=boxes, limit=mail_search.MAX_FOUND)
