"""Files that stand in a text by uuencode, as programs sent them before MIME: from `begin 644 name` to `end`.

A line of data begins with its length and holds characters from blank to `` ` ``, so none of them is a `begin`: what looks
like a block and is none costs its own octets once.
"""

import re
from dataclasses import dataclass

from mailcore.mail.reading import charsets
from mailcore.mail.reading.octets import Octets

MAX_BLOCKS = 100  # of a text; what follows stays text
_BEGIN = b"begin "
_HEAD = rb"begin [0-7]{3,4} +([^\r\n]{1,255})\r?\n(?:[!-`][ -`]{0,100}+\r?\n)++"
_WHOLE = re.compile(_HEAD + rb"(?: *\r?\n)?end[ \t]*(?:\r?\n|\Z)")
_CUT = re.compile(_HEAD + rb"[ -`]*\Z")


@dataclass(frozen=True, slots=True)
class Block:
    """A file in a text: from the beginning of the line `begin` to that of the line after `end`."""

    name: str
    start: int
    end: int


def find_blocks(octets: Octets, start: int, end: int, *, is_cut: bool = False) -> list[Block]:
    """Find the files in a text; `is_cut`: it goes on behind `end`, and so may the last file."""
    blocks: list[Block] = []
    at = octets.find(_BEGIN, start, end)
    while at >= 0 and len(blocks) < MAX_BLOCKS:
        found = None
        if at == start or octets[at - 1 : at] == b"\n":
            found = _WHOLE.match(octets, at, end) or (_CUT.match(octets, at, end) if is_cut else None)
        if found:
            blocks.append(Block(charsets.decode_undeclared(found[1]).strip(), at, found.end()))
        at = octets.find(_BEGIN, found.end() if found else at + len(_BEGIN), end)
    return blocks
