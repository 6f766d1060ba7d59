"""Out of office, and the script that comes of all settings."""

from flask import Blueprint, flash, redirect, render_template
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from mailcore.domain import Away
from mailcore.services.sieve_scripts import filters, out_of_office
from portal import current, formats
from portal.access import owner_only
from portal.addresses import url_for
from portal.vacation.forms import VacationForm

blueprint = Blueprint("vacation", __name__)


@blueprint.route("/vacation", methods=["GET", "POST"])
@owner_only
def index() -> str | BaseResponse | tuple[str, int]:
    owner = current.owner().id
    form = VacationForm(obj=out_of_office.read_away(current.core(), owner))
    if form.validate_on_submit():
        text = (form.text.data or "").replace("\r\n", "\n").strip()
        wish = Away(form.active.data, form.first_day.data, form.last_day.data, (form.subject.data or "").strip(), text)
        done = out_of_office.save_away(current.core(), owner, wish)
        flash(_("Mail is answered while you are away.") if done.active else _("Mail is not answered for you."))
        return redirect(url_for("vacation.index"), 303)
    page = render_template(
        "vacation/index.html",
        form=form,
        script=filters.read_generated(current.core(), owner),
        state=_state(out_of_office.read_away(current.core(), owner)),
    )
    return page, 400 if form.errors else 200


def _state(wish: Away) -> str:
    """Describe what happens today."""
    today = current.core().clock.now().astimezone(current.core().config.zone).date()
    if not wish.active:
        return _("Off: nobody gets a reply.")
    if wish.first_day and today < wish.first_day:
        return _("Waiting: replies begin on %(day)s.", day=formats.day(wish.first_day))
    if wish.last_day and today > wish.last_day:
        return _("Over: the last day was %(day)s.", day=formats.day(wish.last_day))
    if wish.last_day:
        return _(
            "On: whoever writes to you gets your reply, up to and including %(day)s.", day=formats.day(wish.last_day)
        )
    return _("On: whoever writes to you gets your reply, until you turn it off.")
