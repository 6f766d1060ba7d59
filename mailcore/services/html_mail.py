"""HTML of strangers made safe to show: cleaned here, and shown in a sandboxed frame that may load nothing.

Two walls: what is not on these lists does not pass (nh3, and services/css_mail.py for CSS), and the page's policy
lets no script run and no request leave.  Remote pictures are left out until the reader asks for them, and then come
through our own proxy; those that came along (cid:) are put in.
"""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape, unescape

import nh3

from mailcore.mail import body, header, text
from mailcore.mail.octets import Octets
from mailcore.services import links
from mailcore.services.css_mail import safe_sheet, safe_style

MAX_INLINE = 4 * 2**20  # octets of pictures put into one page
_IMAGES = {"png", "jpeg", "gif", "webp"}
_TAGS = frozenset(
    """a abbr address b bdi bdo big blockquote br caption center cite code col colgroup dd del dfn div dl dt em figcaption
    figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark ol p pre q s samp section small span strike
    strong sub sup table tbody td tfoot th thead time tr tt u ul var wbr""".split()  # noqa: SIM905 - a list of sixty lines
)
_ATTRIBUTES = {
    "*": {"style", "class", "id", "title", "dir", "lang", "align", "valign", "width", "height", "bgcolor", "color"},
    "a": {"href"}, "img": {"src", "alt", "width", "height"}, "font": {"face", "size"}, "ol": {"start", "type"},
    "table": {"border", "cellpadding", "cellspacing"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan", "scope"},
    "col": {"span"}, "colgroup": {"span"}, "time": {"datetime"},
}  # fmt: skip
_REMOTE = re.compile(
    r"(?i)(?:src|srcset|background|poster)\s*=\s*[\"']?\s*(?:https?:)?//|url\(\s*[\"']?\s*(?:https?:)?//"
)
_ANCHOR = re.compile(r'<a((?:\s+[\w-]+="[^"]*")*)\s*>(.*?)</a>', re.DOTALL)
_HREF = re.compile(r'\shref="([^"]*)"')


# no rule of a message hides or dresses up our own words: inline and important is stronger than any sheet
_SEEN = "all:initial!important;font:13px sans-serif!important;color:#333!important;background:#fff!important"


def policy(pictures: str = "") -> str:
    """What the frame may do.

    Args:
        pictures: the address of our proxy when the reader asked for remote pictures.
    """
    return (
        f"default-src 'none'; img-src data: {pictures}".rstrip() + "; style-src 'unsafe-inline'; form-action 'none';"
        " base-uri 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
    )


POLICY = policy()


@dataclass(frozen=True, slots=True)
class SafePage:
    """`html` is a whole document; `blocked` counts remote pictures that were left out."""

    html: str
    blocked: int


class _Cleaner:
    def __init__(self, pictures: dict[str, str], remote: Callable[[str], str] | None) -> None:
        self._pictures, self._remote = pictures, remote
        self.blocked = 0

    def attribute(self, tag: str, name: str, value: str) -> str | None:
        if name == "style":
            return safe_style(value) or None
        if name == "src":
            scheme, _, rest = value.strip().partition(":")
            if scheme.lower() == "cid":
                return self._pictures.get(rest.strip())
            if self._remote and value.strip().lower().startswith(("http://", "https://", "//")):
                address = value.strip()
                return self._remote("https:" + address if address.startswith("//") else address)
            self.blocked += 1
            return None
        if name == "href":
            # a relative address would lead into the portal itself
            return value if value.lower().startswith(("http://", "https://", "mailto:")) else None
        return value


def _told(found: re.Match[str]) -> str:
    """A link with its real target in a title, and in sight if its words name another place."""
    attributes, words = found[1], found[2]
    href = _HREF.search(attributes)
    if href is None:
        return f"<a{attributes}>{words}</a>"
    target = unescape(href[1])
    shown = unescape(nh3.clean(words, tags=set()))
    note = f' <small style="{_SEEN}">[{escape(links.host(target))}]</small>' if links.is_mismatch(shown, target) else ""
    attributes = re.sub(r'\stitle="[^"]*"', "", attributes)
    return f'<a{attributes} title="{escape(target)}">{words}</a>{note}'


def clean(html: str, pictures: dict[str, str], remote: Callable[[str], str] | None = None) -> SafePage:
    """A document to show.

    Args:
        pictures: Content-ID without brackets, and the data: address of the picture.
        remote: gives our proxy's address for a picture's; None leaves remote pictures out.
    """
    cleaner = _Cleaner(pictures, remote)
    cleaned = nh3.clean(
        html, tags=set(_TAGS), attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        clean_content_tags={"script", "style", "title", "template", "noscript", "iframe", "object", "svg", "math", "xmp"},
        attribute_filter=cleaner.attribute, url_schemes={"http", "https", "mailto", "cid"},
        link_rel="noopener noreferrer nofollow", strip_comments=True, generic_attribute_prefixes=set(),
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )  # fmt: skip
    head = (
        '<!doctype html><html><head><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
        "<style>body{margin:0;font:16px/1.5 sans-serif;overflow-wrap:anywhere;background:#fff;color:#000}"
        f"img{{max-width:100%;height:auto}}table{{max-width:100%}}small{{color:#555}}</style>{safe_sheet(html)}</head><body>"
    )
    return SafePage(head + _ANCHOR.sub(_told, cleaned) + "</body></html>", cleaner.blocked)


def has_remote(html: str) -> bool:
    """Does it ask for pictures from the network?  A quick look, for a word to the reader; cleaning decides."""
    return _REMOTE.search(html) is not None


def page_of(octets: Octets, remote: Callable[[str], str] | None = None) -> SafePage | None:
    """The designed version of a message, made safe; None if it has none."""
    found = body.read(octets)
    if found.html is None:
        return None
    pictures: dict[str, str] = {}
    room = MAX_INLINE
    for leaf in found.pictures:
        if leaf.subtype in _IMAGES and leaf.id and leaf.size <= room:
            room -= leaf.size
            encoded = base64.b64encode(text.transfer_decoded(octets, leaf)).decode("ascii")
            pictures[header.decode(leaf.id).strip().strip("<>")] = f"data:image/{leaf.subtype};base64,{encoded}"
    return clean(text.part_text(octets, found.html), pictures, remote)
