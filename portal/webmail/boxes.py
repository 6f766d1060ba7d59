"""Mailboxes created, renamed, deleted and emptied."""

from flask import flash, redirect, render_template, request
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as BaseResponse

from mailcore.errors import MailError
from mailcore.services.webmail import mailboxes, overview
from portal import current
from portal.access import owner_only
from portal.addresses import url_for
from portal.errors import answer
from portal.webmail.views import blueprint


@blueprint.route("/mail/boxes", methods=["GET", "POST"])
@owner_only
def boxes() -> str | BaseResponse | tuple[str, int]:
    """One form for each thing that can be done; deleting asks once more where there is mail inside."""
    core, owner = current.core(), current.owner().id
    problem, code, asked = "", 200, ""
    if request.method == "POST":
        name, new = request.form.get("name", ""), request.form.get("new", "").strip()
        try:
            match request.form.get("action"):
                case "create":
                    mailboxes.create_mailbox(core, owner, new, request.form.get("inside", ""))
                    flash(_("The mailbox is created."))
                case "rename":
                    mailboxes.rename_mailbox(core, owner, name, new)
                    flash(_("The mailbox has its new name."))
                case "delete" if request.form.get("sure") or not mailboxes.count_messages(core, owner, name):
                    count = mailboxes.delete_mailbox(core, owner, name)
                    flash(
                        ngettext(
                            "The mailbox is deleted. %(num)s message went to the trash.",
                            "The mailbox is deleted. %(num)s messages went to the trash.",
                            count,
                        )
                    )
                case "delete":
                    asked = name
                case _:
                    pass
        except MailError as trouble:
            code, problem = answer(trouble)
        if not problem and not asked:
            return redirect(url_for("webmail.boxes"), 303)
    page = render_template(
        "webmail/boxes.html", boxes=overview.list_mailboxes(core, owner), problem=problem, asked=asked
    )
    return page, code
