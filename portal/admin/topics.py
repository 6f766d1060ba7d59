"""Topics of newsletters: created, given editors, ended, and the list of those who agreed taken out."""

from flask import Response, flash, redirect, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as BaseResponse
from wtforms import StringField
from wtforms.validators import Length

from mailcore.errors import MailError
from mailcore.services.newsletters import editors
from mailcore.services.newsletters import topics as newsletter_topics
from portal import current, downloads
from portal.access import admin_only
from portal.addresses import url_for
from portal.admin import languages
from portal.admin.views import Answer, blueprint
from portal.errors import words_of
from portal.signin.proof import ProofForm, check_proof, needs_code
from portal.web_form import Form


class TopicForm(Form):
    """The name of a topic in each language."""


languages.add_fields(TopicForm, most=newsletter_topics.MAX_NAME)


class TopicActForm(ProofForm):
    editor = StringField(_l("User name of an editor"), [Length(max=320)], render_kw={"autocapitalize": "none"})
    reply_to = StringField(
        _l("Address for answers of readers"),
        [Length(max=newsletter_topics.MAX_NAME)],
        description=_l("Empty: the help desk."),
    )


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
    topics = [(one, newsletter_topics.count_subscribers(core, one.id)) for one in newsletter_topics.list_topics(core)]
    page = render_template("admin/topics.html", topics=topics, form=form, problem=problem)
    return page, 400 if problem or form.errors else 200


@blueprint.route("/topics/<int:topic>", methods=["GET", "POST"])
@admin_only
def topic(topic: int) -> Answer | Response:
    """Choose its editors, take out the list of those who agreed, or end the topic; each asks once more."""
    core, agent, form, problem = current.core(), current.owner(), TopicActForm(), ""
    found = next((one for one in newsletter_topics.list_topics(core) if one.id == topic), None)
    if found is None:
        return redirect(url_for("admin.topics"), 303)
    if form.validate_on_submit():
        try:
            check_proof(form)
            if (place := _act(form, topic)) is not None:
                return place
            text = newsletter_topics.export_subscribers(core, topic, agent=agent)
        except MailError as trouble:
            problem = words_of(trouble)
        else:
            answer = Response("\ufeff" + text, content_type="text/csv; charset=utf-8")
            downloads.name_file(answer, f"subscribers-{topic}.csv")
            return answer
    if request.method == "GET":
        form.reply_to.data = found.reply_to
    page = render_template(
        "admin/topic.html",
        topic=found,
        subscribers=newsletter_topics.count_subscribers(core, topic),
        address=newsletter_topics.address_of(core, found),
        editors=editors.list_editors(core, topic),
        form=form,
        problem=problem,
        needs_code=needs_code(),
    )
    return page, 400 if problem or form.errors else 200


def _act(form: TopicActForm, topic: int) -> BaseResponse | None:
    """Do what the button says; None where it asks for the list of subscribers.  Raises MailError."""
    core, actor, place = current.core(), current.owner().name, url_for("admin.topic", topic=topic)
    match request.form.get("action"):
        case "end":
            newsletter_topics.end_topic(core, topic, actor=actor)
            flash(_("The topic has ended."))
            place = url_for("admin.topics")
        case "add-editor":
            editor = editors.add_editor(core, topic, form.editor.data or "", actor=actor)
            flash(_("%(name)s may write and send its newsletters.", name=editor.name))
        case "remove-editor":
            editor = editors.remove_editor(core, topic, form.editor.data or "", actor=actor)
            flash(_("%(name)s may no longer write its newsletters.", name=editor.name))
        case "reply-to":
            newsletter_topics.set_reply_to(core, topic, form.reply_to.data or "", actor=actor)
            flash(_("Saved."))
        case _:
            return None
    return redirect(place, 303)
