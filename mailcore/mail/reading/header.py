"""The header block of a message (RFC 5322 section 2.2), read leniently and never written anew."""

import re
from collections.abc import Callable, Collection, Sequence
from typing import TypeVar

from mailcore.mail.reading import words
from mailcore.mail.reading.octets import Octets

T = TypeVar("T")

_END = re.compile(rb"\r?\n\r?\n")
# Anchored and bounded: a megabyte without a colon must cost one look at each octet.
_FIELD = re.compile(rb"(?m)^([!-9;-~]{1,200})[ \t]*:((?:[^\r\n]++|\r(?!\n)|\r?\n[ \t])*+)(?:\r?\n|\Z)")
_FOLD = re.compile(rb"\r?\n[ \t]")
# Of fields that may occur once (RFC 5322 section 3.6) and do not the last is shown, sorted by and told in ENVELOPE, as Dovecot
# does: a signature covers it, and none that somebody put before it (RFC 6376 section 5.4.2).
LAST_COUNTS = frozenset(("date", "subject", "message-id", "in-reply-to"))
MAX_READ = 2**20  # octets of a block in which fields are looked for: APPEND takes headers of any size


def split(octets: Octets) -> tuple[bytes, int]:
    """Split off the header block with its closing blank line, and tell where the body begins."""
    body = end(octets, 0, len(octets))
    return octets[:body], body


def end(octets: Octets | bytearray, start: int, stop: int, looked: int = 0) -> int:
    """Return the start of the body of the message at `start`; `stop` if there is no blank line.  Copies nothing.

    Args:
        looked: so many octets from `start` on, of a header that still comes in, were found to hold no blank line.
    """
    first = octets[start : min(start + 2, stop)]
    if first == b"\r\n":
        return start + 2
    if first[:1] == b"\n":  # lone line feeds, from an import
        return start + 1
    # what was looked at may end with three of the four octets of a blank line
    found = _END.search(octets, max(start, start + looked - 3), stop)
    return found.end() if found else stop


def fields(block: bytes) -> list[tuple[str, bytes]]:
    """Give names as written, and raw values with their folds, without the final line end."""
    return [(m[1].decode("ascii"), m[2]) for m in _FIELD.finditer(block, 0, MAX_READ)]


def raw_values(block: bytes, name: str) -> list[bytes]:
    """Return the values of all fields of that name, unfolded.

    Looks for the name at the beginnings of lines (folds begin with a space), and reads only what it finds: SEARCH
    and SORT ask this of ten thousand headers.
    """
    wanted = name.lower().encode("ascii", "replace")
    lowered = block[:MAX_READ].lower()
    found: list[bytes] = []
    at = 0 if lowered.startswith(wanted) else lowered.find(b"\n" + wanted) + 1
    while at or lowered.startswith(wanted):
        field = _FIELD.match(block, at)
        if field and field[1].lower() == wanted:
            found.append(unfold(field[2]))
        at = lowered.find(b"\n" + wanted, at) + 1
        if not at:
            break
    return found


def unfold(value: bytes) -> bytes:
    """Put a raw value on one line (RFC 5322 section 2.2.3)."""
    return (_FOLD.sub(lambda m: m[0][-1:], value) if b"\n" in value else value).strip()


def counting(name: str, values: Sequence[T]) -> Sequence[T]:
    """Return the one that counts of the values of all fields of a name, as a slice that may be empty.

    Args:
        name: in small letters.
    """
    return values[-1:] if name in LAST_COUNTS else values[:1]


def text(block: bytes, name: str) -> str:
    """Return the field of that name that counts on one line, decoded, or ""."""
    return " ".join("".join(map(decode, counting(name, raw_values(block, name)))).split())


def values(block: bytes, name: str) -> list[str]:
    """Return the same as text, with encoded words decoded (RFC 2047)."""
    return [decode(value) for value in raw_values(block, name)]


def decode(value: bytes) -> str:
    """Decode a value: encoded words decoded, other octets as undeclared text (mail/reading/words.py)."""
    return words.decode(value)


def pieces(block: bytes) -> list[tuple[str, bytes, bytes]]:
    """Every field as name, raw octets with line end, raw value; what is no field has the name "".  No blank line."""
    found: list[tuple[str, bytes, bytes]] = []
    at = 0
    for field in _FIELD.finditer(block):
        if field.start() > at:
            found.append(("", block[at : field.start()], b""))
        raw = field[0] if field[0].endswith(b"\n") else field[0] + b"\r\n"
        found.append((field[1].decode("ascii"), raw, field[2]))
        at = field.end()
    rest = block[at:]
    if rest.strip(b"\r\n"):
        found.append(("", rest.rstrip(b"\r\n") + b"\r\n", b""))
    return found


def first_stray(block: bytes) -> int:
    """Find the first line that is no field, or -1: the text has no header, or no empty line behind it."""
    at = 0
    for field in _FIELD.finditer(block, 0, MAX_READ):
        if field.start() > at:
            break
        at = field.end()
    return at if block[at:].strip(b"\r\n") else -1


def unfolded(value: bytes) -> str:
    """Return a raw value as text, decoded."""
    return decode(unfold(value))


def without(block: bytes, drop: Callable[[str, bytes], bool]) -> bytes:
    """Remove the fields for which `drop(name, value)` is true; all other octets stay."""
    kept: list[bytes] = []
    at = 0
    for found in _FIELD.finditer(block):
        if drop(found[1].decode("ascii"), found[2]):
            kept.append(block[at : found.start()])
            at = found.end()
    kept.append(block[at:])
    return b"".join(kept)


def select(block: bytes, names: Collection[str], *, invert: bool) -> bytes:
    """HEADER.FIELDS and HEADER.FIELDS.NOT (RFC 9051 section 6.4.5.1): the fields verbatim and a blank line."""
    wanted = {name.lower().encode() for name in names}
    return b"".join(m[0] for m in _FIELD.finditer(block) if (m[1].lower() in wanted) is not invert) + b"\r\n"
