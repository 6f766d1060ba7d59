"""The MIME structure of a message (RFC 2045, RFC 2046).

Any octets have a structure: what is broken becomes text/plain or an empty part, nothing is raised.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from mailcore.mail.reading import header, media_types, parameters, transfer, words
from mailcore.mail.reading.comments import without_comments
from mailcore.mail.reading.fields import Header
from mailcore.mail.reading.octets import Octets, count

MAX_DEPTH, MAX_PARTS = 100, 1000
MAX_VALUE = 8192  # octets of a Content- field other than type and disposition
_US_ASCII = ("charset", b"us-ascii")
_LANGUAGE = re.compile(r"[A-Za-z0-9-]+")
_LINE = b"\n--"
_MISSES = 2000  # lines that begin like a delimiter and are none, until the search is left to `re`
# a line that may be a delimiter, and how fields of a part begin behind it
_GUESSED = re.compile(rb"(?m)^--([^\r\n]{1,200}+)\r?\n((?i:content-)[a-zA-Z-]{1,30}:)?")
_GUESSED_IN = 65_536  # octets in which it is looked for
_GUESSED_LINES = 20
_GUESSES = 3  # multiparts of a message that have to be guessed

Params = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Wire:
    """A part's words as written, for BODYSTRUCTURE: clients compare them in any case."""

    type: str
    subtype: str
    params: parameters.Raw
    encoding: str
    disposition: tuple[str, parameters.Raw] | None


@dataclass(frozen=True, slots=True)
class Part:
    """One body part.  Offsets are into the octets that were parsed; `lines` counts the body's line ends.

    Words are in small letters, parameters are text (mail/reading/parameters.py), `encoding` is one of mail/reading/transfer.py's.
    `type` and `subtype` are what was meant; what is no type is text/plain in `wire` (RFC 2045 section 5.2).
    A multipart has at least one child, which is empty where no delimiter ever comes: IMAP needs it.  `guessed` is what people
    are shown of such a one: its parts by the boundary that its lines have, and its header does not.  A multipart that says so
    in no valid way is a text for IMAP: it has no children, and its parts are guessed, too.
    """

    type: str
    subtype: str
    params: Params
    id: bytes | None
    description: bytes | None
    encoding: str
    disposition: tuple[str, Params] | None
    language: tuple[str, ...]
    location: bytes | None
    md5: bytes | None
    header_start: int
    body_start: int
    end: int
    lines: int
    wire: Wire
    children: tuple["Part", ...] = ()
    guessed: tuple["Part", ...] = ()

    @property
    def contents(self) -> tuple["Part", ...]:
        """Return the parts that people are shown; IMAP numbers `children`."""
        return self.guessed or self.children

    @property
    def is_numbered(self) -> bool:
        """Is it a multipart for IMAP, too?"""
        return self.type == "multipart" and bool(self.children)

    @property
    def size(self) -> int:
        return self.end - self.body_start

    @property
    def is_message(self) -> bool:
        return self.type == "message" and self.subtype in ("rfc822", "global") and bool(self.children)

    def param(self, name: str) -> str:
        """Return a parameter of the type, or ""."""
        return next((value for key, value in self.params if key == name), "")

    @property
    def filename(self) -> str:
        """Return the name that the sender gave, as written: not yet harmless (mail/showing/files.py), or ""."""
        given = dict(self.disposition[1]) if self.disposition else {}
        if self.wire.disposition and self.wire.disposition[0].lower() == "form-data":
            given.pop("name", None)  # of the field (RFC 7578 section 4.2)
        return given.get("filename") or self.param("name") or given.get("name") or self.param("filename")


def parse(octets: Octets, fields: Header | None = None) -> Part:
    """Parse the structure of a whole message.

    Args:
        fields: its header, where that was cut already.
    """
    return _Reader(octets, fields).read(0, 0, ("text", "plain"))


@dataclass(frozen=True, slots=True)
class _Delimiter:
    """A line that ends what stands before it (RFC 2046 section 5.1.1).

    `level` counts the open multiparts from outside; `start` is the beginning of the line, `end` of the next one.
    """

    level: int
    closes: bool
    start: int
    end: int


