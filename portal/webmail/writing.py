"""Writing mail: a form that keeps what was written, whatever happens."""

from datetime import timedelta

from flask import Response, flash, redirect, render_template, request
from flask_babel import gettext as _
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as BaseResponse
from wtforms import SelectChoice

from mailcore.errors import MailError, OverQuota
from mailcore.services.webmail import address_book, overview, ready_texts, second_thoughts
from mailcore.services.webmail import compose as service
from mailcore.services.webmail import drafts as writings
from mailcore.services.webmail.address_book import WriterName
from mailcore.services.webmail.attachments import MailFile
from mailcore.services.webmail.compose import Draft
from mailcore.services.webmail.drafts import Writing
from portal import current
from portal.access import owner_only, takes
from portal.addresses import url_for
from portal.errors import answer
from portal.kept_forms import saves_what_is_written
from portal.request_values import is_number, number
from portal.webmail import reader
from portal.webmail.forms import ComposeForm
from portal.webmail.views import A_MESSAGE, blueprint

Answer = str | BaseResponse | tuple[str, int]
FIELDS = ("to", "cc", "bcc", "subject", "body", "in_reply_to", "references", "answers", "source", "whole")


@blueprint.route("/mail/compose", methods=["GET", "POST"])
@takes(A_MESSAGE)
@owner_only
@saves_what_is_written
def compose() -> Answer:
    """`?to=`, `?reply=MAILBOX/UID` (with `all=1`), `?forward=MAILBOX/UID` (with `whole=1`), `?draft=UID`, `?writing=ID`."""
    if request.method == "GET":
        return _begin()
    form = ComposeForm()
    if not form.validate_on_submit():
        return _page(form, None, (), _("The text is too long.")), 400
    action = request.form.get("action", "")
    if action == "text":
        form.body.data = _with_ready_text(form.body.data or "")
    try:
        kept = _keep(form)
    except MailError as problem:
        code, words = answer(problem)
        return _page(form, None, _source(_draft(form)), words), code
    has_files = bool(kept.files or kept.form.whole)
    thoughts = second_thoughts.find_second_thoughts(kept.form, has_files=has_files)
    if thoughts and action in ("send", "later") and not request.form.get("sure"):
        form.writing.data = str(kept.id)
        form.source.data = form.whole.data = ""
        return _page(form, kept, (), "", thoughts)
    try:
        return _do(action, kept)
    except MailError as problem:
        code, words = answer(problem)
        if isinstance(problem, OverQuota) and action == "save":
            words = _("Your mailbox is full, so there is no room in Drafts. The text is saved here all the same.")
        form.writing.data = str(kept.id)
        form.source.data = form.whole.data = ""
        return _page(form, kept, (), words), code


def _with_ready_text(body: str) -> str:
    """Put the ready text that was chosen into what was written."""
    texts = ready_texts.list_texts(current.core(), current.owner().id)
    chosen = next((one.text for one in texts if one.name == request.form.get("ready_text")), "")
    return ready_texts.insert_text(body, chosen) if chosen else body


def _do(action: str, kept: Writing) -> Answer:
    """Do what the button says, after everything is saved."""
    here = redirect(url_for("webmail.compose", writing=kept.id), 303)
    if action == "discard":
        writings.discard_writing(current.core(), current.owner().id, kept.id)
        flash(_("The message is discarded."))
        return redirect(url_for("webmail.index"), 303)
    if action == "save":
        writings.save_draft(current.core(), current.owner(), kept.id)
        flash(_("The draft is saved."))
        return here
    if action not in ("send", "later"):  # files were attached, or people chosen from the address book
        return here
    seconds = reader.read_settings().undo_seconds
    at = current.core().clock.now() + timedelta(seconds=seconds)
    if action == "later":
        at = writings.read_time(current.core(), request.form.get("send_at", ""))
    writings.schedule_sending(current.core(), current.owner(), kept.id, at)
    if action == "send" and not seconds:
        flash(_("The message is sent."))
    return redirect(url_for("webmail.index"), 303)


def _draft(form: ComposeForm) -> Draft:
    values = {name: form[name].data or "" for name in FIELDS}
    added = ", ".join(request.form.getlist("add"))
    values["to"] = ", ".join(filter(None, (values["to"].strip(" ,"), added)))
    return Draft(**values, identity=form.identity.data or 0)


def _keep(form: ComposeForm) -> Writing:
    """Everything on our side before anything else is done."""
    core, owner = current.core(), current.owner()
    draft = _draft(form)
    id_ = writings.save_writing(core, owner.id, number(form.writing.data), draft, number(form.draft.data))
    form.writing.data = str(id_)
    ticked = request.form.getlist("keep")
    stored = [number(one[1:]) for one in ticked if one[:1] == "w"]
    of_source = [number(one[1:], -1) for one in ticked if one[:1] == "s"]
    after = writings.keep_files(core, owner, id_, draft, stored, of_source)
    if after != draft:
        writings.save_writing(core, owner.id, id_, after)
    for one in form.files.data or ():
        if isinstance(one, FileStorage) and one.filename:
            writings.add_file(core, owner.id, id_, one.filename, one.mimetype or "", one.stream)
    return writings.get_writing(core, owner.id, id_)


