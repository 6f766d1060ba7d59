"""Writing mail: a form that keeps what was written, whatever happens."""

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as BaseResponse

from mailcore.errors import MailError
from mailcore.services import compose as service
from mailcore.services import webmail
from mailcore.services.compose import Attachment, Draft
from portal import web
from portal.errors import answer
from portal.webmail.forms import ComposeForm
from portal.webmail.views import blueprint

Answer = str | BaseResponse | tuple[str, int]


@blueprint.route("/mail/compose", methods=["GET", "POST"])
@web.login_required
def compose() -> Answer:
    """`?to=`, `?reply=MAILBOX/UID` (with `all=1`), `?forward=MAILBOX/UID`, `?draft=UID`."""
    if request.method == "GET":
        draft = _begun()
        if draft.attachments and not draft.draft:  # files live in a draft until they are sent
            return redirect(url_for("webmail.compose", draft=service.save(web.core(), web.owner(), draft)))
        return _page(_filled(draft), draft, "")
    form = ComposeForm()
    if not form.validate_on_submit():
        return _page(form, Draft(), _("The text is too long.")), 400
    draft = _written(form)
    try:
        if request.form.get("action") == "send":
            kept = service.send(web.core(), web.owner(), draft)
            flash(_("The message is sent.") if kept else _("The message is sent, but there was no room for a copy."))
            return redirect(url_for("webmail.index"), 303)
        uid = service.save(web.core(), web.owner(), draft)
    except MailError as problem:
        code, words = answer(problem)
        return _page(form, draft, words), code
    flash(_("The draft is saved."))
    return redirect(url_for("webmail.compose", draft=uid), 303)


def _begun() -> Draft:
    core, owner, args = web.core(), web.owner(), request.args
    for how in ("reply", "forward"):
        mailbox, _slash, uid = args.get(how, "").rpartition("/")
        if mailbox and uid.isdigit():
            if how == "forward":
                return service.forward(core, owner, mailbox, int(uid))
            return service.reply(core, owner, mailbox, int(uid), everybody=bool(args.get("all")))
    if args.get("draft", "").isdigit():
        return service.open_draft(core, owner, int(args["draft"]))
    return Draft(to=args.get("to", ""), subject=args.get("subject", ""))


def _filled(draft: Draft) -> ComposeForm:
    form = ComposeForm(formdata=None)
    for name in ("to", "cc", "bcc", "subject", "body", "in_reply_to", "references", "answers"):
        form[name].data = getattr(draft, name)
    form.draft.data = str(draft.draft or "")
    return form


def _written(form: ComposeForm) -> Draft:
    """What the form holds, with the files of the saved draft that are still ticked."""
    uid = int(form.draft.data) if (form.draft.data or "").isdigit() else 0
    kept: tuple[Attachment, ...] = ()
    if uid:
        ticked = set(request.form.getlist("keep"))
        before = service.open_draft(web.core(), web.owner(), uid).attachments
        kept = tuple(one for number, one in enumerate(before) if str(number) in ticked)
    new = tuple(_attachment(one) for one in form.files.data or () if isinstance(one, FileStorage) and one.filename)
    return Draft(
        to=form.to.data or "", cc=form.cc.data or "", bcc=form.bcc.data or "", subject=form.subject.data or "",
        body=form.body.data or "", in_reply_to=form.in_reply_to.data or "", references=form.references.data or "",
        answers=form.answers.data or "", draft=uid, attachments=kept + new,
    )  # fmt: skip


def _attachment(one: FileStorage) -> Attachment:
    return Attachment(one.filename or "file", one.mimetype or "application/octet-stream", one.read())


def _page(form: ComposeForm, draft: Draft, problem: str) -> str:
    boxes = webmail.mailboxes(web.core(), web.owner().id)
    names = [one.name for one in draft.attachments] if draft.draft else []
    return render_template("webmail/compose.html", form=form, boxes=boxes, names=names, problem=problem)
