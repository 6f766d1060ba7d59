"""vCards (RFC 6350; those of version 3.0 and 2.1 are read too): names, addresses and notes of people."""

import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_CARDS, MAX_LINE = 10_000, 10_000
_FOLD = re.compile(r"\r?\n[ \t]")
_ESCAPED = re.compile(r"\\(.)")
_LINE = 75  # octets of a line before it is folded (section 3.2)


@dataclass(frozen=True, slots=True)
class Card:
    name: str
    addresses: tuple[str, ...]
    note: str = ""


def read(octets: bytes) -> Iterator[Card]:
    """The cards that have an address; what cannot be read is left out."""
    written = octets.decode("utf-8-sig", "replace") if b"\0" not in octets[:200] else octets.decode("utf-16", "replace")
    written = re.sub(r"=\r?\n", "=", written) if "QUOTED-PRINTABLE" in written.upper() else written
    name, parts, note, addresses, number = "", "", "", list[str](), 0
    for line in _FOLD.sub("", written).splitlines():
        head, colon, value = line[:MAX_LINE].partition(":")
        params = head.upper().split(";")
        key = params[0].rpartition(".")[2]  # a group may stand before the name
        if not colon:
            continue
        if "QUOTED-PRINTABLE" in head.upper():
            value = binascii.a2b_qp(value.replace("==", "=").encode("utf-8", "replace")).decode("utf-8", "replace")
        if key == "BEGIN":
            name, parts, note, addresses = "", "", "", []
        elif key == "FN":
            name = _plain(value)
        elif key == "N":
            family, _, given = value.partition(";")
            parts = f"{_plain(given.partition(';')[0])} {_plain(family)}".strip()
        elif key == "EMAIL":
            addresses.append(_plain(value).removeprefix("mailto:"))
        elif key == "NOTE":
            note = _plain(value)
        elif key == "END" and addresses:
            yield Card(name or parts, tuple(addresses), note)
            number += 1
            if number >= MAX_CARDS:
                return


def _plain(value: str) -> str:
    return _ESCAPED.sub(lambda m: "\n" if m[1] in "nN" else m[1], value).strip()


def _escaped(value: str) -> str:
    plain = value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return plain.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\\n")


def _folded(line: str) -> str:
    """Lines of at most 75 octets, never cut inside a character."""
    found, length = [""], 0
    for char in line:
        size = len(char.encode())
        if length + size > _LINE:
            found.append(" ")
            length = 1
        found[-1] += char
        length += size
    return "\r\n".join(found)


def write(cards: Iterable[Card]) -> str:
    """Version 4.0."""
    lines = []
    for card in cards:
        lines += ["BEGIN:VCARD", "VERSION:4.0", f"FN:{_escaped(card.name or (card.addresses or ('',))[0])}"]
        lines += [f"EMAIL:{_escaped(address)}" for address in card.addresses]
        lines += [f"NOTE:{_escaped(card.note)}"] if card.note else []
        lines.append("END:VCARD")
    return "".join(_folded(line) + "\r\n" for line in lines)