@blueprint.post("/mail/compose/keep")
@takes(A_MESSAGE)
@owner_only
def autosave() -> Answer:
    """Save the text for a script, every half minute; files wait for a button.  Answers with the new id and a word."""
    form = ComposeForm()
    if not form.validate_on_submit():
        return render_template("webmail/_kept.html", id="", words=_("The text is too long.")), 200
    try:
        id_ = writings.save_writing(
            current.core(), current.owner().id, number(form.writing.data), _draft(form), number(form.draft.data)
        )
    except MailError as problem:
        return render_template("webmail/_kept.html", id=form.writing.data, words=answer(problem)[1])
    return render_template("webmail/_kept.html", id=id_, words=_("Saved."))


def _begin() -> Answer:
    core, owner, args = current.core(), current.owner(), request.args
    if id_ := number(args.get("writing")):
        found = writings.get_writing(core, owner.id, id_)
        return _page(_filled(found.form, found.id, found.draft), found, _source(found.form), "")
    if uid := number(args.get("draft")):
        if id_ := writings.find_by_draft(core, owner.id, uid):
            return redirect(url_for("webmail.compose", writing=id_))
        draft = service.open_draft(core, owner, uid)
        return _page(_filled(draft, 0, uid), None, _source(draft), "")
    draft = _with_signature(_asked())
    return _page(_filled(draft, 0, 0), None, _source(draft), "")


def _asked() -> Draft:
    core, owner, args = current.core(), current.owner(), request.args
    for how in ("reply", "forward"):
        mailbox, _slash, uid = args.get(how, "").rpartition("/")
        if mailbox and is_number(uid):
            if how == "forward":
                return service.forward(core, owner, mailbox, number(uid), whole=bool(args.get("whole")))
            return service.reply(core, owner, mailbox, number(uid), everybody=bool(args.get("all")))
    return Draft(
        to=args.get("to", ""), cc=args.get("cc", ""), subject=args.get("subject", ""), body=args.get("body", "")
    )


def _names() -> list[WriterName]:
    owner = current.owner()
    return address_book.identities(
        current.core(), owner.id, owner.display_name, owner.address(current.core().config.domain)
    )


def _with_signature(draft: Draft) -> Draft:
    """The signature of the first name, above what is quoted."""
    first = _names()[0]
    sign = f"\n\n-- \n{first.signature}" if first.signature else ""
    return Draft(
        **{name: getattr(draft, name) for name in FIELDS if name != "body"}, body=sign + draft.body, identity=first.id
    )


def _source(draft: Draft) -> tuple[MailFile, ...]:
    return service.source_files(current.core(), current.owner(), draft)


def _filled(draft: Draft, writing: int, uid: int) -> ComposeForm:
    form = ComposeForm(formdata=None)
    for name in FIELDS:
        form[name].data = getattr(draft, name)
    form.identity.data = draft.identity
    form.writing.data, form.draft.data = str(writing or ""), str(uid or "")
    return form


def _page(
    form: ComposeForm, kept: Writing | None, source: tuple[MailFile, ...], problem: str, thoughts: tuple[str, ...] = ()
) -> str:
    core, owner = current.core(), current.owner()
    names = _names()
    form.identity.choices = [
        SelectChoice(str(one.id), f"{one.name} <{one.address}>" if one.name else one.address) for one in names
    ]
    boxes = overview.list_mailboxes(core, owner.id)
    others = [
        one
        for one in writings.list_writings(core, owner.id)
        if one.is_open and str(one.id) != (form.writing.data or "")
    ]
    return render_template(
        "webmail/compose.html",
        form=form,
        kept=kept,
        source=source,
        problem=problem,
        thoughts=thoughts,
        boxes=boxes,
        several=len(names) > 1,
        texts=ready_texts.list_texts(core, owner.id),
        people=address_book.complete(core, owner.id, "", 12),
        others=others[:5],
        limit=core.config.message_octets * 3 // 4,
        soon=(core.clock.now().astimezone(core.config.zone) + timedelta(hours=12)).strftime("%Y-%m-%dT%H:00"),
    )


@blueprint.post("/mail/back")
@owner_only
def take_back() -> BaseResponse:
    """Open again what waits to be sent."""
    id_ = number(request.form.get("writing"))
    writings.take_back(current.core(), current.owner().id, id_)
    return redirect(url_for("webmail.compose", writing=id_), 303)


@blueprint.get("/mail/people")
@owner_only
def completions() -> Response:
    """Names for a beginning, as choices of the field (HTMX)."""
    words = request.args.get("q", "").rpartition(",")[2].strip()
    found = address_book.complete(current.core(), current.owner().id, words) if len(words) > 1 else []
    return Response(render_template("webmail/_people.html", found=found))
