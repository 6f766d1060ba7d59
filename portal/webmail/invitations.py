"""Invitations on the page of a message: the card, and the buttons that answer by mail."""

from functools import partial

from flask import flash, redirect, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from mailcore.services.webmail import invitations
from portal import current
from portal.access import owner_only
from portal.webmail import invitation_words, show
from portal.webmail.views import blueprint


@blueprint.post("/mail/<path:mailbox>/<int:uid>/answer")
@blueprint.post("/mail/<path:mailbox>/<int:uid>/inside/<inside>/answer", endpoint="answer_inside")
@owner_only
def answer_invitation(mailbox: str, uid: int, inside: str = "") -> BaseResponse:
    """Send yes, no or maybe to the organizer."""
    answer = request.form.get("answer", "")
    words = partial(invitation_words.answer_words, answer)
    meeting = invitations.answer_invitation(current.core(), current.owner(), mailbox, uid, answer, words, inside)
    if meeting.organizer:
        flash(_("Your answer is sent to %(who)s.", who=invitation_words.named(meeting.organizer)))
    return redirect(show.inside_url("page", inside, mailbox, uid), 303)
