"""HTML cut into text, tags and what hides text, as a browser's tokenizer cuts it (WHATWG HTML section 13.2.5).

Linear in the characters, whatever they are: every search goes forward, a tag without an end ends the scan, and no
pattern can go back.  No tree is built; who needs one asks nh3.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

# Quotes count only behind "=", as in a browser; a quote that never ends is none.
_TAG = re.compile(r"""<(/?)([a-zA-Z][^\s/>]*+)((?:[^>=]++|=\s*+(?:"[^"]*+"|'[^']*+')?+)*+)>""")
_ATTRIBUTE = re.compile(r"""([^\s=>/"'][^\s=>/]*+)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>]++)))?+""")
_COMMENT_END = re.compile(r"--!?>")
# Their content is no text of the page: nothing of it is shown, tags in it are none.
RAW = frozenset({"script", "style", "title", "template", "noscript", "iframe", "object", "svg", "math", "noembed", "noframes"})
_RAW_END = {name: re.compile(rf"(?i)</{name}(?=[\s/>]|\Z)") for name in RAW}
_LONG_NUMBER = re.compile(r"&#[0-9]{8,}+;?+")  # no character has it, and Python refuses to read thousands of digits


@dataclass(frozen=True, slots=True)
class Text:
    """Characters between tags, entities not read yet."""

    raw: str

    @property
    def words(self) -> str:
        return unescaped(self.raw)


@dataclass(frozen=True, slots=True)
class Tag:
    """A start tag, or an end tag; `raw` is what stands between its name and its `>`.

    `content` is what stands inside an element whose content is no text of the page.
    """

    name: str
    is_end: bool
    raw: str
    content: str = ""

    def attributes(self) -> dict[str, str]:
        """Names in lower case; of two with one name the first counts."""
        found: dict[str, str] = {}
        for one in _ATTRIBUTE.finditer(self.raw):
            value = one[2] if one[2] is not None else one[3] if one[3] is not None else one[4] or ""
            found.setdefault(one[1].lower(), unescaped(value))
        return found


def scan(html: str) -> Iterator[Text | Tag]:
    """Text and tags in their order, without comments."""
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


def _text(html: str, start: int, stop: int) -> Iterator[Text]:
    if stop > start:
        yield Text(html[start:stop])


def _after_comment(html: str, start: int) -> int:
    """Where the comment at `start` has ended; one without an end takes all the rest."""
    for short in ("<!-->", "<!--->"):
        if html.startswith(short, start):
            return start + len(short)
    end = _COMMENT_END.search(html, start + 4)
    return end.end() if end else len(html)


def unescaped(text: str) -> str:
    """Character references read; a number that no character has is U+FFFD."""
    return unescape(_LONG_NUMBER.sub("\ufffd", text)) if "&" in text else text