class _Reader:
    """Reads parts in one pass, with the boundaries of all multiparts that are open.

    A delimiter is a line that begins with a boundary: of several that fit the longest counts, of two that are the same
    the innermost.  A delimiter of an outer multipart ends the inner ones.
    """

    def __init__(self, octets: Octets, fields: Header | None) -> None:
        self._octets = octets
        self._header = fields
        self._end = len(octets)
        self._guesses = _GUESSES
        self._open: list[bytes] = []
        self._made = 0
        self._next: _Delimiter | None = None  # what ended the part that was read last
        self._known: dict[int, tuple[int, _Delimiter | None]] = {}  # by open multiparts: from where what was found

    def read(self, start: int, depth: int, default: tuple[str, str]) -> Part:
        """Read the part whose header begins at `start`."""
        octets = self._octets
        self._made += 1
        found = self._delimiter(start)
        stop = self._before(found, start) if found else self._end
        body = header.end(octets, start, stop)
        fields: dict[str, bytes] = {}
        cut = self._header if depth == 0 else None
        for name, value in cut or header.fields(octets[start : min(body, start + header.MAX_READ)]):
            lower = name.lower()
            # of several dispositions the first with parameters counts, as for Dovecot: often only one has a name
            is_bare = lower == "content-disposition" and not parameters.parse(fields.get(lower, b"")).raw
            if is_bare or (lower.startswith("content-") and not fields.get(lower, b"").strip()):
                fields[lower] = value
        kind = parameters.parse(fields.get("content-type", b""))
        type_, subtype = (kind.words[0].lower(), kind.words[1].lower()) if len(kind.words) > 1 else default
        is_broken = len(kind.words) < 2 and "content-type" in fields
        if is_broken:
            type_, subtype = "text", "plain"  # RFC 2045 section 5.2
        children: tuple[Part, ...] = ()
        room = depth < MAX_DEPTH and self._made < MAX_PARTS
        self._next = found
        boundary = _boundary(kind.raw)
        if found and type_ == "multipart" and self._is_blank(body, found, boundary):
            body = found.start
        if type_ == "multipart" and room and boundary:
            children = self._children(body, depth, boundary, subtype)
        elif type_ == "message" and subtype in ("rfc822", "global") and room:
            children = (self.read(body, depth + 1, ("text", "plain")),)
        end = self._before(self._next, start) if self._next else self._end
        body = min(body, end)
        guessed: tuple[Part, ...] = ()
        first = self._first_line(start, body, boundary) if type_ == "multipart" else body
        if room and type_ == "multipart" and (first < body or not children):
            guessed = self._guess(first, end, depth, subtype, boundary if first < body else b"")
        if type_ == "multipart" and not children:  # IMAP needs at least one
            children = (_empty(end),)
        written = (kind.words[0], kind.words[1]) if len(kind.words) > 1 else (type_, subtype)
        raw, has_lines = kind.raw, type_ in ("text", "message")
        if type_ == "text" and not any(name.lower().rstrip("*") == "charset" for name, _ in raw):
            raw = (*raw, _US_ASCII)  # RFC 2045 section 5.2
        if is_broken:
            type_, subtype, guessed = self._mean(fields["content-type"], boundary, body, end, depth)
        else:
            type_, subtype = media_types.find_meant(type_, subtype)
        encoding, meant = _encoding(fields.get("content-transfer-encoding", b""))
        disposition, told = _disposition(fields.get("content-disposition"))
        language = header.unfold(fields.get("content-language", b"")[:MAX_VALUE]).decode("latin-1")
        return Part(
            type_,
            subtype,
            kind.params,
            _line(fields.get("content-id")),
            _line(fields.get("content-description")),
            meant,
            disposition,
            _languages(language),
            _line(fields.get("content-location")),
            _line(fields.get("content-md5")),
            start,
            body,
            end,
            count(octets, b"\n", body, end) if has_lines else 0,
            Wire(*written, raw, encoding, told),
            children,
            guessed,
        )

    def _mean(
        self, value: bytes, boundary: bytes, body: int, end: int, depth: int
    ) -> tuple[str, str, tuple[Part, ...]]:
        """Read what is meant by a type that is none: the type, and the parts of a multipart, which must say its boundary."""
        meant = media_types.guess_meant(value) or ("multipart" if boundary else "text", "")
        if meant[0] != "multipart":
            return meant[0], meant[1] or "plain", ()
        has_room = boundary and depth < MAX_DEPTH and self._made < MAX_PARTS
        parts = self._guess(body, end, depth, meant[1], boundary) if has_room else ()
        return ("multipart", meant[1] or "mixed", parts) if parts else ("text", "plain", ())

    def _is_blank(self, body: int, found: _Delimiter, boundary: bytes) -> bool:
        """Is the line before a delimiter the end of the fields, as the delimiter is of this multipart and not of an outer one?"""
        octets, own = self._octets, b"--%b" % boundary
        return (
            bool(boundary)
            and body < found.start
            and octets[body - 1 : body] == b"\n"
            and not octets[body : found.start].strip(b"\r\n")
            and octets[found.start : found.start + len(own)] == own
        )

    def _first_line(self, start: int, body: int, boundary: bytes) -> int:
        """Find the first delimiter among the fields, behind which a program forgot the empty line; else return `body`."""
        at = self._octets.find(b"\n--%b" % boundary, start, body) if boundary else -1
        return at + 1 if at >= 0 else body

    def _guess(self, body: int, end: int, depth: int, subtype: str, said: bytes = b"") -> tuple[Part, ...]:
        """Read the parts of a multipart whose boundary is not said, or is another one than its lines have.

        Args:
            said: a boundary that may be the right one.
        """
        if not self._guesses:
            return ()
        self._guesses -= 1
        if said and (parts := self._divide(said, body, end, depth, subtype)):
            return parts
        for found in islice(_GUESSED.finditer(self._octets, body, min(body + _GUESSED_IN, end)), _GUESSED_LINES):
            boundary = found[1].rstrip(b" \t")
            if boundary and (found[2] or self._octets.find(b"\n--%b--" % boundary, found.end() - 1, end) >= 0):
                return self._divide(boundary, body, end, depth, subtype)
        return ()

    def _divide(self, boundary: bytes, body: int, end: int, depth: int, subtype: str) -> tuple[Part, ...]:
        """Read the parts that a boundary makes of a range."""
        reader = _Reader(self._octets, None)
        reader._end, reader._made, reader._guesses = end, self._made, 0
        parts = reader._children(body, depth, boundary, subtype)
        self._made = reader._made
        return parts

    def _children(self, body: int, depth: int, boundary: bytes, subtype: str) -> tuple[Part, ...]:
        """Read the parts of a multipart; leaves in `_next` what ended it."""
        level = len(self._open)
        default = ("message", "rfc822") if subtype == "digest" else ("text", "plain")
        self._open.append(boundary)
        self._known.pop(level + 1, None)
        found: list[Part] = []
        delimiter = self._delimiter(body)
        while delimiter and delimiter.level == level and not delimiter.closes:
            if self._made < MAX_PARTS and delimiter.end <= self._end:
                found.append(self.read(delimiter.end, depth + 1, default))
                delimiter = self._next
            else:
                delimiter = self._delimiter(delimiter.end)
        del self._open[level:]
        if delimiter and delimiter.level == level:  # what follows is an epilogue
            delimiter = self._delimiter(delimiter.end)
        self._next = delimiter
        return tuple(found)

    def _delimiter(self, at: int) -> _Delimiter | None:
        """Find the next delimiter whose line begins at `at` or later; `at` is the beginning of a line."""
        if not self._open:
            return None
        since, known = self._known.get(len(self._open), (self._end + 1, None))
        if since <= at and (known is None or at <= known.start):
            return known
        found = self._search(at, self._end)
        self._known[len(self._open)] = (at, found)
        return found

    def _search(self, at: int, stop: int) -> _Delimiter | None:
        octets, misses = self._octets, 0
        if octets[at : at + 2] == b"--" and (found := self._match(at)):
            return found
        place = octets.find(_LINE, max(at - 1, 0), stop)
        while place >= 0:
            if found := self._match(place + 1):
                return found
            misses += 1
            if misses > _MISSES:
                fits = re.compile(_LINE + b"(?:" + b"|".join(map(re.escape, self._open)) + b")")
                match = fits.search(octets, place + 1, stop)
                return self._match(match.start() + 1) if match else None
            place = octets.find(_LINE, place + 1, stop)
        return None

    def _match(self, start: int) -> _Delimiter | None:
        octets, best, length = self._octets, -1, 0
        line = octets[start + 2 : start + 2 + max(map(len, self._open))]
        for level, boundary in enumerate(self._open):
            if len(boundary) >= length and line.startswith(boundary):
                best, length = level, len(boundary)
        if best < 0:
            return None
        after = start + 2 + length
        line_end = octets.find(b"\n", after, self._end)
        closes = octets[after : after + 2] == b"--" or line_end < 0  # nothing can follow a line that does not end
        return _Delimiter(best, closes, start, line_end + 1 if line_end >= 0 else self._end)

    def _before(self, delimiter: _Delimiter, start: int) -> int:
        """Return the end of the part from `start`: the line end before a delimiter belongs to the delimiter."""
        octets, end = self._octets, delimiter.start
        if end > start and octets[end - 1 : end] == b"\n":
            end -= 1
            if end > start and octets[end - 1 : end] == b"\r":
                end -= 1
        return max(end, start)


