"""What FETCH may ask for, and how each item is written (RFC 9051 section 6.4.5; RFC822 items of RFC 3501).  No I/O.

BINARY (RFC 3516), OBJECTID (RFC 8474), SAVEDATE (RFC 8514), PREVIEW (RFC 8970).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from mailcore.imap.esearch import parse_partial
from mailcore.imap.responses import date_time, flag_list, literal, quoted_or_literal
from mailcore.imap.sections import Section, Source, UnknownEncoding, parse_path, parse_section
from mailcore.imap.status import Refused
from mailcore.mail import header, ids, summary
from mailcore.mail.preview import preview
from mailcore.store import mail
from mailcore.store.db import Row
from mailcore.store.flags import join
from mailcore.wire.reader import Reader, SyntaxProblem

_NAME = re.compile(rb"[A-Za-z0-9.]+")
_PARTIAL = re.compile(rb"<(\d{1,10})\.(\d{1,10})>")

MAX_ITEMS = 500  # of one FETCH
MOST_TIMES, SPARE = 4, 2**20  # what one FETCH may say of a message: so many times its size, and so many octets more

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
    saved_at: dict[int, int] | None = None  # by UID: filled before writing, if SAVEDATE was asked for

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

    def written(self, row: Row, source: Source | None) -> bytes:
        """All items of one message; raises Refused when they repeat it many times over."""
        if not self.whole:
            return b" ".join([write(row, source) for write in self.writers])
        told: list[bytes] = []
        room = MOST_TIMES * (len(source.octets) if source else 0) + SPARE
        for write in self.writers:
            told.append(write(row, source))
            room -= len(told[-1])
            if room < 0:
                raise Refused("That is too much of one message at once", "LIMIT")
        return b" ".join(told)

    @classmethod
    def parse_list(cls, read: Reader) -> "Items":
        """"(" fetch-att *(SP fetch-att) ")", for what NOTIFY fetches of new messages (RFC 5465 section 5.2)"""
        items = cls()
        read.expect(b"(", "an opening parenthesis")
        items.one(read)
        while read.take(b" "):
            items.one(read)
        read.expect(b")", "a closing parenthesis")
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
        if len(self.writers) > MAX_ITEMS:
            raise SyntaxProblem("too many fetch items")
        found = read.match(_NAME)
        if found is None:
            raise SyntaxProblem("expected a fetch item")
        name = found[0].upper().decode()
        if read.sees(b"[") and name in ("BODY", "BODY.PEEK"):
            self.body(read, peek=name == "BODY.PEEK")
        elif read.sees(b"[") and name in ("BINARY", "BINARY.PEEK", "BINARY.SIZE"):
            self.binary(read, name)
        elif name == "PREVIEW":
            self.preview(read)
        elif name == "SAVEDATE":
            saved_at: dict[int, int] = {}
            self.saved_at = saved_at
            self.writers.append(lambda got, _: b"SAVEDATE " + _date_or_nil(saved_at.get(got[mail.UID], 0)))
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
        section = Section(kind="TEXT" if name == "RFC822.TEXT" else "")
        self.writers.append(lambda _, source: label + b" " + _nstring(source, section))

    def body(self, read: Reader, *, peek: bool) -> None:
        """ "BODY[" section "]" ["<" offset "." size ">"]"""
        read.expect(b"[", "a section")
        section = parse_section(read)
        read.expect(b"]", "a closing bracket")
        start, end, where = _partial(read)
        self.marks_seen = self.marks_seen or not peek
        self._section(b"BODY[" + section.label() + b"]" + where, section, start, end)

    def _section(self, label: bytes, section: Section, start: int, end: int | None) -> None:
        names = section.names
        if not section.path and section.kind == "HEADER.FIELDS" and (chosen := summary.choose(names)) is not None:
            self.parts.add("usual")
            self.writers.append(lambda got, _: label + b" " + literal(chosen.of(got[mail.USUAL], got[mail.UNCUT])[start:end]))
            return
        if not section.path and section.kind.startswith("HEADER"):
            self.parts.add("header")
            invert = section.kind == "HEADER.FIELDS.NOT"

            def from_header(got: Row, _: Source | None) -> bytes:
                whole = got[mail.PREFIX] + got[mail.HEADER]
                block = header.select(whole, names, invert=invert) if names else whole
                return label + b" " + literal(block[start:end])

            self.writers.append(from_header)
            return
        self.whole = True
        self.writers.append(lambda _, source: label + b" " + _nstring(source, section, start, end))

    def binary(self, read: Reader, name: str) -> None:
        """binary = "BINARY" [".PEEK"] "[" [section-part] "]" [partial] / "BINARY.SIZE" "[" [section-part] "]" """
        read.expect(b"[", "a section")
        path = parse_path(read)
        read.expect(b"]", "a closing bracket")
        label = name.removesuffix(".PEEK").encode() + b"[" + Section(path).label() + b"]"
        self.whole = True
        if name == "BINARY.SIZE":
            self.writers.append(lambda _, source: label + b" %d" % len(_decoded(source, path) or b""))
            return
        start, end, where = _partial(read)
        self.marks_seen = self.marks_seen or name == "BINARY"
        label += where

        def write(_: Row, source: Source | None) -> bytes:
            found = _decoded(source, path)
            if found is None:
                return label + b" NIL"
            octets = found[start:end]
            return label + b" " + (b"~{%d}\r\n" % len(octets) + octets if b"\0" in octets else literal(octets))

        self.writers.append(write)

    def preview(self, read: Reader) -> None:
        """preview = "PREVIEW" [SP "(" "LAZY" ")"]; it is made in no time, so LAZY is none"""
        if read.take(b" (LAZY"):
            read.expect(b")", "a closing parenthesis")
        self.whole = True
        self.writers.append(
            lambda _, source: b"PREVIEW " + quoted_or_literal(preview(source.octets if source else b"").encode())
        )


def _partial(read: Reader) -> tuple[int, int | None, bytes]:
    """["<" number "." nz-number ">"]: from, to (None = the end), and how the answer names it"""
    found = read.match(_PARTIAL)
    if found is None:
        return 0, None, b""
    start, size = int(found[1]), int(found[2])
    if size == 0:
        raise SyntaxProblem("a partial of no octets")
    return start, start + size, b"<%d>" % start


def _decoded(source: Source | None, path: tuple[int, ...]) -> bytes | None:
    try:
        return source.binary(path) if source is not None else None
    except UnknownEncoding:
        raise Refused("The transfer encoding is not known", "UNKNOWN-CTE") from None


def _date_or_nil(seconds: int) -> bytes:
    return date_time(seconds) if seconds else b"NIL"


def _nstring(source: Source | None, section: Section, start: int = 0, end: int | None = None) -> bytes:
    found = source.section(section) if source is not None else None
    if found is None:
        return b"NIL"
    return literal(found if end is None else found[start:end])


_SIMPLE: dict[str, tuple[str, Write]] = {
    "UID": ("", lambda got, _: b"UID %d" % got[mail.UID]),
    "FLAGS": ("", lambda got, _: b"FLAGS " + flag_list(join(got[mail.FLAGS], got[mail.KEYWORDS]))),
    "MODSEQ": ("", lambda got, _: b"MODSEQ (%d)" % got[mail.MODSEQ]),
    "INTERNALDATE": ("", lambda got, _: b"INTERNALDATE " + date_time(got[mail.AT], got[mail.ZONE])),
    "RFC822.SIZE": ("", lambda got, _: b"RFC822.SIZE %d" % got[mail.SIZE]),
    "ENVELOPE": ("envelope", lambda got, _: b"ENVELOPE " + got[mail.ENVELOPE]),
    "BODY": ("body", lambda got, _: b"BODY " + got[mail.BODY]),
    "EMAILID": (
        "header", lambda got, _: b"EMAILID (" + ids.email_id(got[mail.BLOB], got[mail.PREFIX] + got[mail.HEADER]) + b")",
    ),
    "THREADID": ("header", lambda got, _: b"THREADID (" + ids.thread_id(got[mail.PREFIX] + got[mail.HEADER]) + b")"),
    "BODYSTRUCTURE": ("structure", lambda got, _: b"BODYSTRUCTURE " + got[mail.STRUCTURE]),
}
_RFC822 = ("RFC822", "RFC822.HEADER", "RFC822.TEXT")
_MACROS = {
    "FAST": ("FLAGS", "INTERNALDATE", "RFC822.SIZE"),
    "ALL": ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"),
    "FULL": ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"),
}
