"""Messages that are put aside and shown again: one from its own page, several from a list."""

from datetime import datetime, timedelta
from operator import itemgetter

from flask import flash, redirect, render_template, request, session
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as BaseResponse

from mailcore.errors import MailboxNotFound, NotAllowed
from mailcore.services.webmail import mail_actions, mail_list, overview, snooze
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
    until = list_times().get(when) or _read_time(request.form.get("at", ""))
    try:
        done = snooze.snooze(core, owner, mailbox, [uid], until)
    except NotAllowed:
        flash(_("Choose a time to come, within five years."))
        return redirect(url_for("webmail.message", mailbox=mailbox, uid=uid), 303)
    flash(_("The message is put aside. It comes back %(when)s.", when=show.long_date(until)))
    if mailbox != done.target:
        session["undo"] = [mailbox, done.target, list(done.uids)]
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
    core, owner, uids = current.core(), current.owner().id, lists.ticked()[: lists.MAX_UNDO]
    back = request_values.query(request.form.get("back", ""))
    until = list_times().get(request.form.get("when", "")) or _read_time(request.form.get("at", ""))
    try:
        done = snooze.snooze(core, owner, mailbox, uids, until)
    except NotAllowed:
        flash(_("Choose a time to come, within five years."))
        again = url_for("webmail.choose_time", mailbox=mailbox, uid=lists.join_uids(uids), back=back or None)
        return redirect(again, 303)
    words = ngettext(
        "%(num)s message is put aside. It comes back %(when)s.",
        "%(num)s messages are put aside. They come back %(when)s.",
        done.count,
        when=show.long_date(until),
    )
    flash(words)
    if mailbox != done.target:
        session["undo"] = [mailbox, done.target, list(done.uids)]
    return redirect(url_for("webmail.messages", mailbox=mailbox) + back, 303)


def _read_time(written: str) -> datetime:
    """Read a time of the form; one that is none has passed."""
    try:
        return datetime.fromisoformat(written).replace(tzinfo=current.core().config.zone)
    except ValueError:
        return current.core().clock.now()
