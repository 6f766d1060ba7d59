"""Mailing lists left from the page of a message."""

from flask import flash, redirect
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from mailcore.errors import NotAllowed
from mailcore.services.webmail import list_leaving
from portal import current
from portal.access import owner_only
from portal.addresses import url_for
from portal.webmail.views import blueprint


@blueprint.post("/mail/<path:mailbox>/<int:uid>/leave")
@owner_only
def leave_list(mailbox: str, uid: int) -> BaseResponse:
    """Send the one request that takes the owner off the list."""
    try:
        host = list_leaving.press(current.core(), current.owner().id, mailbox, uid)
    except NotAllowed:
        flash(_("The list did not confirm. Try again later, or use the link in the message itself."))
    else:
        flash(_("Done: %(host)s was asked to send you no more.", host=host))
    return redirect(url_for("webmail.message", mailbox=mailbox, uid=uid), 303)
