"""What a person reads of a message: its text, its designed version, its files.

A message that was attached is a file of this one and stays closed: its parts are not this message's text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

from mailcore.mail import structure, text
from mailcore.mail.octets import Octets
from mailcore.mail.structure import Part

_BREAK = re.compile(r"(?i)<br\s*/?>|</(?:p|div|tr|h[1-6]|li|table|blockquote|ul|ol|pre)\s*>")
_HIDDEN = re.compile(r"(?is)<(script|style|head|title|template)\b.*?(?:</\1\s*>|\Z)|<!--.*?(?:-->|\Z)")
_TAG = re.compile(r"<[!/?a-zA-Z][^>]*>?")
_LINK = re.compile(r"(?is)<a\s([^<>]{0,4000})>(.{0,2000}?)</a\s*>")
_HREF = re.compile(r"""(?is)(?:\A|\s)href\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s]+))""")
_SPACES = re.compile(r"[ \t\r\f\v\u00a0\u034f\u200b-\u200f\ufeff]+")
_EMPTY_LINES = re.compile(r"\n(?: ?\n){2,}")


@dataclass(frozen=True, slots=True)
class Body:
    """`files` are numbered leaves; `plain` is the written text, None if there is only `html`."""

    plain: str | None
    html: Part | None
    files: tuple[tuple[int, Part], ...]
    pictures: tuple[Part, ...]  # with a Content-ID, for `html`


def leaves(part: Part) -> Iterator[Part]:
    """The parts that hold octets of their own, in their order; an attached message is one of them."""
    if part.type != "multipart":
        yield part
        return
    for child in part.children:
        yield from leaves(child)


def is_file(part: Part) -> bool:
    """Is this part meant to be kept as a file?"""
    return part.disposition is not None and part.disposition[0] == "attachment"


def files(root: Part) -> tuple[tuple[int, Part], ...]:
    """All but the text that is shown, each with its number among the leaves."""
    return tuple(
        (number, leaf)
        for number, leaf in enumerate(leaves(root))
        if is_file(leaf) or leaf.type != "text" or leaf.subtype not in ("plain", "html")
    )


def read(octets: Octets, root: Part | None = None) -> Body:
    """Never raises, whatever the octets."""
    root = root or structure.parse(octets)
    texts: list[str] = []
    html: Part | None = None
    pictures: list[Part] = []
    for leaf in leaves(root):
        if is_file(leaf):
            continue
        if leaf.type == "image" and leaf.id:
            pictures.append(leaf)
        elif (leaf.type, leaf.subtype) == ("text", "plain"):
            written = text.part_text(octets, leaf).replace("\r\n", "\n")
            texts.append(
                unflowed(written, dict(leaf.params))
                if dict(leaf.params).get("format", "").lower() == "flowed"
                else written
            )
        elif (leaf.type, leaf.subtype) == ("text", "html") and html is None:
            html = leaf
    # several plain parts are one text: lists add their footer as a part of its own
    return Body("\n\n".join(texts) if texts else None, html, files(root), tuple(pictures))


def readable(octets: Octets, root: Part | None = None) -> str:
    """The text, made from the designed version if there is no other."""
    body = read(octets, root)
    if body.plain is not None and (body.plain.strip() or body.html is None):
        return body.plain
    return from_html(text.part_text(octets, body.html)) if body.html else ""


def unflowed(written: str, params: dict[str, str]) -> str:
    """Lines that were broken for transport only, put together again (RFC 3676 section 4.2)."""
    delsp = params.get("delsp", "").lower() == "yes"
    found: list[str] = []
    open_quote = -1  # how deep the line is quoted that goes on
    for line in written.split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        content = line[depth:]
        content = content[1:] if content.startswith(" ") else content
        flows = content.endswith(" ") and content != "-- "
        kept = content[:-1] if flows and delsp else content
        if open_quote == depth and found:
            found[-1] += kept
        else:
            found.append((">" * depth + " " if depth else "") + kept)
        open_quote = depth if flows else -1
    return "\n".join(found)


def from_html(html: str) -> str:
    """Text of HTML: its words, its line breaks, and where its links lead.  For reading only, never shown as HTML."""

    def link(found: re.Match[str]) -> str:
        href, words = _HREF.search(found[1]), found[2]
        target = unescape(href[1] or href[2] or href[3] or "").strip() if href else ""
        shown = unescape(_TAG.sub("", words)).strip()
        if not target.lower().startswith(("http://", "https://")) or target.rstrip("/") == shown.rstrip("/"):
            return words
        return f"{words} &lt;{target.replace('<', '%3C').replace('&', '&amp;')}&gt;" if shown else words

    plain = _HIDDEN.sub(" ", html.replace("\0", ""))
    plain = _LINK.sub(link, plain.replace("\n", " "))
    plain = unescape(_TAG.sub("", _BREAK.sub("\n", plain)))
    lines = [_SPACES.sub(" ", line).strip() for line in plain.split("\n")]
    return _EMPTY_LINES.sub("\n\n", "\n".join(lines)).strip("\n") + "\n"


def is_html_like(octets: bytes) -> bool:
    """Could a browser that guesses take this for HTML?"""
    return octets[:1024].lstrip()[:1] == b"<"
