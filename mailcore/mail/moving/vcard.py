"""vCards (RFC 6350; those of version 3.0 and 2.1 are read too): names, addresses and notes of people.

Read as octets first, as a charset may stand in each line; linear in the octets, and never raises.
"""

import binascii
import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from mailcore.mail.reading import charsets
from mailcore.mail.reading.transfer import unbase64

MAX_CARDS, MAX_LINE, MAX_VALUES = 10_000, 10_000, 100
_LINE_END = re.compile(rb"\r\n|\n|\r")
# a quoted value of a parameter may hold a colon (RFC 6350 section 3.3)
_HEAD = re.compile(rb'((?:[^":]++|"[^"]*+")*+):')
_PARAM = re.compile(r';([^=;"]*+)(?:=((?:[^";]++|"[^"]*+"|")*+))?')
_ESCAPED = re.compile(r"\\([\\,;:nN])")
_ESCAPED_OLD = re.compile(r"\\([\\;:])")  # version 2.1 knows no more, and has paths with backslashes
_SEMICOLON = re.compile(r"(?:[^\\;]++|\\.|\\)*+", re.DOTALL)
_BRACKETED = re.compile(r"[^<>]*+<([^<>\s]++)>\s*+")  # some write a name before it
_LINE = 75  # octets of a line before it is folded (section 3.2)


_TEXTS = frozenset({"FN", "N", "NICKNAME", "ORG", "NOTE", "EMAIL", "TITLE", "ROLE", "ADR", "LABEL", "TEL", "UID"})


