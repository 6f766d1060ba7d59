"""Whole vCards (RFC 2426, RFC 6350): every property of a person survives, also those that nobody here reads.

An address book saves the text that a program or a file brought.  What is read from it is a `Card`; what the owner changes
in the webmail is changed in the text, line by line.  Cards of version 2.1 become version 3.0, which every program takes.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mailcore.mail.moving import vcard
from mailcore.mail.moving.vcard import MAX_CARDS, Card, Line
from mailcore.mail.reading.charsets import to_scalars

MAX_OCTETS = 2**20  # of one card, with its picture
_LINE_END = re.compile(r"\r\n|\n|\r")
_AFTER_LINE = re.compile(rb"(?<=\n)|(?<=\r)(?!\n)")
_TOKEN = re.compile(r"[A-Za-z0-9-]+")
_SPECIAL = re.compile(r"[,;:]")
_SPACES = re.compile(rb"\s+")
_CONTROLS = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127, 65534, 65535))  # not of XML 1.0
_NAME = re.compile(r"(?:[A-Za-z0-9-]*+\.)?([A-Za-z0-9-]++)[;:]")
_VALUE = re.compile(r'(?:[^":]++|"[^"]*+")*+:')
_STRUCTURED = frozenset({"N", "ADR", "ORG", "GENDER", "CLIENTPIDMAP"})  # their semicolons part components
_OWN_WORDS = frozenset(
    {"ENCODING", "CHARSET", "BASE64", "QUOTED-PRINTABLE"}
)  # of parameters that version 3.0 has no use for
_SINGLES = frozenset({"BEGIN", "END", "VERSION"})


@dataclass(frozen=True, slots=True)
class WholeCard:
    """A vCard of version 3.0 or 4.0: `text` with CRLF, `uid` as it stands there ("" where none does), `person` read from it."""

    text: str
    uid: str
    person: Card


def list_cards(octets: bytes) -> Iterator[WholeCard]:
    """Read every card of a file, also of one that ends too early; a card is read whether it has an address or not."""
    for number, one in enumerate(_split(vcard.to_utf8(octets))):
        if number >= MAX_CARDS:
            return
        yield _read(one)


def read_card(octets: bytes) -> WholeCard | None:
    """Read a text of exactly one card; None where there is none or more, or it is too large."""
    cards = list(_split(vcard.to_utf8(octets), complete=True)) if len(octets) <= MAX_OCTETS else []
    return _read(cards[0]) if len(cards) == 1 else None


def _split(octets: bytes, *, complete: bool = False) -> Iterator[bytes]:
    """Cut a file into cards; `complete`: only those that end.  The card of an agent (version 2.1) stays in its principal's."""
    lines: list[bytes] = []
    depth = 0
    for line in _AFTER_LINE.split(octets):
        mark = line.strip().upper()
        if mark == b"BEGIN:VCARD":
            within_agent = bool(lines) and lines[-1].strip().upper().startswith(b"AGENT")
            if depth and not within_agent:  # the one before never ended
                if not complete:
                    yield b"".join(lines)
                lines, depth = [], 0
            depth += 1
        if depth:
            lines.append(line)
        if mark == b"END:VCARD" and depth:
            depth -= 1
            if not depth:
                yield b"".join(lines)
                lines = []
    if depth and not complete:
        yield b"".join(lines)


def _read(octets: bytes) -> WholeCard:
    version = _find(octets, b"VERSION")
    text = _as_text(octets) if version in ("3.0", "4.0") else _upgrade(octets)
    read = next(vcard.read_people(text.encode()), Card("", ()))
    return WholeCard(text, _find(text.encode(), b"UID"), read)


def _find(octets: bytes, name: bytes) -> str:
    """Find the value of the first property of that name; "" without one."""
    for line in vcard.join_lines(octets):
        if line[: len(name)].upper() == name and (split := vcard.split_line(line)) and split.name == name.decode():
            return vcard.decode_value(split).strip()
    return ""


def _as_text(octets: bytes) -> str:
    text = to_scalars(octets.decode("utf-8", "replace")).translate(_CONTROLS)
    lines = [line for line in _LINE_END.split(text)[1:] if line.strip()]
    if lines and lines[-1].strip().upper() == "END:VCARD":
        del lines[-1]
    return "".join(f"{line}\r\n" for line in ("BEGIN:VCARD", *lines, "END:VCARD"))


def _upgrade(octets: bytes) -> str:
    """Write a card of version 2.1, or of none, as version 3.0: UTF-8, no quoted-printable, parameters with names."""
    lines = ["BEGIN:VCARD", "VERSION:3.0"]
    names = set[str]()
    for line in vcard.join_lines(octets, MAX_OCTETS):
        split = vcard.split_line(line)
        if split is None or split.name in _SINGLES or not _TOKEN.fullmatch(split.name):
            continue
        names.add(split.name)
        lines.append(_upgrade_line(split))
    if "FN" not in names:
        lines.append(f"FN:{vcard.escape(next(vcard.read_people(octets), Card('', ())).name)}")
    if "N" not in names:
        lines.append("N:;;;;")
    text = "".join(f"{vcard.fold(line)}\r\n" for line in (*lines, "END:VCARD"))
    return to_scalars(text).translate(_CONTROLS)


