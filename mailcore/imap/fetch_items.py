"""What FETCH may ask for, and how each item is written (RFC 9051 section 6.4.5; RFC822 items of RFC 3501).  No I/O."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from mailcore.imap.esearch import parse_partial
from mailcore.imap.responses import date_time, flag_list, literal
from mailcore.mail import header, structure
from mailcore.store import mail
from mailcore.store.db import Row
from mailcore.store.flags import join
from mailcore.wire.reader import Reader, SyntaxProblem

_NAME = re.compile(rb"[A-Za-z0-9.]+")
_PATH = re.compile(rb"([1-9]\d{0,4}(?:\.[1-9]\d{0,4})*)")
_KIND = re.compile(rb"HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME", re.IGNORECASE)
_PARTIAL = re.compile(rb"<(\d{1,10})\.(\d{1,10})>")
MAX_DEPTH = 100


class Source:
    """The whole message, parsed at most once, and only when an item needs it."""

    __slots__ = ("_root", "octets")

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self._root: structure.Part | None = None

    def section(self, path: tuple[int, ...], kind: str, names: tuple[str, ...]) -> bytes | None:
        """The octets of a section; None when the message has no such part."""
        if not path and kind == "":
            return self.octets
        if not path and kind != "MIME":
            return _of(self.octets, kind, names)
        if self._root is None:
            self._root = structure.parse(self.octets)
        part = structure.section(self._root, path)
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


def _of(octets: bytes, kind: str, names: tuple[str, ...]) -> bytes:
    block, offset = header.split(octets)
    if kind == "HEADER":
        return block
    if kind == "TEXT":
        return octets[offset:]
    return header.select(block, names, invert=kind == "HEADER.FIELDS.NOT")


Write = Callable[[Row, Source | None], bytes]


@dataclass(slots=True)
class Items:
    """What one FETCH wants: ready writers, what they need, and whether \\Seen is set."""

    writers: list[Write] = field(default_factory=list)
    parts: set[str] = field(default_factory=set)
    whole: bool = False
    marks_seen: bool = False
    flags: bool = False
    uid: bool = False
    modseqs: bool = False
    changed_since: int | None = None
    vanished: bool = False
    partial: tuple[int, int] | None = None

    @classmethod
    def parse(cls, read: Reader, *, by_uid: bool) -> "Items":
        """fetch = "FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")")"""
        items = cls()
        if by_uid:
            items.simple("UID")
        if read.take(b"("):
            items.one(read)
            while read.take(b" "):
                items.one(read)
            read.expect(b")", "a closing parenthesis")
        else:
            items.one(read, macros=True)
        if read.take(b" ("):
            items._modifiers(read)
        read.end()
        return items

    def _modifiers(self, read: Reader) -> None:
        """fetch-modifier *(SP fetch-modifier) ")" (RFC 4466 section 2.4)"""
        while True:
            word = read.atom().upper()
            if word == b"CHANGEDSINCE":
                read.space()
                self.changed_since = read.modseq()
            elif word == b"VANISHED":
                self.vanished = True
            elif word == b"PARTIAL":
                read.space()
                self.partial = parse_partial(read)
            else:
                raise SyntaxProblem("unknown fetch modifier")
            if not read.take(b" "):
                break
        read.expect(b")", "a closing parenthesis")
        if self.vanished and self.changed_since is None:
            raise SyntaxProblem("VANISHED needs CHANGEDSINCE")
        if self.changed_since is not None and not self.modseqs:
            self.simple("MODSEQ")

    def one(self, read: Reader, *, macros: bool = False) -> None:
        found = read.match(_NAME)
        if found is None:
            raise SyntaxProblem("expected a fetch item")
        name = found[0].upper().decode()
        if read.sees(b"[") and name in ("BODY", "BODY.PEEK"):
            self.body(read, peek=name == "BODY.PEEK")
        elif name in _SIMPLE:
            self.simple(name)
        elif name in _RFC822:
            self.rfc822(name)
        elif macros and name in _MACROS:
            for each in _MACROS[name]:
                self.simple(each)
        else:
            raise SyntaxProblem(f"unknown fetch item {name}")

    def simple(self, name: str) -> None:
        if name == "UID":
            if self.uid:
                return
            self.uid = True
        self.flags = self.flags or name == "FLAGS"
        self.modseqs = self.modseqs or name == "MODSEQ"
        part, write = _SIMPLE[name]
        if part:
            self.parts.add(part)
        self.writers.append(write)

    def rfc822(self, name: str) -> None:
        label = name.encode()
        if name == "RFC822.HEADER":
            self.parts.add("header")
            self.writers.append(lambda got, _: label + b" " + literal(got[mail.PREFIX] + got[mail.HEADER]))
            return
        self.whole = self.marks_seen = True
        kind = "TEXT" if name == "RFC822.TEXT" else ""
        self.writers.append(lambda _, source: label + b" " + _nstring(source, (), kind, ()))

    def body(self, read: Reader, *, peek: bool) -> None:
        """ "BODY[" section "]" ["<" offset "." size ">"]"""
        read.expect(b"[", "a section")
        path: tuple[int, ...] = ()
        kind, names = "", tuple[str, ...]()
        if found := read.match(_PATH):
            path = tuple(int(part) for part in found[0].split(b"."))
            if len(path) > MAX_DEPTH:
                raise SyntaxProblem("the section is too deep")
        if (path and read.take(b".")) or (not path and not read.sees(b"]")):
            word = read.match(_KIND)
            if word is None:
                raise SyntaxProblem("unknown section")
            kind = word[0].upper().decode()
            if kind == "MIME" and not path:
                raise SyntaxProblem("MIME needs a part number")
            if kind.startswith("HEADER.FIELDS"):
                names = _names(read)
        read.expect(b"]", "a closing bracket")
        partial = read.match(_PARTIAL)
        start, size = (int(partial[1]), int(partial[2])) if partial else (0, None)
        if size == 0:
            raise SyntaxProblem("a partial of no octets")
        self.marks_seen = self.marks_seen or not peek
        label = _label(path, kind, names) + (b"<%d>" % start if partial else b"")
        self._section(label, path, kind, names, start, None if size is None else start + size)

    def _section(
        self, label: bytes, path: tuple[int, ...], kind: str, names: tuple[str, ...], start: int, end: int | None
    ) -> None:
        if not path and kind.startswith("HEADER"):
            self.parts.add("header")
            invert = kind == "HEADER.FIELDS.NOT"

            def from_header(got: Row, _: Source | None) -> bytes:
                whole = got[mail.PREFIX] + got[mail.HEADER]
                block = header.select(whole, names, invert=invert) if names else whole
                return label + b" " + literal(block[start:end])

            self.writers.append(from_header)
            return
        self.whole = True
        self.writers.append(lambda _, source: label + b" " + _nstring(source, path, kind, names, start, end))


