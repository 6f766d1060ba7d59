"""Out of office, and the script that comes of all settings."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from mailcore.domain import Away
from mailcore.services import away, filters
from portal import web
from portal.vacation.forms import VacationForm

blueprint = Blueprint("vacation", __name__)


@blueprint.route("/vacation", methods=["GET", "POST"])
@web.login_required
def index() -> str | BaseResponse | tuple[str, int]:
    owner = web.owner().id
    form = VacationForm(obj=away.get(web.core(), owner))
    if form.validate_on_submit():
        text = (form.text.data or "").replace("\r\n", "\n").strip()
        wish = Away(form.active.data, form.first_day.data, form.last_day.data, (form.subject.data or "").strip(), text)
        done = away.save(web.core(), owner, wish)
        flash(_("Mail is answered while you are away.") if done.active else _("Mail is not answered for you."))
        return redirect(url_for("vacation.index"), 303)
    page = render_template("vacation/index.html", form=form, script=filters.generated(web.core(), owner))
    return page, 400 if form.errors else 200
