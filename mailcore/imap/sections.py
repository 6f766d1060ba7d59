"""Sections of a message, `1.2.HEADER.FIELDS (To)`: how they are written, and which octets they are (RFC 9051 section 6.4.5.1).

No I/O.
"""

import re
from dataclasses import dataclass

from mailcore.mail import header, structure, text
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
    if (path and read.take(b".")) or (not path and not read.sees(b"]")):
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
    while read.take(b" "):
        found.append(read.astring())
    read.expect(b")", "a closing parenthesis")
    return tuple(name.decode("ascii", "replace") for name in found)


def _written(name: bytes) -> bytes:
    if re.fullmatch(rb"[!#$&'+,\-./0-9:;<=>?@A-Z^_`a-z|~]+", name):
        return name
    return b'"' + name.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\r", b"").replace(b"\n", b"") + b'"'


class UnknownEncoding(Exception):
    """A part whose transfer encoding we cannot undo (RFC 3516 section 4.3)."""


class Source:
    """The whole message, parsed at most once, and only when an item needs it."""

    __slots__ = ("_root", "octets")

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self._root: structure.Part | None = None

    def section(self, section: Section) -> bytes | None:
        """The octets of a section; None when the message has no such part."""
        path, kind, names = section.path, section.kind, section.names
        if not path and kind == "":
            return self.octets
        if not path and kind != "MIME":
            return _of(self.octets, kind, names)
        part = self.part(path)
        if part is None:
            return None
        if kind == "":
            return self.octets[part.body_start : part.end]
        if kind == "MIME":
            return self.octets[part.header_start : part.body_start]
        if not part.is_message:
            return None
        inside = part.children[0]
        return _of(self.octets[inside.header_start : inside.end], kind, names)

    def binary(self, path: tuple[int, ...]) -> bytes | None:
        """A part without its transfer encoding (RFC 3516 section 4.2); the whole message as it is.

        Raises:
            UnknownEncoding: it has one that nobody knows.
        """
        if not path:
            return self.octets
        part = self.part(path)
        if part is None:
            return None
        if part.children:  # a multipart or a message: only its parts are encoded (RFC 2045 section 6.4)
            return self.octets[part.body_start : part.end]
        if part.encoding not in ("7bit", "8bit", "binary", "base64", "quoted-printable"):
            raise UnknownEncoding
        return text.transfer_decoded(self.octets, part)

    def part(self, path: tuple[int, ...]) -> structure.Part | None:
        if self._root is None:
            self._root = structure.parse(self.octets)
        return structure.section(self._root, path)


def _of(octets: bytes, kind: str, names: tuple[str, ...]) -> bytes:
    block, offset = header.split(octets)
    if kind == "HEADER":
        return block
    if kind == "TEXT":
        return octets[offset:]
    return header.select(block, names, invert=kind == "HEADER.FIELDS.NOT")
