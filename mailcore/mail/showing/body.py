"""The message as a person reads it: its text, its designed version, its files.  Every part is shown or offered.

Two views are chosen from one structure (RFC 2046 section 5.1): `written` has the plain one of alternatives, `designed`
the HTML.  All parts that follow one another in a multipart/mixed are in both.  What neither shows is a file; what cannot be
found in parts (a boundary that never comes, words only before the first boundary) is shown as it stands.
A message that was attached is a file of this one and stays closed: its parts are not this message's text.
A file that stands in a plain text by uuencode is offered as one, behind the others, and left out of the text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain

from mailcore.mail.reading import header, rtf, structure, text, transfer
from mailcore.mail.reading.octets import Octets
from mailcore.mail.reading.structure import Part
from mailcore.mail.reading.uu_blocks import Block, find_blocks
from mailcore.mail.showing.enriched import from_enriched
from mailcore.mail.showing.flowed import unflowed
from mailcore.mail.showing.html_text import from_html

MAX_NAMED = 100_000  # octets of a text with a file's name that is also shown
LOOKED_AT = 4096  # octets that may hold no word; more of them do
PEEKED = 8192  # octets of a text with a file's name that tell whether it is one
MOST_STRANGE = 3  # characters among them that no text has
MAX_COMPARED = 200_000  # characters of two texts that may be one
_AROUND_ID = b"<> \t"
MAX_FOR_OLD = 400  # octets
_FOR_OLD = re.compile(r"(?i)multi-?part message|\bMIME\b")  # "This is a multi-part message in MIME format."
MAX_RTF = 4 * 2**20  # octets of RTF that are read, most of which are pictures
OCTETS_READ = 10  # for each character that is asked for: HTML has more marks than words
_STRANGE = re.compile("[\x00-\x07\x0e-\x1a\x1c-\x1f]")  # pictures, documents and programs are full of them
_FOLDED = (
    "calendar",
    "vcard",
    "x-vcard",
    "directory",
)  # lines of 75 octets, whatever word they cut (RFC 5545 section 3.1)
_FOLD = re.compile(r"\n[ \t]")
_FOLDED = (
    "calendar",
    "vcard",
    "x-vcard",
    "directory",
)  # lines of 75 octets, whatever word they cut (RFC 5545 section 3.1)
_FOLD = re.compile(r"\n[ \t]")
_PICTURE = re.compile(rb"(?i)<(?:img|table|td|body)\b[^<>]*?(?:src|background)")


@dataclass(frozen=True, slots=True)
class Body:
    """`files` are numbered leaves, and behind these those within texts.  `designed` is empty where there is no HTML."""

    written: tuple[Part, ...]
    designed: tuple[Part, ...]
    files: tuple[tuple[int, Part], ...]


def leaves(part: Part) -> Iterator[Part]:
    """Give the parts that hold octets of their own, in their order; an attached message is one of them.

    A multipart whose parts hold nothing is a text itself.
    """
    if part.type != "multipart":
        yield part
    elif part.size and not any(child.end > child.header_start for child in part.contents):
        yield _as_text(part, part.body_start, part.end)
    else:
        for child in part.contents:
            yield from leaves(child)


def _as_text(part: Part, start: int, end: int) -> Part:
    return replace(
        part, type="text", subtype="plain", params=(), disposition=None, body_start=start, end=end, children=()
    )


def is_file(part: Part) -> bool:
    """Is this part meant to be saved as a file?  An unknown disposition says so, too (RFC 2183 section 2.8)."""
    return part.disposition is not None and part.disposition[0] == "attachment"


def is_named(part: Part) -> bool:
    """Does the sender give it a file's name?"""
    return bool(part.filename.strip())


def read(octets: Octets, root: Part | None = None) -> Body:
    """Choose what is shown and what is a file.  Never raises, whatever the octets."""
    root = root or structure.parse(octets)
    chosen = _Chooser(octets)
    written = chosen.view(root, designed=False)
    designed = chosen.view(root, designed=True)
    if not any(_is_html(part) for part in designed):
        designed = []
    if not any(map(chosen.has_words, (*written, *designed))):
        written = chosen.last_resort(root) or written
    shown = {leaf.header_start for leaf in (*written, *designed)}
    parts = list(leaves(root))
    files = tuple(
        (number, leaf)
        for number, leaf in enumerate(parts)
        if is_file(leaf)
        or is_named(leaf)
        or leaf.type != "text"
        or leaf.subtype not in ("plain", "html")
        or (leaf.header_start not in shown and chosen.has_words(leaf))
    )
    offered = dict(files)
    texts = [leaf for number, leaf in enumerate(parts) if number not in offered]
    begins = {leaf.body_start for leaf in parts}
    texts += [leaf for leaf in written if leaf.body_start not in begins]  # what stands outside of all parts
    inside = chain.from_iterable(files_within(octets, leaf) for leaf in texts)
    return Body(tuple(written), tuple(designed), (*files, *enumerate(inside, len(parts))))


