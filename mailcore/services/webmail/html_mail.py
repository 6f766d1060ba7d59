"""HTML of strangers made safe to show: cleaned here, and shown in a sandboxed frame that may load nothing.

Two walls: what is not on these lists does not pass (nh3, and services/webmail/css_mail.py for CSS), and the page's policy
lets no script run and no request leave.  Remote pictures are left out until the reader asks for them, and then come
through our own proxy; those that came along (services/webmail/inline_pictures.py) are put in.
"""

import base64
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape, unescape
from typing import Protocol

import nh3

from mailcore.log import log_for
from mailcore.mail.judging import links, written_language
from mailcore.mail.reading import structure
from mailcore.mail.reading.octets import Octets
from mailcore.mail.showing import body, pictures
from mailcore.mail.showing.html_scan import RAW, Tag, Text, read_target, scan
from mailcore.mail.showing.html_text import VOID, from_html
from mailcore.services.webmail import portions
from mailcore.services.webmail.css_mail import LOST, is_light, safe_sheet, safe_style
from mailcore.services.webmail.inline_pictures import InlinePictures
from mailcore.services.webmail.portions import Piece
from mailcore.services.webmail.text_links import find_line_links

log = log_for(__name__)
MAX_DEEP = 1000  # elements within one another: a tree that is deeper takes the square of the time
_TAGS = frozenset(
    """a abbr address article aside b bdi bdo big blockquote br caption center cite code col colgroup dd del details dfn dir
    div dl dt em fieldset figcaption figure font footer form h1 h2 h3 h4 h5 h6 header hgroup hr i img ins kbd legend li main
    mark menu nav ol p pre q s samp section small span strike strong sub summary sup table tbody td tfoot th thead time tr
    tt u ul var wbr""".split()  # noqa: SIM905 - a list of ninety lines
)
_ATTRIBUTES = {
    "*": {
        "style",
        "class",
        "id",
        "title",
        "dir",
        "lang",
        "align",
        "valign",
        "width",
        "height",
        "bgcolor",
        "color",
        "hidden",
    },
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "font": {"face", "size"},
    "ol": {"start", "type"},
    "table": {"border", "cellpadding", "cellspacing"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "col": {"span"},
    "colgroup": {"span"},
    "time": {"datetime"},
} | {tag: {"background"} for tag in ("thead", "tbody", "tfoot", "tr")}
for _tag in ("table", "td", "th"):
    _ATTRIBUTES[_tag] = _ATTRIBUTES[_tag] | {"background"}
_REMOTE = re.compile(
    r"(?i)(?:src|srcset|background|poster)\s*+=\s*+[\"']?+\s*+(?:https?:)?+//|url\(\s*+[\"']?+\s*+(?:https?:)?+//"
)
_ANCHOR = re.compile(r'<a((?:\s++[\w-]++="[^"]*+")*+)\s*+>((?:[^<]++|<(?!/?a[\s>]))*+)</a>')
_HREF = re.compile(r'\shref="([^"]*)"')
_COLOUR = re.compile(r'(?<![\w-])color\s*+[:=]\s*+"?+([^;"}!]{1,60})')
_UNQUOTED = re.compile(r'[\s"\\]')
_HEX = re.compile(r"[0-9a-fA-F]{3}(?:[0-9a-fA-F]{3})?")
_CLOSED = VOID | RAW | {"p", "li", "dt", "dd", "td", "th", "tr", "option"}  # by themselves, or by the next
_DATA = re.compile(r"data:image/[\w.+-]{1,40};base64,([A-Za-z0-9+/]+={0,2})", re.IGNORECASE)
_LINK = 'target="_blank" rel="noopener noreferrer nofollow"'
_PLAIN = "white-space:pre-wrap;background:#fff;color:#000"  # text among HTML, whose background is not its own
_NOTHING = "data:,"  # a picture that is none
_GREY = "#767676"  # black and white words are both read on it

# no rule of a message hides or dresses up our own words: inline and important is stronger than any sheet
_SEEN = "all:initial!important;font:13px sans-serif!important;color:#333!important;background:#fff!important"
_HEAD = (
    '<!doctype html><html><head><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
    "<style>:root{color-scheme:only light}"
    ":where(body){margin:0;font:16px/1.5 sans-serif;overflow-wrap:anywhere;color:#000}"
    "img{max-width:100%;height:auto}table{max-width:100%}small{color:#555}</style>"
)


def policy(pictures: str = "") -> str:
    """Return the content security policy of the frame.

    Args:
        pictures: the address of our proxy when the reader asked for remote pictures.
    """
    return (
        f"default-src 'none'; img-src data: {pictures}".rstrip() + "; style-src 'unsafe-inline'; form-action 'none';"
        " base-uri 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
    )


# tags around what is shown where no script runs and no frame is: nh3 would take what they hold for text
_FALLBACK = re.compile(r"(?i)</?no(?:script|frames|embed)(?=[\s/>])[^<>]*+>")
Remote = Callable[[str], str]


class Pictures(Protocol):
    """Those that came along, by what HTML calls them."""

    def get(self, address: str, /) -> str | None: ...


@dataclass(frozen=True, slots=True)
class SafePage:
    """`html` is a whole document; `blocked` counts remote pictures that were left out."""

    html: str
    blocked: int


class _Cleaner:
    """The pictures of one document, and what had to be left out of it."""

    def __init__(self, along: Pictures, remote: Remote | None) -> None:
        self._along, self._remote = along, remote
        self.blocked = 0

    def attribute(self, tag: str, name: str, value: str) -> str | None:
        """Filter an attribute's value, removing it on an error; nh3 would let one pass for which this raises."""
        try:
            return self._attribute(name, value)
        except Exception:  # a fault of ours lets nothing through
            log.exception("an attribute of %s could not be read", tag)
            return None

    def _attribute(self, name: str, value: str) -> str | None:
        if name == "style":
            return safe_style(value, self.picture) or None
        if name in ("src", "background"):
            found = self.picture(value)
            return _NOTHING if name == "background" and found is None else found
        if name == "href":
            target = read_target(value)
            # a relative address would lead into the portal itself
            return target if target.lower().startswith(("http://", "https://", "mailto:")) else None
        return value

    def picture(self, value: str) -> str | None:
        """An address that the page may have for a picture of the sender's."""
        address = value.strip()
        scheme, _, rest = address.partition(":")
        found = self._along.get(rest.strip() if scheme.lower() == "cid" else address)
        if found is not None or scheme.lower() in ("cid", "mid"):
            return found
        if scheme.lower() == "data":
            return _as_it_is("".join(address.split()))
        if self._remote and address.lower().startswith(("http://", "https://", "//")):
            return self._remote("https:" + address if address.startswith("//") else address)
        self.blocked += 1
        return None


def _as_it_is(address: str) -> str | None:
    """A picture that stands in its own address, if it is one."""
    found = _DATA.fullmatch(address)
    return address if found and pictures.kind_of(base64.b64decode(found[1][:64])) else None


def _show_target(found: re.Match[str]) -> str:
    """A link with its real target in a title, and in sight if its words name another place."""
    attributes, words = found[1], found[2]
    href = _HREF.search(attributes)
    if href is None:
        return f"<a{attributes}>{words}</a>"
    target = unescape(href[1])
    shown = "".join(piece.words for piece in scan(words) if isinstance(piece, Text))
    note = f' <small style="{_SEEN}">[{escape(links.host(target))}]</small>' if links.is_mismatch(shown, target) else ""
    attributes = re.sub(r'\stitle="[^"]*"', "", attributes)
    return f'<a{attributes} title="{escape(target)}">{words}</a>{note}'


def clean(html: str, along: Pictures, remote: Remote | None = None) -> SafePage:
    """A document to show.

    Args:
        along: gives a data: address for a Content-ID, or for another address that a picture came with.
        remote: gives our proxy's address for a picture's; None leaves remote pictures out.
    """
    return _page(html, html, "", _Cleaner(along, remote))


def page_of(
    octets: Octets, remote: Remote | None = None, root: structure.Part | None = None, portion: int = 1
) -> SafePage | None:
    """Make the designed version of a message safe; None if it has none.

    Args:
        root: of the message, where it is a part of the octets.
        portion: of a very large one, counted from 1.
    """
    root = root or structure.parse(octets)
    parts = body.read(octets, root).designed
    if not parts:
        return None
    along = InlinePictures(octets, root)
    cleaner = _Cleaner(along, remote)
    pieces = portions.choose(portions.divide(octets, parts), portion)
    language = _language(root, pieces)
    if len(parts) == 1 and len(pieces) == 1:
        return _page(pieces[0].whole, pieces[0].text, language, cleaner)
    sheets, blocks = list[str](), list[str]()
    for piece in pieces:
        if piece.is_html:
            sheet, attributes = _page_rules(piece.whole, cleaner, f"body>div:nth-of-type({len(blocks) + 1})")
            sheets.append(sheet + safe_sheet(piece.whole, cleaner.picture))
            blocks.append(f"<div{attributes}>{_fragment(piece.text, cleaner)}</div>")
        else:
            blocks.append(f'<div style="{_PLAIN}">{_with_links(body.shown_text(piece.part, piece.text))}</div>')
    return SafePage(_document("".join(sheets), "", "".join(blocks), language), cleaner.blocked)


def _page(html: str, piece: str, language: str, cleaner: _Cleaner) -> SafePage:
    """Make the page of one document, or of a piece of it."""
    sheet, attributes = _page_rules(html, cleaner)
    cleaned = _fragment(piece, cleaner)
    return SafePage(
        _document(sheet + safe_sheet(html, cleaner.picture), attributes, cleaned, language), cleaner.blocked
    )


def _language(root: structure.Part, pieces: list[Piece]) -> str:
    """Find the language of a page: what the header says, the words, or what <html> or <body> say themselves.

    Programs write their own language there more often than that of the words.
    """
    declared = (pieces[0].part.language if pieces else ()) or root.language
    words = "\n".join(body.shown_text(one.part, one.text, written_language.LOOKED_AT) for one in pieces[:3])
    own = [tag.attributes().get("lang", "") for piece in pieces[:1] for tag in _page_tags(piece.whole)]
    return written_language.find_language(declared, words) or written_language.find_language(own[-1:], "")


def _document(sheets: str, attributes: str, cleaned: str, language: str) -> str:
    """The whole; where a background was left out, and words are light, they get one on which they are read."""
    if f'background="{_NOTHING}"' in cleaned:
        sheets = f'<style>:where([background="{_NOTHING}"]:not([bgcolor])){{background-color:{LOST}}}</style>{sheets}'
    inside = f"{sheets}</head><body{attributes}>{cleaned}</body></html>"
    if LOST in inside:
        has_light = any(is_light(unescape(found[1]).strip()) for found in _COLOUR.finditer(inside))
        inside = inside.replace(LOST, _GREY if has_light else "transparent")
    return _HEAD.replace("<html>", f'<html lang="{escape(language)}">', 1) + inside


def _fragment(html: str, cleaner: _Cleaner) -> str:
    """The document's content, cleaned."""
    if _is_too_deep(html):
        return f'<div style="{_PLAIN}">{_with_links(from_html(html))}</div>'
    cleaned = nh3.clean(
        _FALLBACK.sub("", html),
        tags=set(_TAGS),
        attributes={tag: set(names) for tag, names in _ATTRIBUTES.items()},
        clean_content_tags={
            "script",
            "style",
            "title",
            "template",
            "iframe",
            "object",
            "svg",
            "math",
            "xmp",
        },
        attribute_filter=cleaner.attribute,
        url_schemes={"http", "https", "mailto", "cid", "mid", "data"},
        link_rel="noopener noreferrer nofollow",
        strip_comments=True,
        generic_attribute_prefixes=set(),
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )
    return _ANCHOR.sub(_show_target, cleaned)


def _is_too_deep(html: str) -> bool:
    if html.count("<") <= MAX_DEEP:
        return False
    depth, opened = 0, Counter[str]()
    for piece in scan(html):
        if not isinstance(piece, Tag) or piece.name in _CLOSED:
            continue
        step = 1 if not piece.is_end else -1 if opened[piece.name] else 0  # an end tag of nothing closes nothing
        opened[piece.name] += step
        depth += step
        if depth > MAX_DEEP:
            return True
    return False


def _page_rules(html: str, cleaner: _Cleaner, place: str = "body") -> tuple[str, str]:
    """A sheet and attributes for what holds the content: what <html> and <body> say, and what rules hold on to.

    Args:
        place: selects the element that takes the place of the body.
    """
    rules, style, others = "", "", dict[str, str]()
    for tag in _page_tags(html):
        given = tag.attributes()
        colours = {"background-color": given.get("bgcolor", ""), "color": given.get("text", "")}
        declared = ";".join(f"{name}:{_with_hash(value)}" for name, value in colours.items() if value)
        if picture := given.get("background", ""):
            declared += f';background-image:url("{_UNQUOTED.sub("", picture)}")'
        rules += f"{place}{{{kept}}}" if (kept := safe_style(declared, cleaner.picture)) else ""
        if link := given.get("link"):
            rules += f"{place} a:link{{{safe_style(f'color:{_with_hash(link)}')}}}"
        style = ";".join(filter(None, (style, safe_style(given.get("style", ""), cleaner.picture))))
        others |= {name: given[name] for name in ("class", "id", "dir") if given.get(name)}
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in ({"style": style} | others).items() if value)
    return (f"<style>{rules.replace('<', '')}</style>" if rules else ""), attributes


def _page_tags(html: str) -> Iterator[Tag]:
    """The start tags <html> and <body> with attributes, the first of each."""
    start = html[:200_000].lower()
    wanted = {name for name in ("html", "body") if f"<{name}" in start}
    for piece in scan(html) if wanted else ():
        if isinstance(piece, Tag) and piece.name in wanted and not piece.is_end:
            wanted.discard(piece.name)
            if piece.raw.strip():
                yield piece
            if piece.name == "body" or not wanted:
                return


def _with_hash(colour: str) -> str:
    return f"#{colour}" if _HEX.fullmatch(colour.strip()) else colour


def _with_links(written: str) -> str:
    """Plain text as HTML."""
    lines = []
    for line, places in find_line_links(written):
        found, at = list[str](), 0
        for link in places:
            words = escape(line[link.start : link.end])
            found += [escape(line[at : link.start]), f'<a href="{escape(link.address)}" {_LINK}>{words}</a>']
            at = link.end
        lines.append("".join((*found, escape(line[at:]))))
    return "\n".join(lines)


def has_remote(html: str) -> bool:
    """Say if it asks for pictures from the network.  A quick look, for a word to the reader; cleaning decides."""
    return _REMOTE.search(html) is not None
