"""Very large text and HTML in portions: each takes a bounded share of a processor to be cleaned, laid out and sent.

What HTML costs is told by what was measured: tags, character references, links, and style attributes that differ.  HTML that
costs less than a portion may stays as it is.  Else what is no text of the page falls away first, so that no cut is within
it, and cuts stand before the tags of blocks.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mailcore.mail.reading.octets import Octets
from mailcore.mail.reading.structure import Part
from mailcore.mail.showing import body
from mailcore.mail.showing.html_scan import without_raw

MAX_READ = 12 * 2**20  # octets of a part; the rest is in the source
BUDGET = 200_000  # microseconds of a processor, about
MAX_TEXT = 300_000  # characters of a plain text
_BLOCK = 8192  # characters that are weighed at once
_CHARACTER, _TAG, _REFERENCE, _LINK, _STYLE, _PLAIN = 0.25, 3.5, 6.0, 12.0, 50.0, BUDGET / MAX_TEXT
_IS_LINK = re.compile(r"(?i)<a\s")
_STYLES = re.compile(r"""(?i)\sstyle\s*+=\s*+("[^"]{0,2000}+|'[^']{0,2000}+|[^\s>]{1,2000}+)""")
_CUT = re.compile(r"(?i)<(?:p|div|table|tr|h[1-6]|ul|ol|li|dl|blockquote|hr|section|article|br|center)[\s>]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A text or a piece of it, with the part that it is of; `whole` is what the rules of its style stand in."""

    part: Part
    text: str
    whole: str

    @property
    def is_html(self) -> bool:
        return self.part.subtype == "html"


def divide(octets: Octets, parts: Iterable[Part]) -> list[list[Piece]]:
    """Divide the parts of a view among portions; there is always one."""
    portions: list[list[Piece]] = [[]]
    spent = 0.0
    for part in parts:
        whole = body.part_text(octets, part, MAX_READ)
        for piece, cost in _cut_html(whole) if part.subtype == "html" else _cut_text(whole):
            if portions[-1] and spent + cost > BUDGET:
                portions.append([])
                spent = 0.0
            portions[-1].append(Piece(part, piece, whole))
            spent += cost
    return portions


def choose(divided: list[list[Piece]], portion: int) -> list[Piece]:
    """Return a portion, counted from 1; the last where there are not so many."""
    return divided[min(portion, len(divided)) - 1] if divided else []


def _cut_text(whole: str) -> Iterator[tuple[str, float]]:
    """Cut a plain text at the ends of lines, where there are some."""
    at = 0
    while at < len(whole) or not at:
        end = at + MAX_TEXT
        if end < len(whole):
            end = whole.rfind("\n", at + MAX_TEXT // 2, end) + 1 or end
        yield whole[at:end], (min(end, len(whole)) - at) * _PLAIN
        at = end


def _cut_html(whole: str) -> Iterator[tuple[str, float]]:
    cost = len(whole) * _CHARACTER + whole.count("<") * (_TAG + _LINK + _STYLE) + whole.count("&") * _REFERENCE
    if cost > BUDGET:  # that is the most it may cost; looking closer takes time itself
        cost = sum(_weigh(whole))
    if cost <= BUDGET:
        yield whole, cost
        return
    html = without_raw(whole)
    start, spent = 0, 0.0
    for number, weight in enumerate(_weigh(html)):
        at = number * _BLOCK
        if spent + weight > BUDGET and at > start:
            end = _find_cut(html, at)
            if end > start:
                yield html[start:end], spent
                start, spent = end, 0.0
        spent += weight
    yield html[start:], spent


def _find_cut(html: str, at: int) -> int:
    """Find a place near `at` where a block begins, else any tag."""
    near = max(at - _BLOCK // 2, 0)
    if found := _CUT.search(html, near, at + _BLOCK // 2):
        return found.start()
    tag = html.find("<", near, at + _BLOCK // 2)
    return tag if tag >= 0 else at


def _weigh(html: str) -> Iterator[float]:
    """Give what each block costs."""
    styles = set[str]()
    for at in range(0, len(html), _BLOCK):
        block = html[at : at + _BLOCK]
        found = _STYLES.findall(block)
        fresh = {style for style in found if style not in styles}
        fetched = sum("(" in style for style in found)  # an address or a function: read each time
        styles |= fresh
        yield (
            len(block) * _CHARACTER
            + block.count("<") * _TAG
            + block.count("&") * _REFERENCE
            + len(_IS_LINK.findall(block)) * _LINK
            + (len(fresh) + fetched) * _STYLE
        )


def read_shown(pieces: Iterable[Piece]) -> str:
    """Return the pieces of a portion as text for people."""
    return "\n\n".join(body.shown_text(piece.part, piece.text) for piece in pieces)
