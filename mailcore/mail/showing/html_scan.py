"""HTML cut into text, tags and what hides text, as a browser's tokenizer cuts it (WHATWG HTML section 13.2.5).

Linear in the characters, whatever they are: every search goes forward, a tag without an end ends the scan, and no
pattern can go back.  No tree is built; who needs one asks nh3.
"""

import re
from collections.abc import Iterator
from html import unescape
from typing import NamedTuple

# Quotes count only behind "=", as in a browser; a quote that never ends is none.
_TAG = re.compile(r"""<(/?)([a-zA-Z][^\s/>]*+)((?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+')?+)*+)>""")
_ATTRIBUTE = re.compile(r"""([^\s=>/"'][^\s=>/]*+)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>]++)))?+""")
_COMMENT_END = re.compile(r"--!?>")
_COMMENT = re.compile(r"<!--(?:-?>|(?:[^-]++|-(?!-!?>))*+(?:--!?>)?+)")
# Their content is no text of the page: nothing of it is shown, tags in it are none.  What stands in `noscript` and the like is
# text where no script runs and no frame is shown, as in mail.
RAW = frozenset({"script", "style", "title", "template", "iframe", "object", "svg", "math"})
_RAW_END = {name: re.compile(rf"(?i)</{name}(?=[\s/>]|\Z)") for name in RAW}
_BLANKS = "".join(map(chr, range(33)))
_LINE_ENDS = re.compile(r"[\t\r\n]")
_RAW_BEGIN = re.compile(rf"(?i)<({'|'.join(sorted(RAW))})(?=[\s/>])")
_LINK_BEGIN, _LINK_END = re.compile(r"(?i)<a(?=[\s/])"), re.compile(r"(?i)</a(?=[\s/>])")
_LONG_NUMBER = re.compile(r"&#[0-9]{8,}+;?+")  # no character has it, and Python refuses to read thousands of digits


class Text(NamedTuple):  # thousands of them in one letter: a tuple is made three times as fast as a frozen dataclass
    """Characters between tags, entities not read yet."""

    raw: str

    @property
    def words(self) -> str:
        return unescaped(self.raw)


class Tag(NamedTuple):
    """A start tag, or an end tag; `raw` is what stands between its name and its `>`.

    `content` is what stands inside an element whose content is no text of the page.
    """

    name: str
    is_end: bool
    raw: str
    content: str = ""

    def attributes(self) -> dict[str, str]:
        """Return names in lower case, with values; of two with one name the first counts."""
        found: dict[str, str] = {}
        for one in _ATTRIBUTE.finditer(self.raw):
            value = one[2] if one[2] is not None else one[3] if one[3] is not None else one[4] or ""
            found.setdefault(one[1].lower(), unescaped(value))
        return found


def scan(html: str) -> Iterator[Text | Tag]:
    """Cut HTML into text and tags in their order, without comments."""
    at = 0
    while True:
        start = html.find("<", at)
        if start < 0:
            break
        following = html[start + 1 : start + 4]
        if following.startswith("!--"):
            yield from _text(html, at, start)
            at = _after_comment(html, start)
            continue
        if following[:1] in ("!", "?") or (following[:1] == "/" and following[1:2] and not following[1].isalpha()):
            end = html.find(">", start)
            if end < 0:
                break
            yield from _text(html, at, start)
            at = end + 1
            continue
        if not following.lstrip("/")[:1].isalpha() or following.startswith("//"):
            yield Text(html[at : start + 1])
            at = start + 1
            continue
        tag = _TAG.match(html, start)
        if tag is None:
            if not following.lstrip("/")[:1].isascii():
                yield Text(html[at : start + 1])
                at = start + 1
                continue
            break  # no end of a tag stands behind this one: the rest is shown as it is
        yield from _text(html, at, start)
        name = tag[2].lower()
        at = tag.end()
        if name in RAW and not tag[1]:
            end_tag = _RAW_END[name].search(html, at)
            content = html[at : end_tag.start() if end_tag else len(html)]
            at += len(content)
            yield Tag(name, False, tag[3], content)
        else:
            yield Tag(name, bool(tag[1]), tag[3])
    yield from _text(html, at, len(html))


def without_comments(html: str) -> str:
    """Remove comments; one that nobody ends takes all the rest.  `<!--[if !mso]><!-->` is one, and what follows is none."""
    return _COMMENT.sub("", html) if "<!--" in html else html


def without_raw(html: str) -> str:
    """Remove comments, and elements whose content is no text of the page, such as `style`."""
    html = without_comments(html)
    pieces, at = [], 0
    while begin := _RAW_BEGIN.search(html, at):
        pieces.append(html[at : begin.start()])
        tag = _TAG.match(html, begin.start())
        end = _RAW_END[begin[1].lower()].search(html, tag.end()) if tag else None
        close = html.find(">", end.end()) if end else -1
        at = close + 1 if close >= 0 else len(html)
    return "".join((*pieces, html[at:]))


def elements(html: str, name: str) -> Iterator[Tag]:
    """Elements of one kind whose content is no text, such as `style`.  Without the walk through all that is between them."""
    html = without_comments(html)
    at = 0
    while begin := _RAW_BEGIN.search(html, at):
        tag = _TAG.match(html, begin.start())
        if tag is None:
            return
        own = begin[1].lower()
        end_tag = _RAW_END[own].search(html, tag.end())
        at = end_tag.start() if end_tag else len(html)
        if own == name:
            yield Tag(own, False, tag[3], html[tag.end() : at])


def read_target(written: str) -> str:
    """Return where a link leads, as browsers read it: blanks around it and ends of lines within say nothing."""
    target = _LINE_ENDS.sub("", written.strip(_BLANKS))
    return f"https:{target}" if target.startswith("//") else target


def links(html: str) -> Iterator[tuple[str, str]]:
    """Find words and target of each `<a href>`; one that nobody closes ends where the next begins."""
    html = without_comments(html)
    begin = _LINK_BEGIN.search(html)
    while begin and (tag := _TAG.match(html, begin.start())):
        begin = _LINK_BEGIN.search(html, tag.end())
        stop = begin.start() if begin else len(html)
        target = read_target(Tag("a", False, tag[3]).attributes().get("href", ""))
        end = _LINK_END.search(html, tag.end(), stop)
        inside = html[tag.end() : end.start() if end else stop]
        if target:
            yield " ".join("".join(piece.words for piece in scan(inside) if isinstance(piece, Text)).split()), target


def _text(html: str, start: int, stop: int) -> Iterator[Text]:
    if stop > start:
        yield Text(html[start:stop])


def _after_comment(html: str, start: int) -> int:
    """Return the offset after the comment at `start`; one without an end takes all the rest."""
    for short in ("<!-->", "<!--->"):
        if html.startswith(short, start):
            return start + len(short)
    end = _COMMENT_END.search(html, start + 4)
    return end.end() if end else len(html)


def unescaped(text: str) -> str:
    """Character references read; a number that no character has is U+FFFD."""
    return unescape(_LONG_NUMBER.sub("\ufffd", text)) if "&" in text else text
