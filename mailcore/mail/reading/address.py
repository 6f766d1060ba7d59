"""Addresses of header fields (RFC 5322 section 3.4), as people and programs write them: the one parser for all who ask.

A field is parsed first and decoded afterwards (RFC 2047 section 6.2): what an encoded word says is never an address, and a
comma in it parts nobody.  What is valid is read as the grammar says; of the rest, what a reader would see: the address
in the brackets is the address, whatever stands before it is its name.  Linear in the octets and never raises.

Addresses are parted by commas alone (section 3.4): what stands between a closed bracket and the next comma, another
address in brackets too, says nothing.  `From: A <a@x.example> <b@y.example>` would else be one author to one reader and
another to the next, and DMARC, a reply and ENVELOPE must mean the same one.  Dovecot takes the first likewise.  Brackets
around what is no address are a part of the name.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from mailcore.mail.reading import charsets, words
from sieve.addrspec import quoted_local

MAX_NAME = 1000  # characters of a display name
_REMEMBERED = 300  # octets of a value: one message asks for each of its fields several times

_ATOM = rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\x80-\xff-]+"
_SIMPLE = re.compile(
    rb'(?:"([^"\\\r\n\t]*+)"[ ]?|('
    + _ATOM
    + rb"(?:[ .]"
    + _ATOM
    + rb")*+[.]?)[ ]?)?<("
    + _ATOM
    + rb"(?:\."
    + _ATOM
    + rb")*+)@("
    + _ATOM
    + rb"(?:\."
    + _ATOM
    + rb")*+)>"
)
_BARE = re.compile(_ATOM + rb"(?:\." + _ATOM + rb")*+@" + _ATOM + rb"(?:\." + _ATOM + rb")*+")
# one of many in a list, with its comma
_ELEMENT = re.compile(
    rb"[ \t\r\n]*+(?:"
    + _SIMPLE.pattern
    + rb"|("
    + _ATOM
    + rb"(?:\."
    + _ATOM
    + rb")*+)@("
    + _ATOM
    + rb"(?:\."
    + _ATOM
    + rb")*+))[ \t]*+(?:,|\Z)"
)
_LEXEME = re.compile(
    rb'(?P<space>[ \t\r\n]+)|(?P<coded>=\?[^?\s]{0,100}\?[BbQq]\?[^?\s]{0,900}\?=)|(?P<mark>[<>,;:@"(])'
    rb'|(?P<word>=|[^ \t\r\n"(<>,;:@=]+)'
)
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_COMMENT_PART = re.compile(rb"[^()\\]+|\\.|[()\\]", re.DOTALL)
_PAIR = re.compile(rb"\\(.)", re.DOTALL)
_FOLD = re.compile(rb"\r?\n(?=[ \t])")
_SPACES = re.compile(rb"[ \t\r\n]+")
_IPV6 = re.compile(rb"(?i)[0-9a-f:.]+\Z")


@dataclass(frozen=True, slots=True)
class RawAddress:
    """An address as IMAP's ENVELOPE tells it (RFC 9051 section 7.5.2): octets of the field, encoded words undecoded.

    The start of a group has its name as `local` and no host; its end has neither.
    """

    name: bytes | None
    route: bytes | None
    local: bytes | None
    host: bytes | None


@dataclass(frozen=True, slots=True)
class MailAddress:
    """An address for people and for comparing: Unicode scalar values on one line, the local part without its quotes.

    What an address lacks is "": a name, or a host, where people write `root` alone.
    """

    name: str
    localpart: str
    host: str

    @property
    def spec(self) -> str:
        """`localpart@host`, quoted where it must be (RFC 5321 section 4.1.2); the local part alone if there is no host."""
        local = quoted_local(self.localpart) if self.localpart else ""
        return f"{local}@{self.host}" if self.host else local

    @property
    def shown(self) -> str:
        """Return the name, else the address."""
        return self.name or self.spec


def parse(value: bytes | str) -> tuple[MailAddress, ...]:
    """Parse all addresses of a field's value, also those within groups."""
    octets = value if isinstance(value, bytes) else value.encode("utf-8", "replace")
    return _parse_remembered(octets) if len(octets) <= _REMEMBERED else _parse(octets)


def _parse(octets: bytes) -> tuple[MailAddress, ...]:
    found = (_decoded(one) for one in parse_raw(octets) if one.host is not None)
    return tuple(one for one in found if one.name or one.localpart or one.host)


_parse_remembered = lru_cache(2048)(_parse)


def addr_specs(value: bytes | str) -> list[str]:
    """`localpart@host` of every address that has both."""
    return [one.spec for one in parse(value) if one.localpart and one.host]


def display_name(value: bytes | str) -> str:
    """Return the first author's name for people, else the address, else ""."""
    return next((one.shown for one in parse(value)), "")


def decode_name(raw: bytes) -> str:
    """Return a display name for people, on one line."""
    return " ".join(words.decode(raw[: 8 * MAX_NAME]).split())[:MAX_NAME]


def _decoded(one: RawAddress) -> MailAddress:
    return MailAddress(decode_name(one.name) if one.name else "", _plain(one.local), _plain(one.host))