def files_within(octets: Octets, part: Part) -> Iterator[Part]:
    """Find the files that stand in a plain text, each as a part of its own."""
    for block in _blocks(octets, part):
        yield replace(
            part,
            type="application",
            subtype="octet-stream",
            params=(("name", block.name),),
            disposition=("attachment", (("filename", block.name),)),
            encoding=transfer.UUENCODE,
            body_start=block.start,
            end=block.end,
        )


def _blocks(octets: Octets, part: Part, most: int | None = None) -> list[Block]:
    """Find the files within a plain text that has no transfer encoding, or within its first octets."""
    if (part.type, part.subtype, part.encoding) != ("text", "plain", transfer.IDENTITY):
        return []
    end = part.end if most is None else min(part.end, part.body_start + most)
    return find_blocks(octets, part.body_start, end, is_cut=end < part.end)


class _Chooser:
    """Chooses the leaves that each view shows."""

    def __init__(self, octets: Octets) -> None:
        self._octets = octets
        self._words: dict[int, bool] = {}

    def view(self, part: Part, *, designed: bool) -> list[Part]:
        """Choose the leaves of one view, in their order."""
        return self._without_twins(self._of(part, designed, is_body=True), designed)

    def _of(self, part: Part, designed: bool, *, is_body: bool) -> list[Part]:
        """`is_body`: a name does not make a file of a part that stands where the text does."""
        if part.type != "multipart":
            return [part] if self._is_shown(part, is_body) else []
        leaf = next(leaves(part), None)
        if leaf is not None and leaf.header_start == part.header_start:
            return [leaf]
        if part.subtype == "alternative":
            return self._alternative(part, designed)
        found: list[Part] = []
        root = _root_of(part) if part.subtype == "related" else None
        if root is not None and not any(leaf.type == "text" for leaf in leaves(root)):
            root = None  # a show of pictures (SMIL), or a picture that stands first: texts beside it are no resources
        for child in part.contents:
            if root is not None and child is not root and (child.id or child.location):
                continue  # a resource of the root (RFC 2387)
            found += self._of(child, designed, is_body=child is root or not any(map(self.has_words, found)))
        return found

    def _alternative(self, part: Part, designed: bool) -> list[Part]:
        """Choose the last that fits the view; the last with words where none does (RFC 2046 section 5.1.4)."""
        branches = [self._of(child, designed, is_body=True) for child in part.contents]
        full = [branch for branch in branches if any(map(self.has_words, branch))]
        fitting = [branch for branch in full if any(map(_is_html, branch)) is designed]
        return (fitting or full or branches or [[]])[-1]

    def _is_shown(self, leaf: Part, is_body: bool) -> bool:
        if leaf.type != "text" or leaf.subtype not in ("plain", "html") or is_file(leaf) or self._is_binary(leaf):
            return False
        return is_body or not is_named(leaf) or (leaf.subtype == "plain" and leaf.size <= MAX_NAMED)

    def _is_binary(self, leaf: Part) -> bool:
        """A named file that is a text by its label alone: `Content-Type: pdf` is text/plain by RFC 2045 section 5.2."""
        if leaf.type != "text" or not is_named(leaf):
            return False
        start = text.part_text(self._octets, leaf, PEEKED)
        return start.startswith("%PDF-") or len(_STRANGE.findall(start)) > MOST_STRANGE

    def _without_twins(self, parts: list[Part], designed: bool) -> list[Part]:
        """Drop a text that stands beside its own HTML outside of an alternative, as some programs write it."""
        found = list(parts)
        for one, other in zip(parts, parts[1:], strict=False):
            if (one.subtype, other.subtype) in (("plain", "html"), ("html", "plain")) and self._are_twins(one, other):
                dropped = one if _is_html(one) is not designed else other
                found = [part for part in found if part is not dropped]
        return found

    def _are_twins(self, one: Part, other: Part) -> bool:
        if max(one.size, other.size) > MAX_COMPARED:
            return False
        mine, others = (re.sub(r"[\W_]+", "", shown(self._octets, part)) for part in (one, other))
        return bool(mine) and mine == others

    def has_words(self, leaf: Part) -> bool:
        """Is there anything to see in a text?"""
        known = self._words.get(leaf.header_start)
        if known is None:
            known = self._words[leaf.header_start] = self._finds_words(leaf)
        return known

    def _finds_words(self, leaf: Part) -> bool:
        if leaf.size > LOOKED_AT:
            return True
        if not leaf.size:
            return False
        if _is_html(leaf) and _PICTURE.search(text.transfer_decoded(self._octets, leaf)):
            return True
        return bool(shown(self._octets, leaf).strip())

    def last_resort(self, root: Part) -> list[Part]:
        """Choose texts where no part is one: of other kinds, attached alone, or outside of the boundaries."""
        inside = [leaf for leaf in leaves(root) if not self._is_binary(leaf)]
        if len(inside) == 1 and inside[0].subtype in ("plain", "html") and self.has_words(inside[0]):
            return inside
        others = [leaf for leaf in inside if leaf.type == "text" and not is_file(leaf) and not is_named(leaf)]
        others += [leaf for leaf in inside if is_rtf(leaf) and not is_file(leaf)]
        others = [leaf for leaf in others if self.has_words(leaf)][:1]
        outside = chain(_outside(self._octets, root), _stray(self._octets, root))
        return others or [part for part in outside if self._finds_words(part) and not self._is_for_old_readers(part)]

    def _is_for_old_readers(self, part: Part) -> bool:
        """Say if the words are those that programs write before the first boundary, which the standard's readers never show."""
        return part.size <= MAX_FOR_OLD and _FOR_OLD.search(shown(self._octets, part)) is not None


