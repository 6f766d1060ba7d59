"""Pages of the editors of a topic: newsletters written with a preview, tried out, sent, stopped, corrected; results."""

from collections.abc import Callable
from datetime import datetime

from flask import Response, flash, make_response, redirect, render_template, request
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response as BaseResponse

from mailcore.domain import Newsletter, NewsletterState, NewsletterTopic
from mailcore.errors import MailError
from mailcore.services.newsletters import corrections, editors, issues, results, sending, topics, writing
from portal import current, i18n
from portal.access import editor_only
from portal.addresses import url_for
from portal.errors import words_of
from portal.newsletters import words
from portal.newsletters.forms import CorrectForm, SendForm, WriteForm
from portal.newsletters.views import blueprint
from portal.plot_svg import draw_bars
from portal.signin.proof import ProofForm, check_proof, needs_code

Answer = str | BaseResponse | tuple[str, int]
REFRESH_SECONDS = 5


@blueprint.get("/newsletters/")
@editor_only
def index() -> str:
    """Show the topics that one edits, and their newsletters."""
    core = current.core()
    own = editors.list_own_topics(core, current.owner().id)
    found = issues.list_newsletters(core, [topic.id for topic in own])
    return render_template(
        "newsletters/index.html",
        topics=[
            (
                topic,
                topics.address_of(core, topic),
                topics.count_subscribers(core, topic.id),
                [one for one in found if one.topic == topic.id],
            )
            for topic in own
        ],
        words=words,
    )


@blueprint.route("/newsletters/topic/<int:topic>/new", methods=["GET", "POST"])
@editor_only
def new(topic: int) -> Answer:
    """Write a newsletter."""
    core, owner = current.core(), current.owner()
    own = editors.find_own_topic(core, owner.id, topic)
    form, problem = WriteForm(language=i18n.language()), ""
    if form.validate_on_submit() and request.form.get("action") == "save":
        try:
            subject, text = form.subject.data or "", form.text.data or ""
            number = issues.create_draft(core, topic, form.language.data, subject, text, actor=owner.name)
        except MailError as trouble:
            problem = words_of(trouble)
        else:
            flash(_("Saved."))
            return redirect(url_for("newsletters.issue", number=number), 303)
    return _write_page(own, None, form, problem)


def _write_page(topic: NewsletterTopic, newsletter: Newsletter | None, form: WriteForm, problem: str) -> Answer:
    """Show the form, with a preview where one was asked for."""
    core, preview, footer = current.core(), None, ""
    if request.method == "POST" and not problem and not form.errors:
        try:
            _subject, text = writing.check_draft(form.language.data, form.subject.data or "", form.text.data or "")
            preview, footer = writing.render_html(text, below=2), writing.render_footer(core, topic, form.language.data)
        except MailError as trouble:
            problem = words_of(trouble)
    page = render_template(
        "newsletters/write.html",
        topic=topic,
        subscribers=topics.count_subscribers(core, topic.id),
        newsletter=newsletter,
        form=form,
        problem=problem,
        preview=preview,
        footer=footer,
    )
    return page, 400 if problem or form.errors else 200


@blueprint.route("/newsletters/<int:number>", methods=["GET", "POST"])
@editor_only
def issue(number: int) -> Answer:
    """Show a newsletter: the form of a draft, or how far it has come."""
    core, owner = current.core(), current.owner()
    newsletter, topic = editors.find_own_newsletter(core, owner.id, number)
    if newsletter.state is not NewsletterState.DRAFT:
        return _show(newsletter, topic)
    form, problem = WriteForm(), ""
    if request.method == "GET":
        form = WriteForm(formdata=None, language=newsletter.language, subject=newsletter.subject, text=newsletter.text)
    elif form.validate_on_submit() and request.form.get("action") == "save":
        try:
            subject, text = form.subject.data or "", form.text.data or ""
            issues.save_draft(core, number, form.language.data, subject, text, actor=owner.name)
        except MailError as trouble:
            problem = words_of(trouble)
        else:
            flash(_("Saved."))
            return redirect(url_for("newsletters.issue", number=number), 303)
    return _write_page(topic, newsletter, form, problem)


def _show(newsletter: Newsletter, topic: NewsletterTopic) -> Response:
    done = newsletter.counts.filed + newsletter.counts.forwarded + newsletter.counts.unsent
    subscribers = topics.count_subscribers(current.core(), topic.id)
    page = make_response(
        render_template(
            "newsletters/issue.html",
            newsletter=newsletter,
            topic=topic,
            subscribers=subscribers,
            words=words,
            counts=[(label, getattr(newsletter.counts, name)) for name, label in words.COUNTS.items()],
            done=min(done, subscribers),
            preview=writing.render_html(newsletter.text, below=2),
        )
    )
    if newsletter.state is NewsletterState.SENDING or newsletter.is_correcting:
        page.headers["Refresh"] = str(REFRESH_SECONDS)
    return page


