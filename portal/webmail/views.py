"""The blueprint of the webmail; its pages stand in the modules beside this one.

A page with everything is three requests and less than 50 kB: the page with its pictures, one style sheet, one script.
"""

import re
from functools import cache
from pathlib import Path

from flask import Blueprint, Response
from markupsafe import Markup

from mailcore.package_data import folder_of
from portal import errors, formats
from portal.access import Large, public, same_for_all
from portal.stylesheet import FORMS_IN_SHEET, STATIC, YEAR, slim, slim_script, version
from portal.webmail import show

ICONS = (
    "inbox", "draft", "sent", "trash", "junk", "archive", "box", "write", "reply", "flag", "file",
    "warn", "info", "good", "search",
)  # fmt: skip
_COMMA = re.compile(r",(?![^()]*\))")  # not those within :is(...)
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
LISTS, WRITING = ("webmail.js", "in-place.js"), "writing.js"
TEMPLATES = folder_of("portal", "templates")
_USED = (
    "webmail/*.html",
    "quota/_*.html",
    "layout.html",
    "_ui.html",
    "_form.html",
)  # what pages of the webmail are made of
# classes that are put together: kinds of banners, how deep a mailbox lies, the page itself, whose buttons of languages
_MADE = {"good", "bad", "warn", "info", "mail", "deep1", "deep2", "deep3", "deep4"}
_MADE |= {f"k{number}" for number in range(FORMS_IN_SHEET)}
_FORMS = {"input", "select", "textarea", "iframe"}  # that WTForms writes
_OTHERS = {"framed", "side"}  # of the layout where pages have the menu of settings

blueprint = Blueprint("webmail", __name__)
A_MESSAGE = Large(lambda core: core.config.message_octets)
blueprint.add_app_template_filter(show.short_date)
blueprint.add_app_template_filter(show.long_date)
blueprint.add_app_template_filter(show.linked)
blueprint.add_app_template_global(show.query, "list_query")
blueprint.add_app_template_global(show.dates, "short_dates")
blueprint.add_app_template_global(show.inside_url)
blueprint.add_app_template_global(formats.sizes, "short_sizes")


@cache
def _sheet() -> bytes:
    """The style sheets of the portal and of the webmail as one, without rules for what its pages never have."""
    css = "".join((STATIC / name).read_text(encoding="utf-8") for name in ("style.css", "webmail.css"))
    return re.sub(r"@media[^{}@]*\{\}", "", _RULE.sub(_used_rule, slim(css))).encode()


@cache
def _tags() -> frozenset[str]:
    """Every element of the templates, and those that the lines of lists are written with."""
    texts = [path.read_text(encoding="utf-8") for pattern in _USED for path in TEMPLATES.glob(pattern)]
    texts += [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("*.py")]
    return frozenset(re.findall(r"<([a-z]\w*)", " ".join(texts)))


@cache
def _words() -> frozenset[str]:
    """Every class that templates, views or the script give, and what banners and badges may be."""
    texts = [path.read_text(encoding="utf-8") for pattern in _USED for path in TEMPLATES.glob(pattern)]
    texts += [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("*.py")]
    classes = re.findall(r'class="([^"]*)"', re.sub(r"\{#.*?#\}", "", " ".join(texts), flags=re.DOTALL))
    return frozenset(re.findall(r"[\w-]+", " ".join([*classes, _code(*LISTS, WRITING).decode()]))) - _OTHERS | _MADE


def _used_rule(rule: re.Match[str]) -> str:
    """A rule with those of its selectors whose classes and elements are named somewhere in the templates."""
    used = [
        one
        for one in _COMMA.split(rule[1])
        if set(re.findall(r"\.([a-z][\w-]*)", one)) <= _words()
        and set(re.findall(r"(?:^|[\s>+~(])([a-z]\w*)", one)) <= _tags() | _FORMS
    ]
    return f"{','.join(used)}{{{rule[2]}}}" if used else ""


@cache
def _code(*names: str) -> bytes:
    return slim_script("\n".join((STATIC / name).read_text(encoding="utf-8") for name in names)).encode()


@cache
def mail_version(name: str) -> str:
    if name == "stylesheet":
        return version(_sheet())
    return version(_code(WRITING) if name == "writing_script" else _code(*LISTS))


@cache
def mail_icons(*more: str) -> Markup:
    """The pictures that pages of the webmail use, to stand in the page itself."""
    text = (STATIC / "icons.svg").read_text(encoding="utf-8")
    wanted = [re.search(rf'<symbol id="{name}".*?</symbol>', text, re.DOTALL) for name in (*ICONS, *more)]
    symbols = "".join(found[0] for found in wanted if found)
    return Markup(f'<svg class="sprite" width="0" height="0">{symbols}</svg>')  # noqa: S704 - our own file


for _global in (mail_version, mail_icons, errors.words_of):
    blueprint.add_app_template_global(_global)


@blueprint.get("/mail/look.css")
@same_for_all
@public
def stylesheet() -> Response:
    return Response(_sheet(), content_type="text/css; charset=utf-8", headers={"Cache-Control": YEAR})


@blueprint.get("/mail/keys.js")
@same_for_all
@public
def script() -> Response:
    return Response(_code(*LISTS), content_type="text/javascript; charset=utf-8", headers={"Cache-Control": YEAR})


@blueprint.get("/mail/writing.js")
@same_for_all
@public
def writing_script() -> Response:
    return Response(_code(WRITING), content_type="text/javascript; charset=utf-8", headers={"Cache-Control": YEAR})