def _boundary(raw: parameters.Raw) -> bytes:
    """Find the boundary, also one with percent signs (RFC 2231); blanks at its end were added on the way."""
    for name, octets in raw:
        if name.lower() == "boundary":
            return octets.rstrip(b" \t")
        if name.lower() == "boundary*":
            return parameters.unquoted(octets).rstrip(b" \t")
    return b""


def _line(value: bytes | None) -> bytes | None:
    return None if value is None else header.unfold(value[:MAX_VALUE])


def _encoding(value: bytes) -> tuple[str, str]:
    """Return the encoding to report, and the mechanism of RFC 2045 section 6.1 that it means, "" if it is none."""
    written = header.unfold(value[:MAX_VALUE]).decode("latin-1")
    meant = transfer.named(written)
    bare = without_comments(written).strip()
    if meant:
        return (bare if bare.lower() == meant or meant == transfer.UUENCODE else meant), meant
    return (bare if parameters.is_token(bare) else "7bit"), meant


def _disposition(value: bytes | None) -> tuple[tuple[str, Params] | None, tuple[str, parameters.Raw] | None]:
    """Return the disposition as meant and as written.  An unknown one is an attachment (RFC 2183 section 2.8).

    A field of a form is a file if it has a file's name (RFC 7578 section 4.2).
    """
    if value is None or not value.strip():
        return None, None
    if value.lstrip().startswith(b"=?"):  # some programs encode every field that they write
        value = words.decode(header.unfold(value[:MAX_VALUE])).encode()
    read = parameters.parse(value)
    told = read.words[0] if read.words else "attachment"
    shown = told.lower() == "inline" or (told.lower() == "form-data" and "filename" not in dict(read.params))
    return ("inline" if shown else "attachment", read.params), (told, read.raw)


