"""Mailboxes as one file: mbox in its "rd" form, and flags as file names of Maildir have them.

A message begins at a line `From ` after an empty line; lines of its own that look so get one more `>` and lose it again.
Lines end with LF in the file and with CRLF here, so octets come back as they were if every line ended with CRLF.  Flags stand in
Status, X-Status and X-Keywords, as mutt, Dovecot and others write them.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from mailcore.mail import header

_QUOTE = re.compile(rb"^(>*From )", re.MULTILINE)
_UNQUOTE = re.compile(rb"^>(>*From )", re.MULTILINE)
_BEGIN = re.compile(rb"From (\S*) +(.*\d{2}:\d{2}.*)")
_PREFIX = re.compile(rb"Status: R?O\r\nX-Status: [AFDT]*\r\nX-Keywords: ?[^\r\n]*\r\n")
_OURS = frozenset({"status", "x-status", "x-keywords"})
_BITS = {"R": "\\Seen", "A": "\\Answered", "F": "\\Flagged", "D": "\\Deleted", "T": "\\Draft"}
MAILDIR = {"D": "\\Draft", "F": "\\Flagged", "R": "\\Answered", "S": "\\Seen", "T": "\\Deleted"}
_KEYWORD = re.compile(r"[A-Za-z0-9$_.-]{1,100}")


@dataclass(frozen=True, slots=True)
class Stored:
    """A message from a file; `at` is None where the file does not know when it came."""

    octets: bytes
    flags: frozenset[str] = frozenset()
    at: datetime | None = None


def write(pieces: Iterable[bytes], flags: Iterable[str], at: datetime, sender: str = "") -> Iterator[bytes]:
    """One message as it stands in the file, piece by piece: a large one is never in memory as a whole.

    Args:
        pieces: its octets in any cut.
    """
    flags = frozenset(flags)
    marks = "".join(letter for letter, flag in _BITS.items() if letter != "R" and flag in flags)
    keywords = " ".join(sorted(flag for flag in flags if _KEYWORD.fullmatch(flag)))
    ours = f"Status: {'RO' if chr(92) + 'Seen' in flags else 'O'}\nX-Status: {marks}\nX-Keywords: {keywords}\n"
    who = sender.encode("ascii", "replace").replace(b" ", b"") or b"MAILER-DAEMON"
    yield b"From %b %b\n" % (who, at.astimezone(UTC).strftime("%a %b %d %H:%M:%S %Y").encode()) + ours.encode()
    held = b""  # a line that has not ended
    for piece in pieces:
        held += piece
        end = held.rfind(b"\n") + 1
        if end:
            yield _in_file(held[:end])
            held = held[end:]
    yield (_in_file(held) + b"\n" if held else b"") + b"\n"


def _in_file(lines: bytes) -> bytes:
    lines = lines.replace(b"\r\n", b"\n")
    return _QUOTE.sub(rb">\1", lines) if b"From " in lines else lines  # the look is 30 times quicker than the search


def read(lines: Iterable[bytes], limit: int) -> Iterator[Stored | None]:
    """The messages of a file, one at a time; None stands for one of more than `limit` octets.

    Args:
        lines: with their ends, such as an open file.
    """
    held: list[bytes] = []
    size, begin, empty = 0, b"", True
    for line in lines:
        line = line.rstrip(b"\r\n") if line.endswith((b"\n", b"\r")) else line
        if empty and _BEGIN.match(line):
            if begin:
                yield _stored(held, begin) if size <= limit else None
            held, size, begin, empty = [], 0, line, False
            continue
        empty = not line
        size += len(line) + 2
        if begin and size <= limit:
            held.append(line)
    if begin:
        yield _stored(held, begin) if size <= limit else None


def _stored(lines: list[bytes], begin: bytes) -> Stored:
    if lines and not lines[-1]:
        lines.pop()  # the empty line that parts messages
    octets = _UNQUOTE.sub(rb"\1", b"\n".join(lines) + b"\n").replace(b"\n", b"\r\n")
    if found := _PREFIX.match(octets):  # written by us: fields of these names in the message itself are the message's own
        kept, told = octets[found.end() :], header.split(found[0] + b"\r\n")[0]
    else:
        told, body = header.split(octets)
        kept = header.without(told, lambda field, value: field.lower() in _OURS) + octets[body:]
    marks = "".join(value for name in ("status", "x-status") for value in header.values(told, name))
    flags = {flag for letter, flag in _BITS.items() if letter in marks}
    for value in header.values(told, "x-keywords"):
        flags |= {word for word in re.split(r"[\s,]+", value) if _KEYWORD.fullmatch(word)}
    return Stored(kept, frozenset(flags), _date(begin) or date_of(header.split(kept)[0]))


def _date(begin: bytes) -> datetime | None:
    """`From sender Tue Nov 24 10:00:00 2026`, UTC."""
    found = _BEGIN.match(begin)
    text = found[2].decode("ascii", "replace").strip() if found else ""
    for form in ("%a %b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S %z %Y", "%a %b %d %H:%M:%S %Y %z"):
        try:
            at = datetime.strptime(text, form)  # noqa: DTZ007 - mbox has no zone, and means UTC
        except ValueError:
            continue
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    return None


def date_of(block: bytes) -> datetime | None:
    """What the Date field says."""
    for value in header.values(block, "date")[:1]:
        try:
            at = parsedate_to_datetime(value)
            return at if at.tzinfo else at.replace(tzinfo=UTC)
        except (ValueError, IndexError, OverflowError):
            return None
    return None


def maildir_flags(name: str) -> frozenset[str]:
    """Of a file name such as `1700000000.1.host:2,FS`; systems without `:` write `!`, `;` or `_`."""
    found = re.search(r"[:!;_]2,([A-Za-z]*)$", name)
    return frozenset(MAILDIR[letter] for letter in found[1] if letter in MAILDIR) if found else frozenset()


def maildir_name(unique: str, flags: Iterable[str]) -> str:
    """With `!` before the flags, as a name with `:` cannot be unpacked everywhere."""
    letters = "".join(letter for letter, flag in sorted(MAILDIR.items()) if flag in set(flags))
    return f"{unique}!2,{letters}"
