r"""Small messages of every kind that the world sends, written by hand: a file for each kind, read into octets.

A file begins with the frame of its messages, with `{}` where the animal stands and `{name}` for its name.  Each animal is

    = name
    ? subject: what is right
    # why, and by which section of which RFC
    lines of the message

What is right: `subject`, `from`, `files` (` | ` between), `text` (a piece of it), `smtp` (another reply than 250), `ours FIELD`
(why we differ from other readers); `safe` and `raw-octets` say what an animal is for.

Lines end with CRLF.  `\x00`, `\r`, `\n`, `\t`, `\0`, `\\` and `\"` are octets, `\` before a line's end takes the end away,
`\{60 word }` is repeated, `\[cp1252:words]` is in that codec of Python, `\[b64 utf-8:words]` in base64, `\[pct utf-8:words]` with
`%xx`, `\[all:x]` all octets.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import quote

HERE = Path(__file__).parent
_PLAIN = {"r": b"\r", "n": b"\n", "t": b"\t", "0": b"\0", "\\": b"\\", '"': b'"'}


@dataclass(frozen=True, slots=True)
class Animal:
    """One message.

    Attributes:
        right: what a reader makes of it, by the words of its `?` lines.
        notes: its `#` lines.
    """

    kind: str
    name: str
    octets: bytes
    right: dict[str, str] = field(default_factory=dict, hash=False)
    notes: str = ""

    @property
    def id(self) -> str:
        return f"{self.kind}/{self.name}"

    @property
    def by_smtp(self) -> bool:
        """May it come by SMTP: no lone CR or LF, no NUL (RFC 5321 section 2.3.8)?"""
        bare = self.octets.replace(b"\r\n", b"")
        return b"\r" not in bare and b"\n" not in bare and b"\0" not in bare


@cache
def all_animals() -> tuple[Animal, ...]:
    return tuple(animal for path in sorted(HERE.glob("*.txt")) for animal in _read(path))


def _read(path: Path) -> Iterator[Animal]:
    frame, *animals = ("\n" + path.read_bytes().decode()).split("\n= ")
    before, there, after = frame.removeprefix("\n").partition("{}")
    assert there, f"{path.name} must begin with the frame of its messages, as plain.txt does"
    for animal in animals:
        name, _, rest = animal.partition("\n")
        right: dict[str, str] = {}
        notes = []
        while rest.startswith(("? ", "# ")):
            line, _, rest = rest.partition("\n")
            key, _, value = line[2:].partition(":")
            if line[0] == "?":
                right[key.strip()] = value.strip()
            else:
                notes.append(line[2:])
        text = (before + rest.removesuffix("\n" if animal is animals[-1] else "") + after).replace("{name}", name)
        text = text if text.endswith("\n") else text + "\n"
        yield Animal(path.stem, name, octets_of(text.replace("\n", "\r\n")), right, "\n".join(notes))


def octets_of(text: str) -> bytes:
    """The notation above as octets."""
    found, at = bytearray(), 0
    while (slash := text.find("\\", at)) >= 0:
        found += text[at:slash].encode()
        octets, at = _escaped(text, slash + 1)
        found += octets
    return bytes(found + text[at:].encode())


def _escaped(text: str, at: int) -> tuple[bytes, int]:
    """Read what a backslash before `at` means, and where it ends."""
    match text[at]:
        case "x":
            return bytes.fromhex(text[at + 1 : at + 3]), at + 3
        case "\r":
            return b"", at + 2  # no end of a line
        case "{":
            end = _closing(text, at)
            count, _, rest = text[at + 1 : end].partition(" ")
            return octets_of(rest) * int(count), end + 1
        case "[":
            end = text.index("]", at)
            codec, _, words = text[at + 1 : end].partition(":")
            return _coded(codec, words), end + 1
        case letter:
            return _PLAIN[letter], at + 1


def _closing(text: str, at: int) -> int:
    """Where the brace at `at` is closed."""
    depth = 0
    for place in range(at, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if not depth:
            return place
    raise ValueError(f"a brace that is not closed: {text[at : at + 40]}")


def _coded(codec: str, words: str) -> bytes:
    if codec == "all":
        return bytes(range(256))
    if codec.startswith("b64 "):
        return base64.b64encode(words.encode(codec[4:]))
    if codec.startswith("pct "):
        return quote(words.encode(codec[4:]), safe="").encode()
    return words.encode(codec)
