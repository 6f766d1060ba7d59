"""Keep what was typed when the language is changed, on every form of every page, without JavaScript (S02).

The language links of a page with forms are buttons of a form (layout.html): they send it as it stands, with `switch-language`,
to the page's own address in the other language.  It is not judged and nothing is done: the page is shown as if it were asked for
(`show_again`), and what was sent is written into its fields (`refill`).  Passwords and files are never shown again.

A page may have several forms, and a button sends one.  The first is sent unless somebody has touched another: each form has its
own buttons, and the style sheet shows those of the form that was touched, by `:user-valid` and its opposite.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape, unescape
from html.parser import HTMLParser
from typing import TypeVar

from flask import Flask, Response, g, redirect, request
from flask.globals import request_ctx
from markupsafe import Markup
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from portal import access, current
from portal.addresses import url_for
from portal.stylesheet import MOST_FORMS

SWITCH = "switch-language"
T = TypeVar("T", bound=Callable[..., object])
# within a tag of ours "<" is always escaped, and no form stands in another: so each place is looked at once
_FORM = re.compile(r"<form\b([^<>]*+)>((?:[^<]++|<(?!/form>|form\b))*+)</form>")
_NOT_TYPED = ("hidden", "submit", "button", "reset", "image", "password", "file")
_TYPED = re.compile(rf'<textarea\b|<select\b|<input\b(?![^<>]*\btype="(?:{"|".join(_NOT_TYPED)})")')
_ID = re.compile(r'\bid="([^"]+)"')
_SUBMIT = re.compile(r'<button\b(?![^<>]*\btype="(?:button|reset)")([^<>]*+)>')
_SENT = re.compile(r'\b(?:name|value|formaction|formmethod|formenctype)="[^"]*"|\bformnovalidate\b')
_POSTS = re.compile(r'\bmethod="post"')


@dataclass(frozen=True, slots=True)
class KeptForm:
    """A form whose fields are kept.

    `number` from 0, those first that change something; `enter` holds the attributes of its own first button, which Enter presses.
    """

    id: str
    number: int
    enter: Markup


@dataclass(frozen=True, slots=True)
class Page:
    """The HTML of a page's content, whose forms have ids, and those of them in which something can be typed."""

    html: Markup
    forms: tuple[KeptForm, ...]


def mark_forms(html: str) -> Page:
    """Find the forms of a page, and give those an id that have none."""
    typed = [form for form in _FORM.finditer(html) if _TYPED.search(form[2])]
    typed.sort(key=lambda form: not _POSTS.search(form[1]))
    kept = {form.start(): _describe(form, number) for number, form in enumerate(typed[:MOST_FORMS])}

    def mark(form: re.Match[str]) -> str:
        if (own := kept.get(form.start())) is None:
            return form[0]
        given = "" if _ID.search(form[1]) else f' id="{own.id}"'
        return f'<form{given} data-kept="{own.number}"{form[1]}>{form[2]}</form>'

    return Page(Markup(_FORM.sub(mark, html)), tuple(kept.values()))  # noqa: S704 - the page as Jinja made it


def _describe(form: re.Match[str], number: int) -> KeptForm:
    own, first = _ID.search(form[1]), _SUBMIT.search(form[2])
    enter = " ".join(_SENT.findall(first[1])) if first else ""
    # our own HTML, whose values are escaped already
    return KeptForm(unescape(own[1]) if own else f"kept{number}", number, Markup(enter))  # noqa: S704


def saves_what_is_written(view: T) -> T:
    """Mark a view that takes the form itself when the language is changed, since it saves it with files and all."""
    vars(view)["saves_what_is_written"] = True
    return view


def register(app: Flask) -> None:
    """To be called when everything else that happens before a request is registered: forgery is refused by then."""
    app.before_request(show_again)
    app.after_request(refill)
    app.jinja_env.globals["mark_forms"] = mark_forms


def show_again() -> BaseResponse | None:
    """Ask for the page instead of sending the form, where the form was sent to be shown in another language."""
    if request.method != "POST" or SWITCH not in request.form:
        return None
    view = request_ctx.app.view_functions.get(request.endpoint or "")
    if (view and vars(view).get("saves_what_is_written")) or request_ctx.url_adapter is None:
        return None
    try:
        rule, values = request_ctx.url_adapter.match(method="GET", return_rule=True)
    except HTTPException:
        return None  # the address takes forms only, and says so
    if view is None:
        request_ctx.app.extensions["csrf"].protect()  # which looks at no address that takes no forms
    request.routing_exception = None
    request.method, request.url_rule, request.view_args = "GET", rule, dict(values)
    g.kept_fields = {name: request.form.getlist(name) for name in request.form}
    if g.get("account") and current.web_session().ended and not access.terms_here().ended:
        return redirect(url_for("signin.choose"))
    return None


