"""Search: words and operators, over all mailboxes."""

from flask import flash, redirect, render_template, request
from flask_babel import gettext as _
from markupsafe import Markup, escape
from werkzeug.wrappers import Response as BaseResponse

from mailcore.errors import MailError
from mailcore.services.webmail import mail_search, mail_settings, overview
from mailcore.services.webmail.mail_settings import SavedSearch
from portal import current, errors
from portal.access import owner_only
from portal.addresses import url_for
from portal.webmail import reader
from portal.webmail.views import blueprint


@blueprint.get("/mail/search")
@owner_only
def search() -> str:
    """`?q=` words, with from: to: subject: before: after: has:attachment in:; `?in=` a mailbox."""
    asked = request.args.get("q", "").strip()[: mail_settings.MAX_QUERY]
    query = mail_search.parse(asked)
    result = mail_search.search(current.core(), current.owner().id, query) if asked else mail_search.Result()
    boxes = overview.list_mailboxes(current.core(), current.owner().id)
    return render_template(
        "webmail/search.html",
        asked=asked,
        hits=result.hits,
        unread=result.unread,
        boxes=boxes,
        saved=next((one for one in saved_searches() if one.query == asked), None),
        limit=mail_search.MAX_FOUND,
        mark=lambda text: marked(text, query.shown),
    )


@blueprint.post("/mail/search")
@owner_only
def change_searches() -> BaseResponse:
    """Save a search beside the mailboxes, or remove it from there."""
    core, owner, asked = current.core(), current.owner().id, request.form.get("q", "")
    name = request.form.get("name", "")
    try:
        if request.form.get("action") == "delete":
            mail_settings.delete_search(core, owner, name)
            flash(_("The search is removed."))
        else:
            mail_settings.save_search(core, owner, name or asked, asked)
            flash(_("The search is saved beside the mailboxes."))
    except MailError as problem:
        flash(errors.words_of(problem))
    return redirect(url_for("webmail.search", q=asked), 303)


@blueprint.app_template_global()
def saved_searches() -> tuple[SavedSearch, ...]:
    """Return the searches that stand beside the mailboxes; read once a request."""
    return reader.read_settings().searches


def marked(text: str, words: tuple[str, ...]) -> Markup:
    """Return the text with the words that were looked for marked where they stand."""
    if not words:
        return escape(text)
    lower, at, pieces = text.lower(), 0, Markup("")
    if len(lower) != len(text):  # some letters change their length; nothing is marked then
        return escape(text)
    while at < len(text):
        start, word = min(((place, word) for word in words if (place := lower.find(word, at)) >= 0), default=(-1, ""))
        if start < 0:
            break
        pieces += escape(text[at:start]) + Markup("<mark>{}</mark>").format(text[start : start + len(word)])
        at = start + len(word)
    return pieces + escape(text[at:])
