"""Web addresses in plain text, as people write them: in brackets, in quotes, at the end of a sentence.

A bracket belongs to the address if it was opened in it (`.../Bergen_(by)`), an apostrophe if letters follow it
(`.../People's_choice`).  One in `<...>` may go on in the next line (RFC 3986 appendix C).  Linear in the characters.
"""

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

_ADDRESS = re.compile(
    r"(?i)(?<![a-z0-9])https?://[^\s<>\"\u0000-\u001f\u007f`\u00a0\u00ab\u00bb\u2018\u200b-\u200f\u201a-\u201f\u2028-\u202f\u2039\u203a\u2066-\u2069\u3008-\u3011\ufeff]{3,}+"
)
_CLOSING = {")": "(", "]": "[", "}": "{", "\uff09": "\uff08"}
_NEXT = re.compile(r"(?i)[,;|](?=https?://)")  # a list without blanks
_SENTENCE = frozenset(".,;:!?'*_\u2019\u2026\u3001\u3002\uff01\uff0c\uff1f")  # behind an address, not of it
_MARKED = "*_"  # some programs mark words with them: only in pairs
# What was broken, with marks of a quotation before what goes on.  A piece that looks like another page's is not joined: its
# words would lead elsewhere than they say.
_BROKEN = re.compile(
    r"(?i)<(?:url:)?(https?://[^\s<>\"]{3,500}+"
    r"(?:[ \t]*+\r?\n(?:(?:> ?)++|[ \t]++)?+(?!www\.|[^\s<>\"]*://)[^\s<>\"]{1,500}+){1,10}+)[ \t]*+>"
)


@dataclass(frozen=True, slots=True)
class TextLink:
    """A piece of a line, from `start` to `end`, and the address that it leads to: more than its own words if that was broken."""

    start: int
    end: int
    address: str


def find_line_links(text: str) -> Iterator[tuple[str, list[TextLink]]]:
    """Yield the lines of a text with the links in each."""
    broken = deque(_find_broken(text))
    at = 0
    for line in text.split("\n"):
        end = at + len(line)
        pieces = list[TextLink]()
        while broken and broken[0].start <= end:
            piece = broken.popleft()
            pieces.append(TextLink(piece.start - at, piece.end - at, piece.address))
        # a line has two pieces at most: the end of one address, and the beginning of the next
        links = [
            TextLink(start, stop, line[start:stop])
            for start, stop in find_links(line)
            if all(stop <= piece.start or piece.end <= start for piece in pieces)
        ]
        yield line, sorted((*pieces, *links), key=lambda link: link.start)
        at = end + 1


def _find_broken(text: str) -> list[TextLink]:
    """Find the pieces of all addresses that are broken over lines, in their order."""
    if "://" not in text:
        return []
    pieces = list[TextLink]()
    for found in _BROKEN.finditer(text):
        places, at = list[tuple[int, int]](), found.start(1)
        for line in found[1].split("\n"):
            bare = line.lstrip("> \t") if places else line
            start = at + len(line) - len(bare)
            places.append((start, start + len(bare.rstrip(" \t\r"))))
            at += len(line) + 1
        address = "".join(text[start:end] for start, end in places)
        pieces += [TextLink(start, end, address) for start, end in places]
    return pieces


def find_links(line: str) -> Iterator[tuple[int, int]]:
    """Yield where each address begins and ends."""
    if "://" not in line:
        return
    for found in _ADDRESS.finditer(line):
        start, before = found.start(), line[found.start() - 1 : found.start()]
        for one in _NEXT.split(found[0]):
            length = _length(one, before)
            if length > len("https://"):
                yield start, start + length
            start, before = start + len(one) + 1, ","


def _length(address: str, before: str) -> int:
    """Return how much of it is the address; `before` is the character in front."""
    if before and before in "'([{" and (closing := _partner(address, before)) > 0:
        return _length(address[:closing], "")
    end = len(address)
    spare = {mark: address.count(mark) - address.count(opening) for mark, opening in _CLOSING.items()}
    while end:
        last = address[end - 1]
        if last in _CLOSING:
            if spare[last] <= 0:
                break
            spare[last] -= 1
        elif last in _MARKED:
            if before != last:
                break
        elif last not in _SENTENCE:
            break
        end -= 1
    return end


def _partner(address: str, opening: str) -> int:
    """Return where what was opened in front of the address is closed, or -1."""
    if opening == "'":
        return _quote_end(address)
    closing = next(mark for mark, one in _CLOSING.items() if one == opening)
    depth = 1
    for at, character in enumerate(address):
        depth += (character == opening) - (character == closing)
        if not depth:
            return at
    return -1


def _quote_end(address: str) -> int:
    """The last apostrophe that no letter follows."""
    for at in range(len(address) - 1, -1, -1):
        if address[at] == "'" and not address[at + 1 : at + 2].isalnum():
            return at
    return -1
