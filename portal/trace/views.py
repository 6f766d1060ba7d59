"""Pages of delivery traces: why a message came, and why one did not (N14)."""

from flask import Blueprint, flash, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from mailcore.domain import Mailbox
from mailcore.services.delivery import traces
from mailcore.services.filtering import learning
from mailcore.services.webmail import overview
from portal import current, formats
from portal.access import owner_only
from portal.addresses import url_for
from portal.trace import words
from portal.web_form import EmptyForm

blueprint = Blueprint("trace", __name__)


def _titles() -> dict[str, str]:
    boxes: list[Mailbox] = overview.list_mailboxes(current.core(), current.owner().id)
    return {box.name: formats.mailbox_title(box) for box in boxes}


@blueprint.get("/trace")
@owner_only
def index() -> str:
    asked = request.args.get("q", "").strip()[:200]
    found = traces.search(current.core(), current.owner().id, asked)
    return render_template(
        "trace/index.html",
        asked=asked,
        found=found,
        words=words,
        titles=_titles(),
        limit=traces.SHOWN,
        lessons=learning.count_lessons(current.core(), current.owner().id),
    )


@blueprint.post("/trace/lessons")
@owner_only
def forget_lessons() -> Response:
    if EmptyForm().validate_on_submit():
        learning.forget_lessons(current.core(), current.owner().id)
        flash(_("The spam filter has forgotten what you taught it."))
    return redirect(url_for("trace.index"))


@blueprint.get("/trace/<int:number>")
@owner_only
def show_trace(number: int) -> str:
    return _page(traces.get(current.core(), current.owner().id, number))


@blueprint.get("/trace/of/<path:mailbox>/<int:uid>")
@owner_only
def message(mailbox: str, uid: int) -> str:
    return _page(traces.of_message(current.core(), current.owner().id, mailbox, uid))


def _page(found: traces.Trace | None) -> str:
    return render_template("trace/one.html", trace=found, words=words, titles=_titles(), unknown=_("(no subject)"))
