"""Search: words and operators, over all mailboxes."""

from flask import render_template, request
from markupsafe import Markup, escape

from mailcore.services.webmail import mail_search, overview
from portal import current
from portal.access import owner_only
from portal.webmail.views import blueprint


@blueprint.get("/mail/search")
@owner_only
def search() -> str:
    """`?q=` words, with from: to: subject: before: after: has:attachment in:; `?in=` a mailbox."""
    asked = request.args.get("q", "").strip()[:500]
    query = mail_search.parse(asked)
    result = mail_search.search(current.core(), current.owner().id, query) if asked else mail_search.Result()
    boxes = overview.list_mailboxes(current.core(), current.owner().id)
    return render_template(
        "webmail/search.html",
        asked=asked,
        hits=result.hits,
        unread=result.unread,
        boxes=boxes,
        limit=mail_search.MAX_FOUND,
        mark=lambda text: marked(text, query.shown),
    )


def marked(text: str, words: tuple[str, ...]) -> Markup:
    """The words that were looked for, marked where they stand."""
    if not words:
        return escape(text)
    lower, at, found = text.lower(), 0, Markup("")
    if len(lower) != len(text):  # some letters change their length; nothing is marked then
        return escape(text)
    while at < len(text):
        start, word = min(((place, word) for word in words if (place := lower.find(word, at)) >= 0), default=(-1, ""))
        if start < 0:
            break
        found += escape(text[at:start]) + Markup("<mark>{}</mark>").format(text[start : start + len(word)])
        at = start + len(word)
    return found + escape(text[at:])
