"""Messages that are put aside and shown again: one from its own page, several from a list."""

from datetime import datetime, timedelta
from operator import itemgetter
from typing import NamedTuple

from flask import flash, redirect, render_template, request, session
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as BaseResponse

from mailcore.errors import MailboxNotFound, NotAllowed
from mailcore.services.webmail import drafts, mail_actions, mail_list, overview, snooze
from portal import current, request_values
from portal.access import owner_only
from portal.addresses import url_for
from portal.webmail import lists, show
from portal.webmail.views import blueprint

SHOWN = 10  # messages that are named on the page that asks for the time
MORNING, EVENING = 8, 18  # o'clock, where the university is


def list_times() -> dict[str, datetime]:
    """Return the times that are offered by name, the next one first: evening, morning and Monday morning."""
    core = current.core()
    now = core.clock.now().astimezone(core.config.zone)
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    evening = today.replace(hour=EVENING)
    times = {
        "evening": evening if now < evening - timedelta(hours=1) else (today + timedelta(days=1)).replace(hour=EVENING),
        "morning": (today + timedelta(days=1)).replace(hour=MORNING),
        "monday": (today + timedelta(days=7 - today.weekday())).replace(hour=MORNING),
    }
    return dict(sorted(times.items(), key=itemgetter(1)))


@blueprint.post("/mail/<path:mailbox>/<int:uid>/snooze")
@owner_only
def snooze_message(mailbox: str, uid: int) -> BaseResponse:
    """Put a message aside until a time by its name, or by `at`; `now` brings it back."""
    core, owner, when = current.core(), current.owner().id, request.form.get("when", "")
    if when == "now":
        mail_actions.apply_action(core, owner, mailbox, [uid], "move", "INBOX")
        flash(_("The message is back in the inbox."))
        return redirect(url_for("webmail.index"), 303)
    if (put_aside := _put_aside(mailbox, [uid])) is None:
        return redirect(url_for("webmail.message", mailbox=mailbox, uid=uid), 303)
    flash(_("The message is put aside. It comes back %(when)s.", when=show.long_date(put_aside.until)))
    return redirect(url_for("webmail.messages", mailbox=mailbox), 303)


@blueprint.get("/mail/snooze/<path:mailbox>")
@owner_only
def choose_time(mailbox: str) -> str:
    """Ask when the messages of `uid` come back; `back` is the part of the list that they were on."""
    core, owner, uids = (
        current.core(),
        current.owner().id,
        lists.read_uids(request.args.getlist("uid"))[: lists.MAX_UNDO],
    )
    lines = mail_list.list_chosen(core, owner, mailbox, uids[:SHOWN])
    if not lines:
        raise MailboxNotFound(f"messages of {mailbox}")
    return render_template(
        "webmail/snooze.html",
        here=mailbox,
        uids=uids,
        back=request_values.query(request.args.get("back", "")),
        subjects=[line.subject for line in lines],
        more=max(0, len(uids) - SHOWN),
        times=list_times(),
        boxes=overview.list_mailboxes(core, owner),
    )


@blueprint.post("/mail/snooze/<path:mailbox>")
@owner_only
def snooze_messages(mailbox: str) -> BaseResponse:
    """Put several messages aside until a time by its name, or by `at`."""
    uids = lists.ticked()[: lists.MAX_UNDO]
    back = request_values.query(request.form.get("back", ""))
    if (put_aside := _put_aside(mailbox, uids)) is None:
        again = url_for("webmail.choose_time", mailbox=mailbox, uid=lists.join_uids(uids), back=back or None)
        return redirect(again, 303)
    words = ngettext(
        "%(num)s message is put aside. It comes back %(when)s.",
        "%(num)s messages are put aside. They come back %(when)s.",
        put_aside.messages,
        when=show.long_date(put_aside.until),
    )
    flash(words)
    return redirect(url_for("webmail.messages", mailbox=mailbox) + back, 303)


class _PutAside(NamedTuple):
    messages: int
    until: datetime


def _put_aside(mailbox: str, uids: list[int]) -> _PutAside | None:
    """Put messages aside until the time of the form, which can be undone; None, and words of it, for a time that is none."""
    core = current.core()
    try:
        until = list_times().get(request.form.get("when", "")) or drafts.read_time(core, request.form.get("at", ""))
        done = snooze.snooze(core, current.owner().id, mailbox, uids, until)
    except NotAllowed:
        flash(_("Choose a time to come, within five years."))
        return None
    if mailbox != done.target:
        session["undo"] = [mailbox, done.target, list(done.uids)]
    return _PutAside(done.count, until)
