"""Sections of a message, `1.2.HEADER.FIELDS (To)`: how they are written, and which octets they are (RFC 9051 section 6.4.5.1).

No I/O.
"""

import re
from dataclasses import dataclass

from mailcore.mail.reading import header, structure, text, transfer
from mailcore.mail.reading.octets import Octets
from mailcore.wire.reader import Reader, SyntaxProblem

_PATH = re.compile(rb"([1-9]\d{0,4}(?:\.[1-9]\d{0,4})*)")
_KIND = re.compile(rb"HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME", re.IGNORECASE)
MAX_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Section:
    """`kind` is "", HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, TEXT or MIME; `names` of header fields as written."""

    path: tuple[int, ...] = ()
    kind: str = ""
    names: tuple[str, ...] = ()

    def label(self) -> bytes:
        inside = ".".join([*map(str, self.path), *([self.kind] if self.kind else [])]).encode()
        if self.names:
            inside += b" (" + b" ".join(_written(name.encode("ascii", "replace")) for name in self.names) + b")"
        return inside


def parse_section(read: Reader) -> Section:
    """section-spec up to the closing bracket, which stays"""
    path = parse_path(read)
    kind, names = "", tuple[str, ...]()
    if (path and read.take_word(b".")) or (not path and not read.sees(b"]")):
        word = read.match(_KIND)
        if word is None:
            raise SyntaxProblem("unknown section")
        kind = word[0].upper().decode()
        if kind == "MIME" and not path:
            raise SyntaxProblem("MIME needs a part number")
        if kind.startswith("HEADER.FIELDS"):
            names = _names(read)
    return Section(path, kind, names)


def parse_path(read: Reader) -> tuple[int, ...]:
    """section-part = nz-number *("." nz-number), or nothing"""
    found = read.match(_PATH)
    path = tuple(int(part) for part in found[0].split(b".")) if found else ()
    if len(path) > MAX_DEPTH:
        raise SyntaxProblem("the section is too deep")
    return path


def _names(read: Reader) -> tuple[str, ...]:
    """header-list = "(" header-fld-name *(SP header-fld-name) ")" """
    read.space()
    read.expect(b"(", "an opening parenthesis")
    found = [read.astring()]
    while read.take_word(b" "):
        found.append(read.astring())
    read.expect(b")", "a closing parenthesis")
    return tuple(name.decode("ascii", "replace") for name in found)


def _written(name: bytes) -> bytes:
    if re.fullmatch(rb"[!#$&'+,\-./0-9:;<=>?@A-Z^_`a-z|~]+", name):
        return name
    return b'"' + name.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\r", b"").replace(b"\n", b"") + b'"'


class UnknownEncoding(Exception):
    """A part whose transfer encoding we cannot undo (RFC 3516 section 4.3)."""


Piece = bytes | memoryview
Pieces = list[Piece]


class Source:
    """The whole message, parsed at most once, and only when an item needs it.

    The trace fields of its mailbox stand before the octets of its blob, which may be a mapped file: nothing copies the
    whole of a large one.
    """

    __slots__ = ("_decoded", "_root", "octets", "prefix")

    def __init__(self, prefix: bytes, octets: Octets) -> None:
        self.prefix, self.octets = prefix, octets
        self._root: structure.Part | None = None
        self._decoded: tuple[structure.Part | None, bytes] = None, b""  # the last, of which hundreds of items may ask

    def section(self, section: Section) -> Pieces | None:
        """Return the octets of a section, one after another; None when the message has no such part."""
        path, kind, names = section.path, section.kind, section.names
        if not path and kind == "":
            return [self.prefix, self._slice(0, len(self.octets))]
        if not path and kind != "MIME":
            block, offset = header.split(self.octets)
            if kind == "TEXT":
                return [self._slice(offset, len(self.octets))]
            return _of_header(self.prefix + block, kind, names)
        part = self.part(path)
        if part is None:
            return None
        if kind == "":
            return [self._slice(part.body_start, part.end)]
        if kind == "MIME":
            return [self._slice(part.header_start, part.body_start)]
        if not part.is_message:
            return None
        inside = part.children[0]
        if kind == "TEXT":
            return [self._slice(inside.body_start, inside.end)]
        return _of_header(self.octets[inside.header_start : inside.body_start], kind, names)

    def binary(self, path: tuple[int, ...]) -> Pieces | None:
        """Return a part without its transfer encoding (RFC 3516 section 4.2); the whole message as it is.

        Raises:
            UnknownEncoding: it has one that nobody knows.
        """
        if not path:
            return self.section(Section())
        part = self.part(path)
        if part is None:
            return None
        if part.children:  # a multipart or a message: only its parts are encoded (RFC 2045 section 6.4)
            return [self._slice(part.body_start, part.end)]
        if not transfer.is_known(part.wire.encoding):
            raise UnknownEncoding
        if self._decoded[0] is not part:
            self._decoded = part, text.transfer_decoded(self.octets, part)
        return [self._decoded[1]]

    def part(self, path: tuple[int, ...]) -> structure.Part | None:
        if self._root is None:
            self._root = structure.parse(self.octets)
        return structure.section(self._root, path)

    def _slice(self, start: int, end: int) -> bytes | memoryview:
        return self.octets[start:end] if isinstance(self.octets, bytes) else memoryview(self.octets)[start:end]


def _of_header(block: bytes, kind: str, names: tuple[str, ...]) -> Pieces:
    return [block if kind == "HEADER" else header.select(block, names, invert=kind == "HEADER.FIELDS.NOT")]


def cut(pieces: Pieces, start: int, end: int | None) -> Pieces:
    """Cut `<start.size>` out of octets that lie in pieces."""
    found: Pieces = []
    for piece in pieces:
        size = len(piece)
        found.append(piece[min(start, size) : size if end is None else max(min(end, size), 0)])
        start, end = max(start - size, 0), None if end is None else end - size
    return found
