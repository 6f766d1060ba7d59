"""The text of an HTML part, as far as searching needs it (RFC 5173 section 5.3).  Linear in its length."""

import html
import re

_UNSEEN = re.compile(r"<(?:!--|(script|style|title)\b)", re.IGNORECASE)
_TAG = re.compile(r"<(/?)([a-zA-Z!?][a-zA-Z0-9]*+)[^<>]*+>")
_LINES = ("p", "div", "br", "tr", "li", "h1", "h2", "h3", "h4", "table", "ul", "ol", "blockquote", "pre", "hr", "body")
MAX_MARKUP = 2**20  # characters that are looked at


def plain_text(markup: str) -> str:
    """Remove tags, comments, scripts and styles; blocks are lines of their own, entities are characters."""
    markup = markup[:MAX_MARKUP]
    seen = _TAG.sub(lambda found: "\r\n" if found[2].lower() in _LINES else "", "".join(_seen(markup)))
    return html.unescape(seen)


def _seen(markup: str) -> list[str]:
    """Return the pieces outside comments, scripts, styles and the title."""
    found, at, lowered = [], 0, markup.lower()
    while begin := _UNSEEN.search(markup, at):
        found.append(markup[at : begin.start()])
        end = lowered.find(f"</{begin[1].lower()}" if begin[1] else "-->", begin.end())
        close = markup.find(">", end) if end >= 0 else -1
        if close < 0:
            return found
        at = close + 1
    found.append(markup[at:])
    return found