@dataclass(frozen=True, slots=True)
class Card:
    name: str
    addresses: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One logical line, not decoded: `name` and the keys of `params` in upper case; a bare parameter has the value ""."""

    group: str
    name: str
    params: tuple[tuple[str, str], ...]
    value: bytes

    @property
    def encoding(self) -> str:
        """Return the encoding in upper case, as versions 2.1 and 3.0 name it; "" where nothing is encoded."""
        named = next((given for key, given in self.params if key == "ENCODING"), "").upper()
        bare = next((key for key, given in self.params if not given and key in ("BASE64", "QUOTED-PRINTABLE")), "")
        return {"B": "BASE64"}.get(named, named) or bare

    @property
    def is_text(self) -> bool:
        """Some programs encode every value beyond ASCII; of other properties it is a picture, a sound or a key."""
        return self.encoding != "BASE64" or self.name in _TEXTS


@dataclass(frozen=True, slots=True)
class _Property:
    """One line as it is meant: `name` in upper case and without its group, `value` decoded, its escapes still there."""

    name: str
    value: str


@dataclass(slots=True)
class _Person:
    """Values read so far from the lines of a card."""

    version: str = ""
    full: str = ""
    parts: str = ""
    other: str = ""  # a name that is told where there is no better one
    note: str = ""
    addresses: list[str] = field(default_factory=list)

    def add(self, said: _Property) -> None:
        match said.name:
            case "VERSION":
                self.version = said.value.strip()
            case "FN":
                self.full = self.full or self._plain(said.value)
            case "N":
                family, given, *_ = (*split_components(said.value), "", "")
                self.parts = f"{self._plain(given)} {self._plain(family)}".strip()
            case "NICKNAME" | "ORG":
                self.other = self.other or ", ".join(filter(None, map(self._plain, split_components(said.value))))
            case "NOTE":
                self.note = self.note or self._plain(said.value)
            case "EMAIL" if len(self.addresses) < MAX_VALUES:
                spec = self._plain(said.value)
                spec = spec[len("mailto:") :] if spec.lower().startswith("mailto:") else spec
                spec = bracketed[1] if (bracketed := _BRACKETED.fullmatch(spec)) else spec
                self.addresses += [spec] if spec and spec not in self.addresses else []

    def _plain(self, value: str) -> str:
        pattern = _ESCAPED_OLD if self.version == "2.1" else _ESCAPED
        return pattern.sub(lambda m: "\n" if m[1] in "nN" else m[1], value).strip()

    def card(self) -> Card:
        return Card(self.full or self.parts or self.other, tuple(self.addresses), self.note)


def read(octets: bytes) -> Iterator[Card]:
    """Read the cards that have an address, also of a file that ends too early; what cannot be read is left out."""
    return islice((card for card in read_people(octets) if card.addresses), MAX_CARDS)


def read_people(octets: bytes) -> Iterator[Card]:
    """Read every card, whether it has an address or not."""
    open_cards: list[_Person] = []
    agent = False
    for line in join_lines(to_utf8(octets)):
        said = _property(line)
        if said is None:
            continue
        if said.name == "BEGIN" and said.value.strip().upper() == "VCARD":
            if not agent:  # in version 2.1 the card of an agent stands within its principal's
                yield from (person.card() for person in open_cards)
                open_cards = []
            open_cards = [*open_cards[-1:], _Person()]
        elif said.name == "END" and open_cards:
            yield open_cards.pop().card()
        elif open_cards:
            open_cards[-1].add(said)
        agent = said.name == "AGENT"
    yield from (person.card() for person in open_cards)


def to_utf8(octets: bytes) -> bytes:
    """Strip the mark of the encoding, and recode UTF-16, which some address books write, as UTF-8."""
    if octets.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return octets.decode("utf-16", "replace").encode("utf-8", "replace")
    for charset, begin in (("utf-16-le", b"B\0E\0G\0"), ("utf-16-be", b"\0B\0E\0G")):
        if octets.startswith(begin):
            return octets.decode(charset, "replace").encode("utf-8", "replace")
    return octets.removeprefix(codecs.BOM_UTF8)


def join_lines(octets: bytes, most: int = MAX_LINE) -> Iterator[bytes]:
    """Join lines without their folds, and those of quoted-printable without their soft breaks; of `most` octets or so."""
    held: list[bytes] = []  # the pieces of one line
    size, soft, old = 0, False, False
    for line in _LINE_END.split(octets):
        if held and (soft or line[:1] in (b" ", b"\t")):
            piece = line if soft or old else line[1:]  # a fold of version 2.1 is the line end alone
            if soft and not line.endswith(b"="):
                soft = False
            if size <= most:
                held.append(piece.removesuffix(b"=") if soft else piece)
                size += len(piece) + 1
            continue
        if held:
            yield b"".join(held)
        old = (old or line.strip().upper() == b"VERSION:2.1") and not line.upper().startswith(b"BEGIN:")
        soft = line.endswith(b"=") and _is_quoted_printable(line)
        held, size = [line.removesuffix(b"=") if soft else line], len(line)
    yield b"".join(held)


def _is_quoted_printable(line: bytes) -> bool:
    found = _HEAD.match(line[:MAX_LINE])
    return found is not None and b"QUOTED-PRINTABLE" in found[1].upper()


def split_line(line: bytes) -> Line | None:
    """Split `[group.]name *(;param) : value`; None for what is no such line."""
    found = _HEAD.match(line)
    # a quote that never ends
    head, colon, value = (found[1], b":", line[found.end() :]) if found else line.partition(b":")
    if not colon:
        return None
    named, semicolon, rest = head.decode("latin-1").partition(";")
    group, _dot, name = named.rpartition(".")
    params = tuple((one[1].strip().upper(), (one[2] or "").strip(' "')) for one in _PARAM.finditer(semicolon + rest))
    return Line(group.strip(), name.strip().upper(), params, value)


def decode_value(line: Line) -> str:
    """Decode the value by its encoding and charset; escapes stay."""
    match line.encoding:
        case "QUOTED-PRINTABLE":
            value = binascii.a2b_qp(line.value)
        case "BASE64":
            value = unbase64(line.value)
        case _:
            value = line.value
    return charsets.decode(value, next((given for key, given in line.params if key == "CHARSET"), ""))


def _property(line: bytes) -> _Property | None:
    """Read a line as a text; None for what is no line, and for pictures and the like."""
    split = split_line(line[:MAX_LINE])
    if split is None or not split.is_text:
        return None
    return _Property(split.name, decode_value(split))


def unescape(value: str) -> str:
    """Take the escapes of versions 3.0 and 4.0 out of a text."""
    return _ESCAPED.sub(lambda m: "\n" if m[1] in "nN" else m[1], value)


def split_components(value: str) -> list[str]:
    """Return the parts of a value between semicolons that are not escaped."""
    found, at = list[str](), 0
    while len(found) < MAX_VALUES and (part := _SEMICOLON.match(value, at)):
        found.append(part[0])
        at = part.end() + 1
        if at > len(value):
            break
    return found


def escape(value: str) -> str:
    plain = value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return plain.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n")


def fold(line: str) -> str:
    """Fold into lines of at most 75 octets, never cut inside a character."""
    found, length = [""], 0
    for char in line:
        size = len(char.encode("utf-8", "replace"))
        if length + size > _LINE:
            found.append(" ")
            length = 1
        found[-1] += char
        length += size
    return "\r\n".join(found)


def write(cards: Iterable[Card]) -> str:
    """Write a card of version 4.0."""
    lines = []
    for card in cards:
        lines += ["BEGIN:VCARD", "VERSION:4.0", f"FN:{escape(card.name or (card.addresses or ('',))[0])}"]
        lines += [f"EMAIL:{escape(address)}" for address in card.addresses]
        lines += [f"NOTE:{escape(card.note)}"] if card.note else []
        lines.append("END:VCARD")
    return "".join(fold(line) + "\r\n" for line in lines)
