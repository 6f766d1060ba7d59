"""Invitations on the page of a message: the card, and the buttons that answer by mail."""

from functools import partial

from flask import flash, redirect, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from mailcore.services.webmail import invitations
from portal import current
from portal.access import owner_only
from portal.addresses import url_for
from portal.webmail import invitation_words
from portal.webmail.views import blueprint


@blueprint.post("/mail/<path:mailbox>/<int:uid>/answer")
@owner_only
def answer_invitation(mailbox: str, uid: int) -> BaseResponse:
    """Send yes, no or maybe to the organizer."""
    answer = request.form.get("answer", "")
    meeting = invitations.answer_invitation(
        current.core(), current.owner(), mailbox, uid, answer, partial(invitation_words.answer_words, answer)
    )
    if meeting.organizer:
        flash(_("Your answer is sent to %(who)s.", who=invitation_words.named(meeting.organizer)))
    return redirect(url_for("webmail.message", mailbox=mailbox, uid=uid), 303)