def _upgrade_line(line: Line) -> str:
    kinds = [given or key for key, given in line.params if (key == "TYPE" or not given) and key not in _OWN_WORDS]
    others = [(key, given) for key, given in line.params if given and key != "TYPE" and key not in _OWN_WORDS]
    params = "".join(f';{key}="{given}"' if _SPECIAL.search(given) else f";{key}={given}" for key, given in others)
    params += "".join(f";TYPE={kind}" for kind in kinds if _TOKEN.fullmatch(kind))
    if not line.is_text:
        params, value = params + ";ENCODING=b", _SPACES.sub(b"", line.value).decode("latin-1")
    else:
        written = vcard.decode_value(line)
        pieces = vcard.split_components(written) if line.name in _STRUCTURED else [written]
        value = ";".join(vcard.escape(piece.replace("\\;", ";").replace("\\\\", "\\")) for piece in pieces)
    group = f"{line.group}." if _TOKEN.fullmatch(line.group) else ""
    return f"{group}{line.name}{params}:{value}"


def write_card(person: Card, uid: str) -> WholeCard:
    """Write a new card of version 3.0, the one that every program takes."""
    name = person.name or (person.addresses or ("",))[0]
    lines = ["BEGIN:VCARD", "VERSION:3.0", f"UID:{vcard.escape(uid)}", f"FN:{vcard.escape(name)}", _format_name(name)]
    lines += [f"EMAIL;TYPE=INTERNET:{vcard.escape(address)}" for address in person.addresses]
    lines += [f"NOTE:{vcard.escape(person.note)}"] if person.note else []
    text = "".join(f"{vcard.fold(line)}\r\n" for line in (*lines, "END:VCARD"))
    return WholeCard(to_scalars(text).translate(_CONTROLS), uid, person)


def _format_name(name: str) -> str:
    """Format N (RFC 2426 section 3.1.2) of a name as it is spoken: the last word is the family's."""
    given, _space, family = name.rpartition(" ")
    return f"N:{vcard.escape(family)};{vcard.escape(given)};;;"


def change_person(card: WholeCard, name: str, note: str) -> WholeCard:
    """Return the card with another name and note; what did not change keeps its line."""
    text = card.text
    if name != card.person.name:
        text = _without(text, lambda line: _name_of(line) in ("FN", "N"))
        text = _with(text, f"FN:{vcard.escape(name)}", _format_name(name))
    if note != card.person.note:
        text = _without(text, lambda line: _name_of(line) == "NOTE")
        text = _with(text, *([f"NOTE:{vcard.escape(note)}"] if note else []))
    return _read(text.encode())


def remove_address(card: WholeCard, address: str) -> WholeCard:
    """Return the card without an address, compared without regard to case."""

    def names_it(line: str) -> bool:
        found = _VALUE.match(line)
        value = line[found.end() :] if found else ""
        return _name_of(line) == "EMAIL" and address.lower() in (value.strip().lower(), value.strip().lower()[7:])

    return _read(_without(card.text, names_it).encode())


def set_uid(card: WholeCard, uid: str) -> WholeCard:
    """Return the card with a UID: every resource has one (RFC 6352 section 5.1)."""
    return _read(_with(_without(card.text, lambda line: _name_of(line) == "UID"), f"UID:{vcard.escape(uid)}").encode())


def select_properties(text: str, names: set[str]) -> str:
    """Return the text with the properties in `names` only, which stand in upper case; no names mean all."""
    if not names:
        return text
    return _without(text, lambda line: bool(line) and _name_of(line) not in names | _SINGLES)


def _name_of(line: str) -> str:
    found = _NAME.match(line)
    return found[1].upper() if found else ""


def _without(text: str, drops: Callable[[str], bool]) -> str:
    """Return the text without the logical lines that `drops`, which sees them without their folds."""
    lines: list[list[str]] = []
    for line in text.split("\r\n"):
        if line[:1] in (" ", "\t") and lines:
            lines[-1].append(line)
        else:
            lines.append([line])
    joined = ((one, one[0] + "".join(rest[1:] for rest in one[1:])) for one in lines)
    return "\r\n".join("\r\n".join(one) for one, whole in joined if not drops(whole))


def _with(text: str, *new: str) -> str:
    """Return the text with new lines before its end."""
    body, end, _rest = text.rpartition("END:VCARD")
    return body + "".join(f"{vcard.fold(line)}\r\n" for line in new) + end + "\r\n"
