"""The status line on every page: announced after a look at it, and ended."""

from flask import flash, redirect, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import SelectChoice, SelectField

from mailcore.errors import MailError
from mailcore.services.operations import service_status
from portal import current
from portal.access import admin_only
from portal.addresses import url_for
from portal.admin import languages
from portal.admin import words as spoken
from portal.admin.views import Answer, blueprint
from portal.errors import words_of
from portal.request_values import number
from portal.web_form import EmptyForm, Form

MAX_WORDS = 500  # characters


class StatusForm(Form):
    level = SelectField(
        _l("How bad is it?"), choices=[SelectChoice(level, words) for level, words in spoken.LEVELS.items()]
    )


languages.add_fields(StatusForm, most=MAX_WORDS)


@blueprint.route("/texts/status", methods=["GET", "POST"])
@admin_only
def status_line() -> Answer:
    core, agent = current.core(), current.owner()
    form, problem, action = StatusForm(), "", request.form.get("action", "")
    shown = False
    if form.validate_on_submit():
        words = languages.read_fields(form)
        if action == "announce":
            try:
                service_status.announce_incident(core, words, form.level.data, actor=agent.name)
            except MailError as trouble:
                problem = words_of(trouble)
            else:
                flash(_("It is on every page from now on."))
                return redirect(url_for("admin.status_line"), 303)
        shown = not problem
    page = render_template(
        "admin/status_line.html",
        current=service_status.list_current(core),
        level_words=spoken.LEVELS,
        form=form,
        problem=problem,
        shown=shown,
    )
    return page, 400 if problem or form.errors else 200


@blueprint.post("/texts/status/end")
@admin_only
def end_status() -> Answer:
    if EmptyForm().validate_on_submit():
        service_status.end_incident(current.core(), number(request.form.get("number")), actor=current.owner().name)
        flash(_("The message is ended."))
    return redirect(url_for("admin.status_line"), 303)