_CHANGES = {
    "take-back": (issues.take_back, _l("It is a draft again.")),
    "stop": (issues.stop, _l("It is stopped. Those who have it keep it.")),
    "resume": (issues.resume, _l("It goes on with those who do not have it yet.")),
}


@blueprint.post("/newsletters/<int:number>/act")
@editor_only
def act(number: int) -> BaseResponse:
    """Do what needs no further question: a test, taking back, stopping, going on, deleting a draft."""
    core, owner = current.core(), current.owner()
    newsletter, _topic = editors.find_own_newsletter(core, owner.id, number)
    match request.form.get("action"):
        case "test":
            sending.send_test(core, newsletter, owner)
            flash(_("The test message is in your inbox."))
        case "take-back" | "stop" | "resume" as name:
            change, words_after = _CHANGES[name]
            change(core, number, actor=owner.name)
            flash(str(words_after))
        case "delete":
            issues.delete_draft(core, number, actor=owner.name)
            flash(_("The draft is deleted."))
            return redirect(url_for("newsletters.index"), 303)
    return redirect(url_for("newsletters.issue", number=number), 303)


@blueprint.route("/newsletters/<int:number>/send", methods=["GET", "POST"])
@editor_only
def send(number: int) -> Answer:
    """Send a draft now or at a time; asks for the password once more."""
    core, owner = current.core(), current.owner()
    newsletter, topic = editors.find_own_newsletter(core, owner.id, number)
    if newsletter.state is not NewsletterState.DRAFT:
        return redirect(url_for("newsletters.issue", number=number), 303)
    form, problem = SendForm(), ""
    if form.validate_on_submit():
        at = _in_zone(form.at.data)
        problem = _do_with_proof(form, lambda: issues.schedule(core, number, at, actor=owner.name))
        if not problem:
            flash(_("It will be sent at that time.") if at else _("It is being sent."))
            return redirect(url_for("newsletters.issue", number=number), 303)
    page = render_template(
        "newsletters/send.html",
        newsletter=newsletter,
        topic=topic,
        subscribers=topics.count_subscribers(core, topic.id),
        form=form,
        problem=problem,
        needs_code=needs_code(),
        preview=writing.render_html(newsletter.text, below=2),
        footer=writing.render_footer(core, topic, newsletter.language),
    )
    return page, 400 if problem or form.errors else 200


def _do_with_proof(form: ProofForm, act: Callable[[], object]) -> str:
    """Do what needs the password once more; return why it was not done, or ""."""
    try:
        check_proof(form)
        act()
    except MailError as trouble:
        return words_of(trouble)
    return ""


def _in_zone(at: datetime | None) -> datetime | None:
    """Read a time as the site's clock has it."""
    return at.replace(tzinfo=current.core().config.zone) if at else None


@blueprint.route("/newsletters/<int:number>/correct", methods=["GET", "POST"])
@editor_only
def correct(number: int) -> Answer:
    """Write another edition for those who have not read it; asks for the password once more."""
    core, owner = current.core(), current.owner()
    newsletter, topic = editors.find_own_newsletter(core, owner.id, number)
    if newsletter.state is not NewsletterState.SENT or newsletter.is_correcting:
        return redirect(url_for("newsletters.issue", number=number), 303)
    form, problem = CorrectForm(), ""
    if request.method == "GET":
        form = CorrectForm(formdata=None, subject=newsletter.subject, text=newsletter.text)
    elif form.validate_on_submit():
        subject, text = form.subject.data or "", form.text.data or ""
        problem = _do_with_proof(
            form, lambda: corrections.begin_correction(core, number, subject, text, actor=owner.name)
        )
        if not problem:
            flash(_("The correction is on its way."))
            return redirect(url_for("newsletters.issue", number=number), 303)
    page = render_template(
        "newsletters/correct.html",
        newsletter=newsletter,
        topic=topic,
        form=form,
        problem=problem,
        needs_code=needs_code(),
        unread=corrections.count_unread(core, newsletter),
    )
    return page, 400 if problem or form.errors else 200


@blueprint.get("/newsletters/topic/<int:topic>/results")
@editor_only
def show_results(topic: int) -> str:
    """Show what became of the latest newsletters of a topic, as a plot and as a table."""
    core = current.core()
    own = editors.find_own_topic(core, current.owner().id, topic)
    found = results.list_latest(core, [own.id])
    stacks = [[getattr(one.counts, name) for one in found] for name in words.PLOTTED]
    most = max((sum(values) for values in zip(*stacks, strict=True)), default=0)
    title = _("Results of “%(name)s”", name=own.names[i18n.language()])
    return render_template(
        "newsletters/results.html",
        topic=own,
        title=title,
        newsletters=found,
        picture=draw_bars([str(one.id) for one in found], stacks, title, str(most)),
        columns=list(words.PLOTTED.items()),
    )
