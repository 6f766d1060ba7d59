"""Topics of newsletters: created, ended, and the list of those who agreed taken out."""

from flask import Response, flash, redirect, render_template, request
from flask_babel import gettext as _

from mailcore.errors import MailError
from mailcore.services.newsletters import topics as newsletter_topics
from portal import current, downloads
from portal.access import admin_only
from portal.addresses import url_for
from portal.admin import languages
from portal.admin.proof import ProofForm, check_proof, needs_code
from portal.admin.views import Answer, blueprint
from portal.errors import words_of
from portal.web_form import Form


class TopicForm(Form):
    """The name of a topic in each language."""


languages.add_fields(TopicForm, most=newsletter_topics.MAX_NAME)


@blueprint.route("/topics", methods=["GET", "POST"])
@admin_only
def topics() -> Answer:
    core, form, problem = current.core(), TopicForm(), ""
    if form.validate_on_submit():
        try:
            newsletter_topics.create_topic(core, languages.read_fields(form), actor=current.owner().name)
        except MailError as trouble:
            problem = words_of(trouble)
        else:
            flash(_("The topic is there. Owners see it under Account."))
            return redirect(url_for("admin.topics"), 303)
    page = render_template("admin/topics.html", topics=newsletter_topics.list_topics(core), form=form, problem=problem)
    return page, 400 if problem or form.errors else 200


@blueprint.route("/topics/<int:topic>", methods=["GET", "POST"])
@admin_only
def topic(topic: int) -> Answer | Response:
    """Take out the list of those who agreed, or end the topic; both ask once more."""
    core, agent, form, problem = current.core(), current.owner(), ProofForm(), ""
    found = next((one for one in newsletter_topics.list_topics(core) if one.id == topic), None)
    if found is None:
        return redirect(url_for("admin.topics"), 303)
    if form.validate_on_submit():
        try:
            check_proof(form)
            if request.form.get("action") == "end":
                newsletter_topics.end_topic(core, topic, actor=agent.name)
                flash(_("The topic has ended."))
                return redirect(url_for("admin.topics"), 303)
            text = newsletter_topics.export_subscribers(core, topic, agent=agent)
        except MailError as trouble:
            problem = words_of(trouble)
        else:
            answer = Response("\ufeff" + text, content_type="text/csv; charset=utf-8")
            downloads.name_file(answer, f"subscribers-{topic}.csv")
            return answer
    page = render_template("admin/topic.html", topic=found, form=form, problem=problem, needs_code=needs_code())
    return page, 400 if problem or form.errors else 200
