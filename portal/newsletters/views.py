"""Newsletters for their readers: what the owner agrees to, topic by topic, and leaving one by its link."""

from flask import Blueprint, flash, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from mailcore.services.newsletters import editors
from mailcore.services.newsletters import topics as newsletter_topics
from portal import current, i18n
from portal.access import owner_only, public
from portal.addresses import url_for
from portal.request_values import number
from portal.web_form import EmptyForm

blueprint = Blueprint("newsletters", __name__)
Answer = str | BaseResponse


@blueprint.route("/account/newsletters", methods=["GET", "POST"])
@owner_only
def consents() -> Answer:
    core, owner, form = current.core(), current.owner(), EmptyForm()
    topics = newsletter_topics.list_topics(core)
    words = {topic.id: _word(topic.names[i18n.language()]) for topic in topics}
    if form.validate_on_submit():
        wanted = {number(text) for text in request.form.getlist("topic")[:100]}
        newsletter_topics.set_consents(core, owner.id, wanted, words)
        flash(_("Saved."))
        return redirect(url_for("newsletters.consents"), 303)
    return render_template(
        "newsletters/consents.html",
        topics=topics,
        words=words,
        agreed=newsletter_topics.list_consents(core, owner.id),
        edits=bool(editors.list_own_topics(core, owner.id)),
        form=form,
    )


def _word(name: str) -> str:
    """Word the question that the owner says yes to, and that is saved with the answer."""
    return _("Yes, send me “%(name)s” by e-mail", name=name)


@blueprint.route("/newsletters/leave/<token>", methods=["GET", "POST"])
@public
def leave(token: str) -> str:
    """Ask once (GET), and leave (POST): from this page, or from a mail program's button (RFC 8058 section 3.2)."""
    core = current.core()
    if request.method == "POST":
        topic = newsletter_topics.leave_topic(core, token)
        return render_template("newsletters/leave.html", name=topic.names[i18n.language()], left=True)
    _account, topic = newsletter_topics.read_leave_link(core, token)
    return render_template("newsletters/leave.html", name=topic.names[i18n.language()], left=False)
