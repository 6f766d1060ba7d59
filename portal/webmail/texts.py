"""Ready texts: created, changed and deleted; the form for writing puts them in."""

from flask import flash, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from mailcore.errors import MailError
from mailcore.services.webmail import overview, ready_texts
from portal import current
from portal.access import owner_only
from portal.addresses import url_for
from portal.errors import answer
from portal.webmail.forms import TextForm
from portal.webmail.views import blueprint


@blueprint.route("/mail/texts", methods=["GET", "POST"])
@owner_only
def texts() -> str | BaseResponse | tuple[str, int]:
    """`?name=` opens one to be changed."""
    core, owner, form = current.core(), current.owner().id, TextForm()
    problem, code = "", 200
    if request.method == "POST":
        try:
            if request.form.get("action") == "delete":
                ready_texts.delete_text(core, owner, form.before.data or "")
                flash(_("The text is deleted."))
                return redirect(url_for("webmail.texts"), 303)
            if form.validate_on_submit():
                ready_texts.save_text(core, owner, form.name.data or "", form.text.data or "", form.before.data or "")
                flash(_("The text is saved."))
                return redirect(url_for("webmail.texts"), 303)
            code = 400
        except MailError as trouble:
            code, problem = answer(trouble)
    saved = ready_texts.list_texts(core, owner)
    chosen = next((one for one in saved if one.name == request.args.get("name")), None)
    if request.method == "GET" and chosen:
        form.name.data, form.before.data, form.text.data = chosen.name, chosen.name, chosen.text
    boxes = overview.list_mailboxes(core, owner)
    page = render_template("webmail/texts.html", form=form, saved=saved, chosen=chosen, boxes=boxes, problem=problem)
    return page, code
