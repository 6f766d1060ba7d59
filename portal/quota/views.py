"""Pages of the quota: the room used, making more of it, borrowing some, asking for more (S19, S22, S27, N6, N21).

All of it works over quota.
"""

import time
from contextlib import suppress
from dataclasses import replace

from flask import Blueprint, flash, redirect, render_template, request
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as BaseResponse

from mailcore.domain import Mailbox
from mailcore.errors import MailError
from mailcore.services.quota import cleanup, quota
from mailcore.services.quota.cleanup import Choice
from mailcore.services.tickets import tickets
from mailcore.services.webmail import list_leaving, overview
from mailcore.services.webmail.list_leaving import Ways
from portal import current, formats, i18n
from portal.access import owner_only
from portal.addresses import url_for
from portal.errors import answer
from portal.quota.forms import MoreForm
from portal.request_values import number
from portal.web_form import EmptyForm

blueprint = Blueprint("quota", __name__)
Answer = str | BaseResponse | tuple[str, int]

LISTS = ("largest", "oldest", "forwarded", "newsletters")
AGES = (0, 30, 90, 180, 365)  # days
MAX_CHOSEN = 2000
MAX_LEFT = 20  # lists that are left at once
LEAVING_SECONDS = 30  # for all of them


@blueprint.get("/quota")
@owner_only
def index() -> str:
    core, owner = current.core(), current.owner().id
    show = request.args.get("show", "")
    show = show if show in LISTS else "largest"
    days = number(request.args.get("days"), cleanup.DAYS)
    days = days if days in AGES else cleanup.DAYS
    items: list[cleanup.Item] = []
    senders: list[cleanup.Sender] = []
    copies = None
    if show == "largest":
        items = cleanup.list_largest(core, owner)
    elif show == "oldest":
        items = cleanup.list_oldest(core, owner)
    elif show == "forwarded":
        items, copies = cleanup.list_forwarded(core, owner, days)
    else:
        senders = cleanup.list_newsletters(core, owner)
    boxes = overview.list_mailboxes(core, owner)
    heaps = [
        (box, cleanup.measure_special_use(core, owner, box.special_use))
        for box in boxes
        if box.special_use in ("\\Trash", "\\Junk")
    ]
    return render_template(
        "quota/index.html",
        boxes=_by_size(boxes),
        show=show,
        days=days,
        ages=AGES,
        items=items,
        senders=senders,
        copies=copies,
        heaps=heaps,
        loan=quota.find_loan(core, owner),
        form=EmptyForm(),
    )


def _by_size(boxes: list[Mailbox]) -> list[Mailbox]:
    return sorted(boxes, key=lambda box: -box.octets)


def _choice() -> Choice:
    form = request.form
    days = number(form.get("forwarded"), -1)
    return Choice(
        messages=tuple(form.getlist("message")[:MAX_CHOSEN]),
        senders=tuple(form.getlist("sender")[:MAX_CHOSEN]),
        forwarded_days=days if days in AGES else None,
        special_uses=tuple(form.getlist("heap")),
    )


@blueprint.post("/quota/choose")
@owner_only
def choose() -> Answer:
    """Show what the choice would free, and one button.  Nothing is changed yet."""
    choice = _choice()
    freed = cleanup.measure_choice(current.core(), current.owner().id, choice)
    if not freed.count:
        flash(_("Choose some messages first."))
        return redirect(url_for("quota.index", show=request.form.get("show", "")), 303)
    after = max(0, current.owner().used - freed.octets)
    return render_template(
        "quota/choose.html",
        choice=choice,
        freed=freed,
        after=after,
        form=EmptyForm(),
        show=request.form.get("show", ""),
        lists=_ways_off(choice.senders),
    )


def _ways_off(senders: tuple[str, ...]) -> list[tuple[str, Ways]]:
    """The ways off the lists of these senders, as their newest messages name them; nobody is asked."""
    core, owner = current.core(), current.owner().id
    newest = cleanup.find_newest(core, owner, senders[:MAX_LEFT])
    return [(key, list_leaving.read_ways(core, owner, *place)) for key, place in newest.items()]


def _leave(choice: Choice) -> Choice:
    """Leave the lists that were ticked.  The mail of those that did not say yes stays: it names the way."""
    core, owner = current.core(), current.owner()
    wanted = set(request.form.getlist("leave")) & set(choice.senders)
    newest = cleanup.find_newest(core, owner.id, [key for key in choice.senders if key in wanted][:MAX_LEFT])
    left, until = set[str](), time.monotonic() + LEAVING_SECONDS
    for key, place in newest.items():
        with suppress(MailError):
            if time.monotonic() < until and list_leaving.leave(core, owner, *place):
                left.add(key)
    if left:
        flash(ngettext("You have left %(num)s list.", "You have left %(num)s lists.", len(left)))
    if refused := len(wanted - left):
        flash(
            ngettext(
                "%(num)s list did not confirm; its mail is still here.",
                "%(num)s lists did not confirm; their mail is still here.",
                refused,
            )
        )
    return replace(choice, senders=tuple(key for key in choice.senders if key not in wanted - left))


@blueprint.post("/quota/remove")
@owner_only
def remove() -> BaseResponse:
    before = current.owner().used
    freed = cleanup.remove_chosen(current.core(), current.owner().id, _leave(_choice()))
    after = overview.read_account(current.core(), current.owner().id)
    flash(
        ngettext(
            "%(num)s message deleted: %(size)s freed. Before %(before)s, now %(after)s.",
            "%(num)s messages deleted: %(size)s freed. Before %(before)s, now %(after)s.",
            freed.count,
            size=formats.size(freed.octets),
            before=formats.size(before),
            after=formats.size(after.used),
        )
    )
    return redirect(url_for("quota.index", show=request.form.get("show", "")), 303)


@blueprint.post("/quota/borrow")
@owner_only
def borrow() -> BaseResponse:
    quota.borrow(current.core(), current.owner().id)
    flash(_("You have more room for fourteen days. Use them to make room."))
    return redirect(url_for("quota.index"), 303)


@blueprint.route("/quota/more", methods=["GET", "POST"])
@owner_only
def more() -> Answer:
    """Open a case for the desk that says what the desk needs to know."""
    owner = current.owner()
    facts = _facts(overview.list_mailboxes(current.core(), owner.id))
    form = MoreForm()
    problem: object = ""
    if form.validate_on_submit():
        text = f"{(form.reason.data or '').strip()}\n\n{_('Wanted: %(size)s', size=form.size.data)}\n{facts}"
        try:
            ticket = tickets.submit_form(
                current.core(),
                kind="quota",
                subject=_("Larger quota for %(name)s", name=owner.name),
                text=text,
                reply_to="",
                owner=owner,
                peer=current.peer(),
                language=i18n.language(),
            )
        except MailError as trouble:
            _code, problem = answer(trouble)
        else:
            flash(_("Your request has number %(number)s. The answer comes by mail.", number=ticket.id))
            return redirect(url_for("quota.index"), 303)
    page = render_template("quota/more.html", form=form, facts=facts, problem=problem)
    return page, 400 if form.errors or problem else 200


def _facts(boxes: list[Mailbox]) -> str:
    """Usage and the biggest mailboxes, in words."""
    lines = [formats.quota_text(current.owner())]
    lines += [f"{formats.mailbox_title(box)}: {formats.size(box.octets)}" for box in _by_size(boxes)[:5] if box.octets]
    return "\n".join(lines)
