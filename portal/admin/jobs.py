"""Recurring jobs: when each has its turn, and why the last one failed."""

from flask import flash, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from mailcore.services.operations import attention
from portal import current
from portal.access import admin_only
from portal.addresses import url_for
from portal.admin.views import blueprint
from portal.web_form import EmptyForm


@blueprint.get("/jobs")
@admin_only
def jobs() -> str:
    turns = [turn for turn in attention.list_turns(current.core()) if turn.every_seconds]
    return render_template("admin/jobs.html", turns=turns, form=EmptyForm())


@blueprint.post("/jobs/run")
@admin_only
def run_job() -> BaseResponse:
    if EmptyForm().validate_on_submit():
        attention.request_turn(current.core(), request.form.get("name", ""), actor=current.owner().name)
        flash(_("The job has its turn within seconds."))
    return redirect(url_for("admin.jobs"), 303)