def _nstring(
    source: Source | None,
    path: tuple[int, ...],
    kind: str,
    names: tuple[str, ...],
    start: int = 0,
    end: int | None = None,
) -> bytes:
    found = source.section(path, kind, names) if source is not None else None
    if found is None:
        return b"NIL"
    return literal(found if end is None else found[start:end])


def _names(read: Reader) -> tuple[str, ...]:
    """header-list = "(" header-fld-name *(SP header-fld-name) ")" """
    read.space()
    read.expect(b"(", "an opening parenthesis")
    found = [read.astring()]
    while read.take(b" "):
        found.append(read.astring())
    read.expect(b")", "a closing parenthesis")
    return tuple(name.decode("ascii", "replace") for name in found)


def _label(path: tuple[int, ...], kind: str, names: tuple[str, ...]) -> bytes:
    inside = ".".join([*map(str, path), *([kind] if kind else [])]).encode()
    if names:
        inside += b" (" + b" ".join(_written(name.encode("ascii", "replace")) for name in names) + b")"
    return b"BODY[" + inside + b"]"


def _written(name: bytes) -> bytes:
    if re.fullmatch(rb"[!#$&'+,\-./0-9:;<=>?@A-Z^_`a-z|~]+", name):
        return name
    return b'"' + name.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\r", b"").replace(b"\n", b"") + b'"'


_SIMPLE: dict[str, tuple[str, Write]] = {
    "UID": ("", lambda got, _: b"UID %d" % got[mail.UID]),
    "FLAGS": ("", lambda got, _: b"FLAGS " + flag_list(join(got[mail.FLAGS], got[mail.KEYWORDS]))),
    "MODSEQ": ("", lambda got, _: b"MODSEQ (%d)" % got[mail.MODSEQ]),
    "INTERNALDATE": ("", lambda got, _: b"INTERNALDATE " + date_time(got[mail.AT], got[mail.ZONE])),
    "RFC822.SIZE": ("", lambda got, _: b"RFC822.SIZE %d" % got[mail.SIZE]),
    "ENVELOPE": ("envelope", lambda got, _: b"ENVELOPE " + got[mail.ENVELOPE]),
    "BODY": ("body", lambda got, _: b"BODY " + got[mail.BODY]),
    "BODYSTRUCTURE": ("structure", lambda got, _: b"BODYSTRUCTURE " + got[mail.STRUCTURE]),
}
_RFC822 = ("RFC822", "RFC822.HEADER", "RFC822.TEXT")
_MACROS = {
    "FAST": ("FLAGS", "INTERNALDATE", "RFC822.SIZE"),
    "ALL": ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"),
    "FULL": ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"),
}
