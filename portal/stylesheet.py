"""The style sheet and the script beside HTMX as they are sent: written with comments and air in `static`, sent without.

A page with everything is three requests: itself, its style sheet, its icons.  Pages of many forms bring a second sheet, with the
rules that show each form's buttons of languages (portal/kept_forms.py).
"""

import re
import string
from functools import cache
from hashlib import sha256
from urllib.parse import quote

from flask import Blueprint, Response, jsonify, request
from markupsafe import Markup

from mailcore.package_data import folder_of
from portal.access import public, same_for_all
from portal.addresses import url_for
from portal.request_values import number

STATIC = folder_of("portal", "static")
_LETTERS = string.ascii_lowercase
YEAR = "public, max-age=31536000, immutable"
FORMS_IN_SHEET = 4  # `style.css` has rules for so many forms of one page: more would make each page heavier
MOST_FORMS, STEP_FORMS = 40, 8  # of one page; from one sheet for them to the next
# a string stays as it is; space around signs means nothing
_JS_SPACE = re.compile(r"""("(?:[^"\\]|\\.)*+"|'[^']*+')|[ ]?([{};,=<>?:+&|()]++)[ ]?""")
blueprint = Blueprint("site", __name__)


def slim(css: str) -> str:
    """Without comments and without space that means nothing; pictures of ours as addresses of their own."""
    css = re.sub(r"\s+", " ", re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL))
    css = re.sub(r"url\((\w+\.svg)\)", lambda found: f'url("{picture(found[1])}")', css)
    # what stands in quotes stays as it is
    css = re.sub(r'("[^"]*")|;? ?(\}) ?| ?([{;,>~/]) ?|(:) ', r"\1\2\3\4", css).strip()
    return _shorten_variables(css)


def slim_script(text: str) -> str:
    """Without comments and without spaces that mean nothing."""
    code = "\n".join(line.strip() for line in text.split("\n") if not line.strip().startswith("//"))
    return _JS_SPACE.sub(lambda found: found[1] or found[2], code)


def _shorten_variables(css: str) -> str:
    """Give each variable a name of a letter or two: `--gold-line` stands in fifty places."""
    names = dict.fromkeys(re.findall(r"--[a-z][\w-]*", css))
    short = {name: f"--{_LETTERS[n] if n < 26 else 'a' + _LETTERS[n - 26]}" for n, name in enumerate(names)}
    return re.sub(r"--[a-z][\w-]*", lambda found: short[found[0]], css)


@cache
def picture(name: str) -> str:
    """A small picture as an address that nobody has to ask for."""
    text = (STATIC / name).read_text(encoding="utf-8").strip()
    # a quotation mark is one octet where an apostrophe may stand for it, and three where it is escaped
    return "data:image/svg+xml," + quote(re.sub(r"\s+", " ", text).replace('"', "'"), safe=" ='/:")


def version(octets: bytes) -> str:
    """Return a version that changes with the content, so that browsers may cache it for a year."""
    return sha256(octets).hexdigest()[:12]


@cache
def _sheet() -> bytes:
    return slim((STATIC / "style.css").read_text(encoding="utf-8")).encode()


@cache
def _script() -> bytes:
    return slim_script((STATIC / "in-place.js").read_text(encoding="utf-8")).encode()


@blueprint.app_template_global()
@cache
def stylesheet_version() -> str:
    return version(_sheet())


@blueprint.app_template_global()
@cache
def script_version() -> str:
    return version(_script())


@cache
def _forms_sheet(forms: int) -> bytes:
    """Write the rules for so many forms; browsers that know `:user-valid` know nested rules."""
    return "".join(
        f':has([data-kept="{count}"] :is(:user-valid,:user-invalid)) .languages .link'
        f"{{&:not(.k{count}){{display:none}}&.k{count}{{display:inline}}}}"
        for count in range(FORMS_IN_SHEET, forms)
    ).encode()


@blueprint.app_template_global()
def forms_sheet(forms: int) -> str:
    """Return the address of the rules for more forms than `style.css` knows, "" for a page without so many."""
    if forms <= FORMS_IN_SHEET:
        return ""
    forms = _round_up(forms)
    return url_for("site.forms_stylesheet", forms=forms, v=version(_forms_sheet(forms)))


def _round_up(forms: int) -> int:
    """Return the number of forms that a sheet is for: few sheets for all pages, none much heavier than its page needs."""
    return min(MOST_FORMS, -(-forms // STEP_FORMS) * STEP_FORMS)


@blueprint.app_template_global()
def site_icon() -> Markup:
    """The picture for the browser's tab, to stand in double quotes."""
    return Markup(picture("icon.svg"))  # noqa: S704 - our own file, escaped as an address


@blueprint.get("/look.css")
@same_for_all
@public
def stylesheet() -> Response:
    return Response(_sheet(), content_type="text/css; charset=utf-8", headers={"Cache-Control": YEAR})


@blueprint.get("/in-place.js")
@same_for_all
@public
def script() -> Response:
    """Serve what HTMX leaves to us; the webmail has it in its own script."""
    return Response(_script(), content_type="text/javascript; charset=utf-8", headers={"Cache-Control": YEAR})


@blueprint.get("/forms.css")
@same_for_all
@public
def forms_stylesheet() -> Response:
    octets = _forms_sheet(_round_up(number(request.args.get("forms"), MOST_FORMS)))
    return Response(octets, content_type="text/css; charset=utf-8", headers={"Cache-Control": YEAR})


@blueprint.get("/manifest.webmanifest")
@same_for_all
@public
def manifest() -> Response:
    """Tell a phone what it needs to put the webmail among its programs (W3C Web Application Manifest)."""

    def icon(name: str, kind: str, sizes: str) -> dict[str, str]:
        return {"src": url_for("static", filename=name), "type": kind, "sizes": sizes}

    answer = jsonify(
        {
            "name": "Alumnimail",
            "short_name": "Alumnimail",
            "id": "/mail/",
            "start_url": "/mail/",
            "scope": "/",
            "display": "standalone",
            "theme_color": "#12335a",
            "background_color": "#faf8f3",
            "icons": [
                icon("icon.svg", "image/svg+xml", "any"),
                icon("icon-180.png", "image/png", "180x180"),
                icon("icon-512.png", "image/png", "512x512"),
            ],
        }
    )
    answer.content_type = "application/manifest+json"
    answer.headers["Cache-Control"] = "public, max-age=86400"
    return answer