def refill(response: Response) -> Response:
    """Write what was sent into the page's fields."""
    kept: dict[str, list[str]] | None = g.get("kept_fields")
    if kept is None or response.mimetype != "text/html" or response.is_streamed:
        return response
    wanted = kept.get(SWITCH, [""])[0].partition(" ")[2]
    response.set_data(fill_form(response.get_data(as_text=True), wanted, kept))
    return response


def fill_form(html: str, wanted: str, values: Mapping[str, Sequence[str]]) -> str:
    """Return the page with the values in the form of that id, or in the one that has most of these fields."""
    forms = _Forms(html)
    best = max(
        forms.found, key=lambda form: (form.id == (wanted or None), len(form.names & values.keys())), default=None
    )
    sent = values.keys() - {"csrf_token", SWITCH}
    # a form of boxes that are all unticked sends nothing of its own: only its id tells which it is
    if best is None or not (best.names & sent if sent else best.id == wanted):
        return html
    return _Filler(html, best.start, best.end, values).filled()


@dataclass(slots=True)
class _Found:
    id: str
    start: int
    end: int
    names: set[str]


class _Walker(HTMLParser):
    """Walks over the tags, with the place where each begins."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=False)
        self._lines = [0]
        for line in html.split("\n"):  # as HTMLParser counts them; words of strangers have other ends
            self._lines.append(self._lines[-1] + len(line) + 1)

    def _place(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column


class _Forms(_Walker):
    """Finds the forms of a page, with the names of their fields."""

    def __init__(self, html: str) -> None:
        super().__init__(html.replace("\r", " "))
        self.found: list[_Found] = []
        self._open: _Found | None = None
        self.feed(html.replace("\r", " "))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "form":
            self._open = _Found(dict(attrs).get("id") or "", self._place(), 0, set())
            self.found.append(self._open)
        elif tag in ("input", "select", "textarea") and self._open is not None:
            self._open.names.add(dict(attrs).get("name") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form" and self._open is not None:
            self._open.end = self._place()
            self._open = None


class _Filler(_Walker):
    """Writes values into the fields of one form; of several fields of one name each has its own value."""

    def __init__(self, html: str, start: int, end: int, values: Mapping[str, Sequence[str]]) -> None:
        super().__init__(html)
        self._html, self._start, self._end, self._values = html, start, end, values
        self._edits: list[tuple[int, int, str]] = []
        self._turns: dict[str, int] = {}
        self._select = ""
        self._area: tuple[str, int] | None = None

    def filled(self) -> str:
        self.feed(self._html)
        pieces, at = [], 0
        for start, end, text in self._edits:
            pieces += [self._html[at:start], text]
            at = end
        return "".join([*pieces, self._html[at:]])

    def _next(self, name: str) -> str | None:
        """Return the value of the next field of this name; None where it sent none."""
        values, turn = self._values.get(name, ()), self._turns.get(name, 0)
        self._turns[name] = turn + 1
        return values[turn] if turn < len(values) else None

    def _change(self, attrs: list[tuple[str, str | None]], drop: str, add: str) -> None:
        text = self.get_starttag_text() or ""
        tag = text[1:].split(None, 1)[0].rstrip(">")
        kept = "".join(
            f" {name}" if value is None else f' {name}="{escape(value)}"' for name, value in attrs if name != drop
        )
        start = self._place()
        self._edits.append((start, start + len(text), f"<{tag}{kept}{add}>"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self._start <= self._place() < self._end:
            return
        named = dict(attrs)
        name = named.get("name") or ""
        if tag == "input":
            self._fill_input(name, named.get("type") or "text", named, attrs)
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select:
            chosen = named.get("value") in self._values.get(self._select, ())
            self._change(attrs, "selected", " selected" if chosen else "")
        elif tag == "textarea":
            self._area = (name, self._place() + len(self.get_starttag_text() or ""))

    def _fill_input(
        self, name: str, kind: str, named: dict[str, str | None], attrs: list[tuple[str, str | None]]
    ) -> None:
        if kind in ("checkbox", "radio"):
            ticked = (named.get("value") or "on") in self._values.get(name, ())
            self._change(attrs, "checked", " checked" if ticked else "")
        elif kind not in _NOT_TYPED and (value := self._next(name)) is not None:
            self._change(attrs, "value", f' value="{escape(value)}"')

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        elif tag == "textarea" and self._area is not None:
            (name, start), self._area = self._area, None
            if (value := self._next(name)) is not None:
                # a browser leaves out one line's end that follows the tag
                self._edits.append((start, self._place(), "\n" + escape(value)))