def _outside(octets: Octets, part: Part) -> Iterator[Part]:
    """Give the words before the first boundary of each multipart, and behind the last, as texts."""
    if part.type != "multipart" or not part.contents:
        return
    first, last = part.contents[0].header_start, part.contents[-1].end
    line = octets.rfind(b"\n", part.body_start, max(first - 1, part.body_start))
    yield _as_text(part, part.body_start, max(line, part.body_start))
    for child in part.contents:
        yield from _outside(octets, child)
    closing = octets.find(b"--", last, part.end)
    behind = octets.find(b"\n", closing, part.end) if closing >= 0 else -1
    if behind >= 0:
        yield _as_text(part, behind + 1, part.end)


def _stray(octets: Octets, root: Part) -> Iterator[Part]:
    """Give the lines among the header that are no fields: a program forgot the header, or the empty line behind it."""
    at = header.first_stray(octets[root.header_start : root.body_start])
    if at >= 0:
        yield replace(_as_text(root, root.header_start + at, root.body_start), encoding="")


def _root_of(part: Part) -> Part | None:
    """Find the root of a multipart/related: what `start` names, else the first (RFC 2387 section 3.2)."""
    start = part.param("start").encode("latin-1", "replace").strip(_AROUND_ID)
    named = [child for child in part.contents if start and child.id and child.id.strip(_AROUND_ID) == start]
    return named[0] if named else part.contents[0] if part.contents else None


def is_rtf(part: Part) -> bool:
    return part.subtype in ("rtf", "x-rtf") and part.type in ("text", "application")


def _is_html(part: Part) -> bool:
    return (part.type, part.subtype) == ("text", "html")


def part_text(octets: Octets, part: Part, most: int | None = None) -> str:
    """Read a leaf in its charset, without the files within it; `most` octets are enough."""
    if is_rtf(part):
        # tables and pictures may stand before the first word
        return rtf.read_rtf(
            text.transfer_decoded(octets, part, MAX_RTF), MAX_RTF if most is None else min(most, MAX_RTF)
        )
    read_text, start = "", part.body_start
    for block in _blocks(octets, part, most):
        read_text += text.part_text(octets, replace(part, body_start=start, end=block.start))
        start = block.end
    left = None if most is None else max(part.body_start + most - start, 0)
    return read_text + text.part_text(octets, replace(part, body_start=start), left)


def shown(octets: Octets, part: Part, most: int | None = None, *, tags: int | None = None) -> str:
    """Read a part as text for people.

    Args:
        most: so many characters are enough; there may be more.
        tags: as in `from_html`.
    """
    return shown_text(part, part_text(octets, part, None if most is None else OCTETS_READ * most), most, tags=tags)


def shown_text(part: Part, read_text: str, most: int | None = None, *, tags: int | None = None) -> str:
    """Lay out a text that was read from a part, or a piece of it, for people."""
    if _is_html(part):
        return from_html(read_text, most, tags=tags)
    read_text = read_text.replace("\r\n", "\n")
    if part.type == "text" and part.subtype in ("enriched", "richtext"):
        return from_enriched(read_text, richtext=part.subtype == "richtext")
    if part.type == "text" and part.subtype in _FOLDED:
        return _FOLD.sub("", read_text)
    if part.type == "text" and part.subtype in _FOLDED:
        return _FOLD.sub("", read_text)
    if part.param("format").lower() == "flowed":
        return unflowed(read_text, delsp=part.param("delsp").lower() == "yes")
    return read_text


def together(octets: Octets, parts: tuple[Part, ...], most: int | None = None) -> str:
    """Read several parts as one text: lists add their footer as a part of its own."""
    return "\n\n".join(shown(octets, part, most) for part in parts)


def readable(octets: Octets, root: Part | None = None, most: int | None = None) -> str:
    """Return the text, taken from the designed version where there is no other.

    Args:
        most: so many characters are enough; there may be more.
    """
    return together(octets, read(octets, root).written, most)


def is_html_like(octets: bytes) -> bool:
    """Could a browser that guesses take this for HTML?"""
    return octets[:1024].lstrip()[:1] == b"<"
