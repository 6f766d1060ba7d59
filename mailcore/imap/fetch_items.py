"""Items that FETCH may ask for, and how each is written (RFC 9051 section 6.4.5; RFC822 items of RFC 3501).  No I/O.

BINARY (RFC 3516), OBJECTID (RFC 8474), SAVEDATE (RFC 8514), PREVIEW (RFC 8970).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from mailcore.imap import recent
from mailcore.imap.dates import date_time
from mailcore.imap.esearch import parse_partial
from mailcore.imap.recent import Claimed
from mailcore.imap.responses import flag_list, literal, quoted_or_literal, without_nul
from mailcore.imap.sections import Pieces, Section, Source, UnknownEncoding, cut, parse_path, parse_section
from mailcore.imap.status import Refused
from mailcore.mail.asking import ids, summary
from mailcore.mail.reading import header
from mailcore.mail.showing.preview import preview
from mailcore.store.engine.db import Row
from mailcore.store.mail import message_reader
from mailcore.store.mail.flags import join_flags
from mailcore.wire.reader import Reader, SyntaxProblem

_NAME = re.compile(rb"[A-Za-z0-9.]+")
_PARTIAL = re.compile(rb"<(\d{1,18})\.(\d{1,18})>")

MAX_ITEMS = 500  # of one FETCH
MOST_TIMES, SPARE = 4, 2**20  # what one FETCH may say of a message: so many times its size, and so many octets more


class _FlagTexts(dict[tuple[int, str], bytes]):
    """Flag lists by bits and keywords, of which a mailbox has few."""

    def __missing__(self, key: tuple[int, str]) -> bytes:
        flags = join_flags(*key)
        text = self[key] = flag_list(flags | {recent.RECENT} if key[0] & recent.BIT else flags)
        return text


class Batch:
    """Rows of messages, column by column; `sources` if an item needs whole messages; `claimed` are \\Recent."""

    def __init__(self, rows: Sequence[Row], sources: Sequence[Source] = (), claimed: Claimed = ()) -> None:
        self._rows, self._claimed = rows, claimed
        self.sources = sources
        self.flags = _FlagTexts()

    def column(self, number: int) -> Iterable[Any]:  # Any: what a row holds there
        return map(itemgetter(number), self._rows)

    def flag_texts(self) -> Iterable[bytes]:
        bits = self.column(message_reader.FLAGS)
        if self._claimed:
            bits = recent.bits(self._claimed, list(self.column(message_reader.UID)), bits)
        return map(self.flags.__getitem__, zip(bits, self.column(message_reader.KEYWORDS), strict=True))

    def headers(self) -> Iterable[bytes]:
        return (row[message_reader.PREFIX] + row[message_reader.HEADER] for row in self._rows)

    def longest(self) -> int:
        """Count the octets of the longest header, or what is made of it."""
        return max((len(octets) for row in self._rows for octets in row[message_reader.PREFIX :] if octets), default=0)


@dataclass(frozen=True, slots=True)
class Column:
    """One item of all messages.  `form` has a place for each of the iterables that `values` gives.

    `pieces`, where there is one, gives the value of one message in pieces, None being NIL: a large one is written
    without being copied together.
    """

    form: bytes
    values: Callable[[Batch], tuple[Iterable[object], ...]]
    pieces: Callable[[Source], Pieces | None] | None = None

    @property
    def is_section(self) -> bool:
        """Is it a literal that is cut from the message as it is?"""
        return self.pieces is not None and not self.form.startswith(b"BINARY")


def _of(number: int, form: bytes) -> Column:
    """Make a column of the row as it stands."""
    return Column(form, lambda got: (got.column(number),))


def _from_source(label: bytes, pieces: Callable[[Source], Pieces | None]) -> Column:
    """label SP nstring, or literal8 if the label is of BINARY and the octets have NUL"""
    label = label.replace(b"%", b"%%")

    def text(source: Source) -> bytes:
        found = pieces(source)
        if found is None:
            return b"NIL"
        octets = b"".join(found)
        if label.startswith(b"BINARY"):
            return b"%s{%d}\r\n%s" % (b"~" if b"\0" in octets else b"", len(octets), octets)
        return literal(octets)

    return Column(label + b" %s", lambda got: (map(text, got.sources),), pieces)


@dataclass(slots=True)
class Items:
    """Items of one FETCH: ready columns, the data they need, and whether it sets \\Seen."""

    columns: list[Column] = field(default_factory=list)
    derived: int = 0  # columns of the header, or of what is made of it
    parts: set[str] = field(default_factory=set)  # what MailStore.rows is to give
    whole: bool = False
    marks_seen: bool = False
    flags: bool = False
    uid: bool = False
    modseqs: bool = False
    changed_since: int | None = None
    vanished: bool = False
    partial: tuple[int, int] | None = None
    saved_at: dict[int, int] | None = None  # by UID: filled before writing, if SAVEDATE was asked for
    window: tuple[int, int] | None = (2**63, 0)  # octets of the message that are needed; None = all of them

    def write(self, numbers: Iterable[int], batch: Batch, form: bytes) -> Pieces:
        """Write all messages of a batch, in pieces; `form` is `* %%d FETCH (%s)`, with a place for the items.

        Raises:
            Refused: the items repeat a message many times over.
        """
        self._check_size(batch)
        if self.columns[-1].is_section and not any(column.is_section for column in self.columns[:-1]):
            return self._write_sections(numbers, batch, form)
        values = [numbers, *(value for column in self.columns for value in column.values(batch))]
        line = form % b" ".join(column.form for column in self.columns)
        return [b"".join(map(line.__mod__, zip(*values, strict=False)))]

    def _write_sections(self, numbers: Iterable[int], batch: Batch, form: bytes) -> Pieces:
        """Write messages of which the last item is a section, in pieces that are bytes."""
        *others, section = self.columns
        values = [numbers, *(value for column in others for value in column.values(batch))]
        before, _, after = (form % b"\0").partition(b"\0")
        line = before + b" ".join(column.form for column in self.columns)
        begin = line.removesuffix(b"%s") + b"{%d}\r\n"
        told: Pieces = []
        for source, *known in zip(batch.sources, *values, strict=False):
            found = section.pieces(source) if section.pieces is not None else None
            if found is None:
                told.append(line % (*known, b"NIL"))
            else:
                told.append(begin % (*known, sum(map(len, found))))
                told += [without_nul(piece if isinstance(piece, bytes) else piece.tobytes()) for piece in found]
            told.append(after)
        return told

    def write_pieces(self, number: int, batch: Batch, form: bytes) -> Pieces:
        """Write the one message of the batch, whose octets are not copied together; raises Refused as `write` does."""
        self._check_size(batch)
        before, _, after = (form % b"\0").partition(b"\0")
        told: Pieces = [before % number]
        for at, column in enumerate(self.columns):
            told.append(b" " if at else b"")
            found = column.pieces(batch.sources[0]) if column.pieces is not None else None
            if found is None or column.form.startswith(b"BINARY"):
                told.append(column.form % tuple(next(iter(value)) for value in column.values(batch)))
            else:
                told.append(column.form % (b"{%d}\r\n" % sum(map(len, found))))
                told += [without_nul(piece) if isinstance(piece, bytes) else piece for piece in found]
        return [*told, after % ()]

    @property
    def narrow(self) -> bool:
        """Is nothing asked for but what stands in the message's own row?"""
        return all(part.startswith("m.") for part in self.parts)

    def _check_size(self, batch: Batch) -> None:
        if self.derived > MOST_TIMES and self.derived * batch.longest() > MOST_TIMES * SPARE:
            raise Refused("That is too much of one message at once", "LIMIT")
        sections = [column.pieces for column in self.columns if column.pieces is not None]
        if len(sections) <= MOST_TIMES:
            return
        for source in batch.sources:
            room = MOST_TIMES * len(source.octets) + SPARE
            for pieces in sections:
                room -= sum(map(len, pieces(source) or ()))
                if room < 0:
                    raise Refused("That is too much of one message at once", "LIMIT")

    @classmethod
    def parse(cls, read: Reader, *, by_uid: bool) -> "Items":
        """fetch = "FETCH" SP sequence-set SP ("ALL" / "FULL" / "FAST" / fetch-att / "(" fetch-att *(SP fetch-att) ")")"""
        items = cls()
        if by_uid:
            items.add_simple("UID")
        if read.take_word(b"("):
            items.parse_item(read)
            while read.take_word(b" "):
                items.parse_item(read)
            read.expect(b")", "a closing parenthesis")
        else:
            items.parse_item(read, macros=True)
        if read.take_word(b" ("):
            items._modifiers(read)
        read.end()
        return items

    @classmethod
    def parse_list(cls, read: Reader) -> "Items":
        """ "(" fetch-att *(SP fetch-att) ")", for what NOTIFY fetches of new messages (RFC 5465 section 5.2)"""
        items = cls()
        read.expect(b"(", "an opening parenthesis")
        items.parse_item(read)
        while read.take_word(b" "):
            items.parse_item(read)
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
            if not read.take_word(b" "):
                break
        read.expect(b")", "a closing parenthesis")
        if self.vanished and self.changed_since is None:
            raise SyntaxProblem("VANISHED needs CHANGEDSINCE")
        if self.changed_since is not None and not self.modseqs:
            self.add_simple("MODSEQ")

    def parse_item(self, read: Reader, *, macros: bool = False) -> None:
        if len(self.columns) > MAX_ITEMS:
            raise SyntaxProblem("too many fetch items")
        found = read.match(_NAME)
        if found is None:
            raise SyntaxProblem("expected a fetch item")
        name = found[0].upper().decode()
        if read.sees(b"[") and name in ("BODY", "BODY.PEEK"):
            self.parse_body(read, peek=name == "BODY.PEEK")
        elif read.sees(b"[") and name in ("BINARY", "BINARY.PEEK", "BINARY.SIZE"):
            self.parse_binary(read, name)
        elif name == "PREVIEW":
            self.parse_preview(read)
        elif name == "SAVEDATE":
            saved_at: dict[int, int] = {}
            self.saved_at = saved_at
            self.columns.append(
                Column(
                    b"SAVEDATE %s",
                    lambda got: ([_date_or_nil(saved_at.get(uid, 0)) for uid in got.column(message_reader.UID)],),
                )
            )
        elif name in _SIMPLE:
            self.add_simple(name)
        elif name in _RFC822:
            self.add_rfc822(name)
        elif macros and name in _MACROS:
            for each in _MACROS[name]:
                self.add_simple(each)
        else:
            raise SyntaxProblem(f"unknown fetch item {name}")

    def add_simple(self, name: str) -> None:
        if name == "UID":
            if self.uid:
                return
            self.uid = True
        self.flags = self.flags or name == "FLAGS"
        self.modseqs = self.modseqs or name == "MODSEQ"
        parts, column = _SIMPLE[name]
        self.derived += name in _DERIVED
        self.parts.update(parts.split())
        self.columns.append(column)

    def add_rfc822(self, name: str) -> None:
        if name == "RFC822.HEADER":
            self._block(b"RFC822.HEADER", lambda block: block)
            return
        self.marks_seen = True
        self._source(name.encode(), Section(kind="TEXT" if name == "RFC822.TEXT" else ""), 0, None)

    def _block(self, label: bytes, take: Callable[[bytes], bytes]) -> None:
        """Return an item that is computed from the message's own header."""
        self.parts.add("header")
        self.derived += 1

        def values(got: Batch) -> tuple[Iterable[object], ...]:
            texts = [without_nul(take(block)) for block in got.headers()]
            return map(len, texts), texts

        self.columns.append(Column(label.replace(b"%", b"%%") + b" {%d}\r\n%s", values))

    def _source(self, label: bytes, section: Section, start: int, end: int | None) -> None:
        window = self.window
        self.needs_whole()
        if window is not None and end is not None and not section.path and not section.kind:
            self.window = min(window[0], start), max(window[1], end)

        def pieces(source: Source) -> Pieces | None:
            found = source.section(section)
            return found if found is None or (start == 0 and end is None) else cut(found, start, end)

        self.columns.append(_from_source(label, pieces))

    def needs_whole(self) -> None:
        self.whole, self.window = True, None
        self.parts.update(("prefix", "m.blob", "m.size"))

    def parse_body(self, read: Reader, *, peek: bool) -> None:
        """ "BODY[" section "]" ["<" offset "." size ">"]"""
        read.expect(b"[", "a section")
        section = parse_section(read)
        read.expect(b"]", "a closing bracket")
        start, end, where = _partial(read)
        self.marks_seen = self.marks_seen or not peek
        self._section(b"BODY[" + section.label() + b"]" + where, section, start, end)

    def _section(self, label: bytes, section: Section, start: int, end: int | None) -> None:
        names = section.names
        if section.path or not section.kind.startswith("HEADER"):
            self._source(label, section, start, end)
        elif section.kind == "HEADER.FIELDS" and (chosen := summary.choose(names)) is not None:
            self._usual(label, chosen, start, end)
        elif names:
            invert = section.kind == "HEADER.FIELDS.NOT"
            self._block(label, lambda block: header.select(block, names, invert=invert)[start:end])
        else:
            self._block(label, lambda block: block[start:end])

    def _usual(self, label: bytes, chosen: summary.Chosen, start: int, end: int | None) -> None:
        self.parts.add("usual")
        self.derived += 1

        def values(got: Batch) -> tuple[Iterable[object], ...]:
            texts = list(map(chosen.pick_fields, got.column(message_reader.USUAL), got.column(message_reader.UNCUT)))
            if start or end is not None:
                texts = [text[start:end] for text in texts]
            return map(len, texts), texts

        self.columns.append(Column(label.replace(b"%", b"%%") + b" {%d}\r\n%s", values))

    def parse_binary(self, read: Reader, name: str) -> None:
        """binary = "BINARY" [".PEEK"] "[" [section-part] "]" [partial] / "BINARY.SIZE" "[" [section-part] "]" """
        read.expect(b"[", "a section")
        path = parse_path(read)
        read.expect(b"]", "a closing bracket")
        label = name.removesuffix(".PEEK").encode() + b"[" + Section(path).label() + b"]"
        self.needs_whole()
        if name == "BINARY.SIZE":
            self.columns.append(
                Column(
                    label + b" %d",
                    lambda got: ([sum(map(len, _decoded(source, path) or ())) for source in got.sources],),
                )
            )
            return
        start, end, where = _partial(read)
        self.marks_seen = self.marks_seen or name == "BINARY"

        def pieces(source: Source) -> Pieces | None:
            found = _decoded(source, path)
            return found if found is None else cut(found, start, end)

        self.columns.append(_from_source(label + where, pieces))

    def parse_preview(self, read: Reader) -> None:
        """preview = "PREVIEW" [SP "(" "LAZY" ")"]; it is made in no time, so LAZY is none"""
        if read.take_word(b" (LAZY"):
            read.expect(b")", "a closing parenthesis")
        self.needs_whole()
        self.columns.append(
            Column(
                b"PREVIEW %s",
                lambda got: ([quoted_or_literal(preview(source.octets).encode()) for source in got.sources],),
            )
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


def _decoded(source: Source, path: tuple[int, ...]) -> Pieces | None:
    try:
        return source.binary(path)
    except UnknownEncoding:
        raise Refused("The transfer encoding is not known", "UNKNOWN-CTE") from None


def _date_or_nil(seconds: int) -> bytes:
    return date_time(seconds) if seconds else b"NIL"


_SIMPLE: dict[str, tuple[str, Column]] = {
    "UID": ("", _of(message_reader.UID, b"UID %d")),
    "FLAGS": ("m.flags m.keywords", Column(
        b"FLAGS %s",
        lambda got: (got.flag_texts(),),
    )),
    "MODSEQ": ("m.modseq", _of(message_reader.MODSEQ, b"MODSEQ (%d)")),
    "INTERNALDATE": ("m.internal_date m.zone", Column(
        b"INTERNALDATE %s", lambda got: (map(date_time, got.column(message_reader.AT), got.column(message_reader.ZONE)),)
    )),
    "RFC822.SIZE": ("m.size", _of(message_reader.SIZE, b"RFC822.SIZE %d")),
    "ENVELOPE": ("envelope", _of(message_reader.ENVELOPE, b"ENVELOPE %s")),
    "BODY": ("body", _of(message_reader.BODY, b"BODY %s")),
    "EMAILID": ("header m.blob", Column(
        b"EMAILID (%s)", lambda got: (map(ids.email_id, got.column(message_reader.BLOB), got.headers()),)
    )),
    "THREADID": ("header", Column(b"THREADID (%s)", lambda got: (map(ids.thread_id, got.headers()),))),
    "BODYSTRUCTURE": ("structure", _of(message_reader.STRUCTURE, b"BODYSTRUCTURE %s")),
}  # fmt: skip
_DERIVED = ("ENVELOPE", "BODY", "BODYSTRUCTURE")
_RFC822 = ("RFC822", "RFC822.HEADER", "RFC822.TEXT")
_MACROS = {
    "FAST": ("FLAGS", "INTERNALDATE", "RFC822.SIZE"),
    "ALL": ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE"),
    "FULL": ("FLAGS", "INTERNALDATE", "RFC822.SIZE", "ENVELOPE", "BODY"),
}
