"""The link of a notice of a new log-in: its owner ends all sessions, without logging in (N30)."""

import contextlib

from flask import render_template

from mailcore.errors import TooMany
from mailcore.services.credentials import stop_links
from mailcore.services.signin import password_requests
from portal import current
from portal.access import public
from portal.signin.views import Answer, blueprint
from portal.web_form import EmptyForm


@blueprint.route("/login/stop/<token>", methods=["GET", "POST"])
@public
def stop_sessions(token: str) -> Answer:
    """GET shows a button only; afterwards a link to choose a new password goes to the contact addresses."""
    owner, form, is_done = stop_links.find_owner(current.core(), token), EmptyForm(), False
    if form.validate_on_submit():
        owner, is_done = stop_links.end_sessions(current.core(), token), True
        with contextlib.suppress(TooMany):
            password_requests.send_links(current.core(), owner.name, peer=current.peer(), device=current.device())
    return render_template("signin/stop.html", owner=owner, form=form, is_done=is_done)
