"""Readers of the notice that the service ends (N11): how many, and who has not.

The end is announced and carried out on the command line alone.
"""

from flask import flash, redirect, render_template
from flask_babel import gettext as _
from htmx_flask import request
from werkzeug.wrappers import Response as BaseResponse

from mailcore.domain import AccountId
from mailcore.services.accounts import accounts, sunset
from portal import current, surroundings
from portal.access import desk_only
from portal.addresses import url_for
from portal.desk.views import blueprint
from portal.request_values import number
from portal.web_form import EmptyForm

MOST = 50  # people on one page


@blueprint.get("/sunset")
@desk_only
def ending() -> str:
    core = current.core()
    if surroundings.ending() is None:
        return render_template("desk/sunset.html", progress=None)
    after = AccountId(number(request.args.get("after")))
    people = sunset.list_unread(core, after, MOST + 1)
    return render_template(
        "desk/sunset.html",
        progress=sunset.count_progress(core),
        people=people[:MOST],
        first=not after,
        more=people[MOST - 1].account if len(people) > MOST else None,
    )


@blueprint.post("/people/<name>/knows")
@desk_only
def confirm_notice_read(name: str) -> BaseResponse:
    """Record that the owner has read the notice, as confirmed to the desk, by telephone say."""
    owner = accounts.find_account(current.core(), name)
    if EmptyForm().validate_on_submit():
        sunset.confirm_read(current.core(), owner.id, "desk", actor=current.owner().name)
        flash(_("It is noted, and the owner sees it in the log."))
    return redirect(url_for("desk.person", name=owner.name))