def _plain(octets: bytes | None) -> str:
    return " ".join(charsets.decode_undeclared(octets).split()) if octets else ""


def parse_raw(value: bytes) -> tuple[RawAddress, ...]:
    """Parse all addresses and the borders of groups, in their order."""
    return _parse_raw_remembered(value) if len(value) <= _REMEMBERED else _parse_raw(value)


def _parse_raw(value: bytes) -> tuple[RawAddress, ...]:
    simple = _SIMPLE.fullmatch(value)  # nearly every field
    if simple:
        name = (simple[1] or b"").strip() or simple[2]
        return (RawAddress(name or None, None, simple[3], simple[4]),)
    if _BARE.fullmatch(value):
        local, _, host = value.rpartition(b"@")
        return (RawAddress(None, None, local, host),)
    return tuple(_Scanner(value).addresses())


_parse_raw_remembered = lru_cache(2048)(_parse_raw)


@dataclass(slots=True)
class _Item:
    """A word, what was quoted, or a mark; `apart` if blanks or a comment stand before it."""

    octets: bytes
    apart: bool
    quoted: bool = False

    @property
    def is_at(self) -> bool:
        return self.octets == b"@" and not self.quoted


@dataclass(slots=True)
class _Element:
    """Items between two commas."""

    items: list[_Item] = field(default_factory=list)
    comment: bytes | None = None
    angle: list[_Item] | None = None
    closed: bool = False  # the bracket is; what follows up to a comma says nothing

    @property
    def has_at(self) -> bool:
        return any(item.is_at for item in self.items)


class _Scanner:
    def __init__(self, value: bytes) -> None:
        self._value = value
        self._found: list[RawAddress] = []
        self._element = _Element()
        self._in_group = False
        self._apart = False
        self._held: list[_Item] = []  # words before a comma that may be the beginning of a name
        self._quotes = b'"' in value
        self._comments = b"(" in value

    def addresses(self) -> list[RawAddress]:
        at = self._plain(0)
        while lexeme := _LEXEME.match(self._value, at):
            at = lexeme.end()
            if lexeme["space"]:
                self._apart = True
            # an encoded word is an atom, whatever is in it (RFC 2047 section 2)
            elif lexeme["coded"] or lexeme["word"]:
                self._add(lexeme[0])
            elif lexeme["mark"] == b'"':
                at = self._quote(lexeme.start())
            elif lexeme["mark"] == b"(":
                at = self._comment(lexeme.start())
            else:
                self._mark(lexeme["mark"])
                if lexeme["mark"] == b"," and not self._held and self._element.angle is None:
                    at = self._plain(at)
        self._close(b"")
        if self._in_group:
            self._found.append(RawAddress(None, None, None, None))
        return self._found

    def _plain(self, at: int) -> int:
        """Take what most addresses are as a whole, and give where they end."""
        while at < len(self._value) and (one := _ELEMENT.match(self._value, at)):
            at = one.end()
            name = (one[1] or b"").strip() or one[2]
            self._found.append(RawAddress(name or None, None, one[3] or one[5], one[4] or one[6]))
        return at

    def _add(self, octets: bytes, *, quoted: bool = False) -> None:
        element = self._element
        item = _Item(octets, self._apart, quoted)
        self._apart = False
        if element.closed:
            return
        (element.items if element.angle is None else element.angle).append(item)

    def _quote(self, at: int) -> int:
        """Take a quoted string, and give where it ends; a quote that is never closed is a mark like any other."""
        found = _QUOTED.match(self._value, at) if self._quotes else None
        if found is None:
            self._quotes = False
            return at + 1
        self._add(_PAIR.sub(rb"\1", _FOLD.sub(b"", found[1])), quoted=True)
        return found.end()

    def _comment(self, at: int) -> int:
        """Take a comment, which may nest, and give where it ends; one that is never closed is none."""
        depth, end = 0, at
        if self._comments:
            for part in _COMMENT_PART.finditer(self._value, at):
                depth += {b"(": 1, b")": -1}.get(part[0], 0)
                if depth == 0:
                    end = part.end()
                    break
        if end == at:
            self._comments = False
            self._add(b"(")
            return at + 1
        if self._element.items:
            words_ = _SPACES.sub(b" ", _PAIR.sub(rb"\1", self._value[at + 1 : end - 1])).strip()
            self._element.comment = words_ or self._element.comment
        self._apart = True
        return end

    def _mark(self, mark: bytes) -> None:
        element = self._element
        if mark == b"<":
            if element.angle is not None and element.closed and not any(item.is_at for item in element.angle):
                # <Ann> <ann@x.example>: a name, which somebody put into brackets
                element.items += element.angle
                element.closed = False
            if not element.closed:
                element.angle = []
        elif mark == b">":
            element.closed = element.closed or element.angle is not None
        elif element.angle is not None and not element.closed or mark == b"@":
            self._add(mark)
        elif mark == b":":
            self._colon()
        elif mark == b";" and self._in_group:
            self._close(b"")
            self._found.append(RawAddress(None, None, None, None))
            self._in_group = False
        else:
            self._close(mark)

    def _colon(self) -> None:
        element = self._element
        # Ann [mailto:ann@x.example], as Outlook quotes
        if element.items and element.items[-1].octets.lower() == b"[mailto":
            element.items.pop()
            element.angle = []
            return
        if self._in_group or element.closed or element.has_at or not (element.items or self._held):
            self._add(b":")
            return
        self._found.append(RawAddress(None, None, _joined([*self._held, *element.items]), None))
        self._element, self._held, self._in_group, self._apart = _Element(), [], True, False

    def _close(self, mark: bytes) -> None:
        """End an element at a comma, a semicolon or the end.

        Words without an address before a comma are the beginning of a name (`Nordmann, Ola <ola@x.example>`) if the next
        element has its address in brackets, else addresses without a host.
        """
        element, held = self._element, self._held
        self._element, self._held, self._apart = _Element(), [], False
        if element.has_at and not element.angle:
            element.angle = None  # an empty pair of brackets behind an address
        if element.angle is None and not element.has_at:
            if mark and element.items and not element.comment:
                held += element.items
                held.append(_Item(mark, apart=False))
                self._held = held
                return
            self._emit_held(held)
            if element.items:
                self._found.append(_without_address(element.items, element.comment))
            return
        if element.angle is None:
            self._emit_held(held)
            self._found.append(_bare(element))
            return
        name = _joined([*held, *element.items])
        route, local, host = _spec(element.angle)
        if name or local or host:
            self._found.append(RawAddress(name or None, route, local, host))

    def _emit_held(self, held: list[_Item]) -> None:
        one: list[_Item] = []
        for item in held:
            if item.octets in (b",", b";") and not item.quoted:
                if one:
                    self._found.append(_without_address(one))
                one = []
            else:
                one.append(item)


