"""Audience and topic of the public pages, as they stand at their foot."""

from flask import flash, redirect, render_template, request
from flask_babel import gettext as _

from mailcore.errors import MailError
from mailcore.services.operations import page_views
from portal import current
from portal.access import admin_only
from portal.addresses import url_for
from portal.admin import words as spoken
from portal.admin.views import Answer, blueprint
from portal.errors import words_of
from portal.web_form import EmptyForm


@blueprint.route("/texts/tags", methods=["GET", "POST"])
@admin_only
def tags() -> Answer:
    core, form, problem = current.core(), EmptyForm(), ""
    if form.validate_on_submit():
        audience, topic = request.form.getlist("audience")[:10], request.form.getlist("topic")[:10]
        try:
            page_views.tag_page(
                core, request.form.get("page", ""), tuple(audience), tuple(topic), actor=current.owner().name
            )
        except MailError as trouble:
            problem = words_of(trouble)
        else:
            flash(_("Audience and topic are saved."))
            return redirect(url_for("admin.tags"), 303)
    chosen = request.values.get("page", "")
    pages = page_views.list_pages(core)
    page = render_template(
        "admin/tags.html",
        pages=pages,
        chosen=next((one for one in pages if one.name == chosen), None),
        audiences=[(one, spoken.AUDIENCES[one]) for one in page_views.AUDIENCES],
        topics=[(one, spoken.TOPICS[one]) for one in page_views.TOPICS],
        form=form,
        problem=problem,
    )
    return page, 400 if problem else 200
