"""HTML of strangers made safe to show: cleaned here, and shown in a sandboxed frame that may load nothing.

Two walls: what is not on these lists does not pass (nh3, and a filter of our own for CSS), and the page's policy
lets no script run and no request leave.  Remote images are left out; those that came along (cid:) are put in.
"""

import base64
import re
from dataclasses import dataclass

import nh3
import tinycss2

from mailcore.mail import header, structure, text

MAX_INLINE = 4 * 2**20  # octets of pictures put into one page
_IMAGES = {"png", "jpeg", "gif", "webp"}
_TAGS = frozenset(
    """a abbr address b bdi bdo big blockquote br caption center cite code col colgroup dd del dfn div dl dt em figcaption
    figure font footer h1 h2 h3 h4 h5 h6 header hr i img ins kbd li main mark ol p pre q s samp section small span strike
    strong sub sup table tbody td tfoot th thead time tr tt u ul var wbr""".split()  # noqa: SIM905 - a list of sixty lines
)
_ATTRIBUTES = {
    "*": {"style", "title", "dir", "lang", "align", "valign", "width", "height", "bgcolor", "color"},
    "a": {"href"}, "img": {"src", "alt", "width", "height"}, "font": {"face", "size"}, "ol": {"start", "type"},
    "table": {"border", "cellpadding", "cellspacing"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan", "scope"},
    "col": {"span"}, "colgroup": {"span"}, "time": {"datetime"},
}  # fmt: skip
_PROPERTIES = re.compile(
    r"(?:color|background-color|font(?:-family|-size|-style|-weight|-variant)?|line-height|letter-spacing|word-spacing"
    r"|text-(?:align|decoration|indent|transform)|vertical-align|white-space|list-style-type|direction"
    r"|(?:margin|padding)(?:-(?:top|right|bottom|left))?|border(?:-(?:top|right|bottom|left))?(?:-(?:color|style|width))?"
    r"|border-(?:collapse|spacing|radius)|(?:min-|max-)?(?:width|height)|display)"
)
_FUNCTIONS = {"rgb", "rgba", "hsl", "hsla"}
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none';"
    " frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)


@dataclass(frozen=True, slots=True)
class SafePage:
    """`html` is a whole document; `blocked` counts remote pictures that were left out."""

    html: str
    blocked: int


def safe_style(css: str) -> str:
    """The declarations that only change how text looks: no url(), no position, nothing unknown."""
    kept = []
    for item in tinycss2.parse_declaration_list(css, skip_comments=True, skip_whitespace=True):
        if item.type == "declaration" and _PROPERTIES.fullmatch(item.lower_name) and _is_harmless(item.value):
            kept.append(f"{item.lower_name}:{tinycss2.serialize(item.value).strip()}")
    return ";".join(kept)


_PLAIN = ("ident", "dimension", "percentage", "number", "hash", "whitespace", "string")


def _is_harmless(tokens: list[tinycss2.ast.Node]) -> bool:
    for token in tokens:
        match token.type:
            case "function":
                if token.lower_name not in _FUNCTIONS or not _is_harmless(token.arguments):
                    return False
            case "literal":
                if token.value not in (",", "/", "-", "+"):
                    return False
            case kind:
                if kind not in _PLAIN:
                    return False
    return True


class _Cleaner:
    def __init__(self, pictures: dict[str, str]) -> None:
        self._pictures = pictures
        self.blocked = 0

    def attribute(self, tag: str, name: str, value: str) -> str | None:
        if name == "style":
            return safe_style(value) or None
        if name == "src":
            scheme, _, rest = value.strip().partition(":")
            if scheme.lower() == "cid":
                return self._pictures.get(rest.strip())
            self.blocked += 1
            return None
        if name == "href":
            # a relative address would lead into the portal itself
            return value if value.lower().startswith(("http://", "https://", "mailto:")) else None
        return value


def clean(html: str, pictures: dict[str, str]) -> SafePage:
    """A document to show.

    Args:
        pictures: Content-ID without brackets, and the data: address of the picture.
    """
    cleaner = _Cleaner(pictures)
    body = nh3.clean(
        html, tags=set(_TAGS), attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        clean_content_tags={"script", "style", "title", "template", "noscript", "iframe", "object", "svg", "math", "xmp"},
        attribute_filter=cleaner.attribute, url_schemes={"http", "https", "mailto", "cid"},
        link_rel="noopener noreferrer nofollow", strip_comments=True, generic_attribute_prefixes=set(),
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )  # fmt: skip
    head = (
        '<!doctype html><html><head><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
        "<style>body{margin:0;font:16px/1.5 sans-serif;overflow-wrap:anywhere;background:#fff;color:#000}"
        "img{max-width:100%;height:auto}table{max-width:100%}</style></head><body>"
    )
    return SafePage(head + body + "</body></html>", cleaner.blocked)


def page_of(octets: bytes) -> SafePage | None:
    """The HTML part of a message, made safe; None if it has none."""
    root = structure.parse(octets)
    leaves = list(structure.leaves(root))
    part = next((leaf for leaf in leaves if (leaf.type, leaf.subtype) == ("text", "html") and not is_file(leaf)), None)
    if part is None:
        return None
    pictures: dict[str, str] = {}
    room = MAX_INLINE
    for leaf in leaves:
        if leaf.type == "image" and leaf.subtype in _IMAGES and leaf.id and leaf.size <= room:
            room -= leaf.size
            encoded = base64.b64encode(text.transfer_decoded(octets, leaf)).decode("ascii")
            pictures[header.decode(leaf.id).strip().strip("<>")] = f"data:image/{leaf.subtype};base64,{encoded}"
    return clean(text.part_text(octets, part), pictures)


def is_file(part: structure.Part) -> bool:
    """Is this part meant to be kept as a file?"""
    return part.disposition is not None and part.disposition[0] == "attachment"