def _joined(items: Sequence[_Item]) -> bytes:
    """Join words with one blank where there was any."""
    pieces: list[bytes] = []
    for item in items:
        if item.apart and pieces:
            pieces.append(b" ")
        pieces.append(item.octets)
    return b"".join(pieces).strip()


def _spec(items: Sequence[_Item]) -> tuple[bytes | None, bytes, bytes]:
    """Route, local part and host of what stands in brackets; blanks around dots and the @ go (section 4.4)."""
    if not items:
        return None, b"", b""
    route: bytes | None = None
    if items[0].is_at:
        colon = next((n for n, item in enumerate(items) if item.octets == b":" and not item.quoted), None)
        if colon is not None:
            route = b"".join(item.octets for item in items[:colon])
            items = items[colon + 1 :]
    elif len(items) > 2 and items[0].octets.lower() == b"mailto" and items[1].octets == b":":
        items = items[2:]
    last = max((n for n, item in enumerate(items) if item.is_at), default=len(items))
    return route, _dotted(items[:last]), _host(_dotted(items[last + 1 :]))


def _dotted(items: Sequence[_Item]) -> bytes:
    return b"".join(_glued(items))


def _glued(items: Sequence[_Item]) -> Iterator[bytes]:
    before = b"."
    for item in items:
        if item.apart and not (before.endswith((b".", b"@")) or item.octets.startswith((b".", b"@"))):
            yield b" "
        yield item.octets
        before = item.octets


def _host(octets: bytes) -> bytes:
    """A colon belongs to a literal only, with or without its brackets; a bracket that was never opened goes."""
    if octets.endswith(b"]") and b"[" not in octets:
        octets = octets[:-1]
    if b":" in octets and not octets.startswith(b"[") and not _IPV6.match(octets):
        return octets.partition(b":")[0]
    return octets


def _without_address(items: Sequence[_Item], comment: bytes | None = None) -> RawAddress:
    """Words alone: a local part, as `root` is; what is quoted, or several words, is a name (RFC 5322 section 3.4)."""
    if not comment and (any(item.quoted for item in items) or any(item.apart for item in items[1:])):
        return RawAddress(_joined(items), None, b"", b"")
    return RawAddress(comment, None, _joined(items), b"")


def _bare(element: _Element) -> RawAddress:
    """An address without brackets: the words that touch the first @; those before them are a name."""
    items = element.items
    at = next(n for n, item in enumerate(items) if item.is_at)
    start = max(at - 1, 0)
    while start > 0 and _touch(items[start - 1], items[start]):
        start -= 1
    stop = min(at + 2, len(items))
    while stop < len(items) and _touch(items[stop - 1], items[stop]):
        stop += 1
    _, local, host = _spec(items[start:stop]) if start < at else (None, b"", _host(_dotted(items[1:stop])))
    if items[start].octets.startswith(b"[") and items[stop - 1].octets.endswith(b"]") and not items[start].quoted:
        local = local[1:]  # Ann [ann@x.example]
    return RawAddress(element.comment or _joined(items[:start]) or None, None, local, host)


def _touch(before: _Item, after: _Item) -> bool:
    return not after.apart or before.octets.endswith(b".") or after.octets.startswith(b".")
