"""Searchable text of a message beside its header (RFC 9051 section 6.4.4), as a reader sees it.

BODY asks for texts: every text part, HTML as its words without what is hidden, reports, and those of attached messages.
TEXT asks for the fields of parts and of attached messages, too, and for names of files.  The same is indexed and asked of
messages that no index knows yet.  Never raises, whatever the octets.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from mailcore.mail.reading import structure, text
from mailcore.mail.reading.octets import Octets
from mailcore.mail.reading.structure import Part
from mailcore.mail.showing import body, files
from mailcore.mail.showing.wrapped import unwrap

MAX_CODED, MAX_CODED_DEPTH = 5 * 2**20, 2  # octets of an attached message that was encoded, and how deep they nest
MANY_TAGS = 50_000  # of a part; ten times a long newsletter's


@dataclass(frozen=True, slots=True)
class Searchable:
    """Folded as texts are compared (text.fold).  `fields` are those of parts, not of the message itself."""

    fields: str
    body: str


def read(octets: Octets, root: Part | None = None) -> Searchable:
    """Read everything that can be found behind the header."""
    root = root or structure.parse(octets)
    opened = unwrap(octets, root)
    fields = [files.name_of(root)] if opened.root is not root and body.is_named(root) else list[str]()
    octets, root = opened.octets, opened.root
    words: list[str] = []
    _collect(octets, root, fields, words, MAX_CODED_DEPTH)
    if not any(map(str.strip, words)):
        # what stands outside of all parts
        written = [part for part in body.read(octets, root).written if not body.is_rtf(part)]
        words = [body.shown(octets, part, tags=MANY_TAGS) for part in written] or words
    return Searchable(text.fold("\n".join(fields)), text.fold("\n".join(words)))


def _collect(octets: Octets, root: Part, fields: list[str], words: list[str], depth: int) -> None:
    """Add what parts say to the two lists.

    Args:
        depth: of attached messages that were encoded, which RFC 2046 section 5.2.1 forbids and some programs do.
    """
    for part in _parts(root):
        if part is not root:
            fields.append(text.header_text(octets[part.header_start : part.body_start]))
        if body.is_named(part):
            fields.append(files.name_of(part))  # whole, where its parameter came in pieces
    for leaf in _leaves(root):
        if _is_coded(leaf):
            if depth and leaf.size <= MAX_CODED:
                inside = text.transfer_decoded(octets, leaf)
                message = structure.parse(inside)
                fields.append(text.header_text(inside[: message.body_start]))
                _collect(inside, message, fields, words, depth - 1)
            continue
        fields += map(files.name_of, body.files_within(octets, leaf))
        if leaf.type in ("text", "message"):
            # RTF as it stands: what rules messages out (raw_look.py) does not know its ways of writing a letter
            words.append(
                text.part_text(octets, leaf) if body.is_rtf(leaf) else body.shown(octets, leaf, tags=MANY_TAGS)
            )


def _parts(part: Part) -> Iterator[Part]:
    yield part
    for child in () if _is_coded(part) else part.contents:
        yield from _parts(child)


def _is_coded(part: Part) -> bool:
    return part.is_message and bool(part.encoding)


def _leaves(part: Part) -> Iterator[Part]:
    """Leaves, those of attached messages too."""
    for leaf in body.leaves(part):
        if leaf.children and not _is_coded(leaf):
            for child in leaf.children:
                yield from _leaves(child)
        else:
            yield leaf