def _languages(text: str) -> tuple[str, ...]:
    found = (_LANGUAGE.match(tag.strip()) for tag in without_comments(text).split(","))
    return tuple(tag[0] for tag in found if tag)


def _empty(at: int) -> Part:
    wire = Wire("text", "plain", (_US_ASCII,), "7bit", None)
    return Part("text", "plain", (), None, None, "", None, (), None, None, at, at, at, 0, wire)


def section(part: Part, path: tuple[int, ...]) -> Part | None:
    """Find the part at `1.2.3` (RFC 9051 section 6.4.5.1).

    Numbers count the parts of a multipart.  A message whose body is not a multipart has the one part 1, and so
    has a message inside message/rfc822, whatever the type of that body.
    """
    here, is_container = part, True  # a whole message: its body is what is numbered
    for number in path:
        if not is_container and here.is_message:
            here, is_container = here.children[0], True
        if here.is_numbered:
            if not 1 <= number <= len(here.children):
                return None
            here = here.children[number - 1]
        elif not is_container or number != 1:
            return None
        is_container = False
    return here


def extent(part: Part) -> tuple[int, int]:
    """Count the parts, the message itself too, and how deep they are nested."""
    found = [extent(child) for child in part.children]
    return 1 + sum(count for count, _ in found), 1 + max((depth for _, depth in found), default=-1)


def leaves(part: Part) -> Iterator[Part]:
    """Give the parts that hold octets of their own, in their order; those inside message/rfc822 too."""
    if not part.contents:
        yield part
    for child in part.contents:
        yield from leaves(child)
