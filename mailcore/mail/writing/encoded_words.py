"""Encoded words (RFC 2047) and folding (RFC 5322 section 2.2.3): text becomes words, words become lines.

Must stay true: an encoded word has at most 75 characters, holds whole characters, and stands between blanks; a line with
one has at most 76.  Decoding what is written gives the text that was meant, whatever it was.
"""

import binascii
import re

WIDTH = 76  # of a line (RFC 2047 section 2); plain ones might have 78
MOST_WORD = 75
MOST_LINE = 998  # octets (RFC 5322 section 2.1.1)
_LEAST = 40  # characters of a line that are worth beginning an encoded word on it
_HEAD = {"b": "=?utf-8?b?", "q": "=?utf-8?q?"}
_FRAME = len("=?utf-8?q??=")
_WORD = re.compile("(?<! ) ++[^ ]++")
_BLANKS = re.compile(" {20,}")  # a run of them cannot be folded
# What may stand in the word of a phrase (section 5), which is what every reader takes everywhere.
_PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/ "
_QUOTED = tuple("_" if octet == 0x20 else chr(octet) if octet in _PLAIN else f"={octet:02X}" for octet in range(256))


class Folder:
    """One field that grows word by word; a word that no longer fits begins a line."""

    def __init__(self, name: str) -> None:
        self._lines: list[str] = []
        self._line = f"{name}:"
        self._empty = True

    def add(self, word: str) -> None:
        """Add a word that begins with a blank; the first one stays on the line of the name."""
        if not self._empty and len(self._line) + len(word) > WIDTH:
            self._lines.append(self._line)
            self._line = ""
        self._line += word
        self._empty = False

    def add_encoded(self, text: str, blanks: str = " ") -> None:
        """Add text as encoded words; the first one begins on this line if there is some room."""
        room = self.room - len(blanks)
        if room < _LEAST and not self._empty:
            room = WIDTH - len(blanks)
        for number, word in enumerate(encoded(text, room)):
            self.add((blanks if number == 0 else " ") + word)

    @property
    def room(self) -> int:
        """Characters that this line has left."""
        return WIDTH - len(self._line)

    def octets(self) -> bytes:
        """Write the field with its line end."""
        return "\r\n".join([*self._lines, self._line, ""]).encode()


def encoded(text: str, room: int = MOST_WORD) -> list[str]:
    """Encoded words, the first of at most `room` characters; quoted where at least half of it can be read so, else base64.

    Args:
        text: no lone surrogates.
    """
    octets = text.encode()
    special = len(octets.translate(None, _PLAIN))
    kind = "q" if 2 * special <= len(octets) else "b"
    most = max(min(room, MOST_WORD) - _FRAME, 12)  # a character has up to 12
    if kind == "b":
        most = most // 4 * 3
    if len(octets) + (2 * special if kind == "q" else 0) <= most:
        return [_framed(kind, octets)]
    words: list[str] = []
    piece: list[bytes] = []
    sizes: list[int] = []
    for char in text:
        each = char.encode()
        size = len(each) if kind == "b" else sum([len(_QUOTED[octet]) for octet in each])
        if sum(sizes) + size > most:
            end = _end(piece)
            words.append(_framed(kind, b"".join(piece[:end])))
            del piece[:end], sizes[:end]
            most = MOST_WORD - _FRAME if kind == "q" else (MOST_WORD - _FRAME) // 4 * 3
        piece.append(each)
        sizes.append(size)
    if piece:
        words.append(_framed(kind, b"".join(piece)))
    return words


def _end(piece: list[bytes]) -> int:
    """Return the end of a full word: behind a blank, as some readers, Python's too, show one between any two words."""
    for end in range(len(piece), len(piece) // 2, -1):
        if piece[end - 1] == b" ":
            return end
    return len(piece)


def _framed(kind: str, octets: bytes) -> str:
    if kind == "b":
        return f"{_HEAD['b']}{binascii.b2a_base64(octets, newline=False).decode()}?="
    return f"{_HEAD['q']}{''.join([_QUOTED[octet] for octet in octets])}?="


def add_text(folder: Folder, text: str) -> None:
    """Add unstructured text: words as they are, and encoded from the first to the last one that must be.

    Args:
        text: one line (mail/reading/lines.py).
    """
    words: list[str] = _WORD.findall(" " + _BLANKS.sub(" " * 19, text))
    special = [number for number, word in enumerate(words) if _must_be_encoded(word)]
    if words and len(words[0]) > folder.room and special[:1] != [0]:
        special.insert(0, 0)
    first, last = (special[0], special[-1]) if special else (len(words), len(words))
    for word in words[:first]:
        folder.add(word)
    if special:
        run = "".join(words[first : last + 1])
        bare = run.lstrip(" ")
        folder.add_encoded(bare, run[: len(run) - len(bare)])
        for word in words[last + 1 :]:
            folder.add(word)


def _must_be_encoded(word: str) -> bool:
    """Other letters, what would be read as an encoded word, and what is longer than a line."""
    return not word.isascii() or "=?" in word or len(word) >= WIDTH
