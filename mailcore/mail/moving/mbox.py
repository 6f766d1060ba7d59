"""Mailboxes as one file: written in mbox's "rd" form, read in every form that is around.

We write a message so that other programs read it and we get the same octets back.  Lines that look like a beginning get one more
`>`, lines end with LF, and four fields before the message's own tell what the form cannot: Status, X-Status, X-Keywords, as mutt
and Dovecot have them, and X-Alumnimail: the zone of its time, whether its lines end as they are written (`as-is`: a message that
does not end every line with CRLF), and whether its last line has no end (`open`).

Where a message of another program's file begins is told by lines: see `_is_beginning`.
"""

import codecs
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from itertools import chain

from mailcore.mail.asking.keywords import is_keyword
from mailcore.mail.moving import mbox_marks
from mailcore.mail.reading import dates, header

_QUOTE = re.compile(rb"^(>*From )", re.MULTILINE)
_UNQUOTE = re.compile(rb"^>(>*From )", re.MULTILINE)
_QUOTED_LINES = re.compile(rb"(?:>++From [^\n]*+\n)++")
_QUOTED_FIELD = re.compile(rb"(?im)^>From:")
_FROM_FIELD = re.compile(rb"(?im)^From:")
_QUOTED_WORD = re.compile(rb"^>(>*+From)", re.MULTILINE)
_PREFIX = re.compile(
    rb"(Status: R?O\r?\nX-Status: [AFDT]*\r?\nX-Keywords: ?([^\r\n]*)\r?\n)"
    rb"(?:X-Alumnimail: (-?\d{1,4})( as-is)?( open)?\r?\n)?"
)
_NOT_IN_SENDER = re.compile(rb"[^!-~]+")
MAX_SENDER = 320  # octets in a From line
_MONTH, _TIME = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)", rb"\d{1,2}:\d\d(?::\d\d)?"
_ZONE = rb"(?: +(?:[+-]\d{4}|[A-Z]{1,5}))?"
_DATE = rb"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +(?:%b +\d{1,2} +%b%b%b +\d{4}%b|\d{1,2} +%b +\d{4} +%b%b)" % (
    _MONTH,
    _TIME,
    _ZONE,
    _ZONE,
    _ZONE,
    _MONTH,
    _TIME,
    _ZONE,
)
_DATED = re.compile(rb"From (?:(.{0,400}?)[ \t]+)?(%b)(?: remote from \S+)?[ \t]*" % _DATE)
_LONE = re.compile(rb"From [ \t]*+\S{0,400}+[ \t]*+")  # Thunderbird: `From - `, or nothing after the word
_ODD = re.compile(rb"From [ \t]*(?:-|\S{1,100}@\S{1,300}|MAILER-DAEMON)[ \t].*\d{1,2}[:.]\d\d.*")
# as git format-patch begins its files
_PATCH = re.compile(rb"From [0-9a-f]{40}(?:[0-9a-f]{24})? Mon Sep 17 00:00:00 2001")
_FIELD = re.compile(rb"([!-9;-~]{1,100})[ \t]*:")
_USUAL = frozenset(
    b"arc-seal authentication-results bcc cc content-length content-type date delivered-to dkim-signature envelope-to from"
    b" in-reply-to lines list-id message-id mime-version received references reply-to return-path sender status subject to"
    b" x-account-key x-evolution x-gm-thrid x-gmail-labels x-imap x-imapbase x-keywords x-mozilla-keys x-mozilla-status"
    b" x-mozilla-status2 x-original-to x-status x-uid x-uidl".split()
)
_LOOK_LINES, _LOOK_OCTETS, _MANY = (
    60,
    65_536,
    3,
)  # how far after a From line we look for a header; fields that are enough
_LENGTH = re.compile(rb"(?im)^content-length[ \t]*:[ \t]*(\d{1,12})[ \t]*\r?$")
_OLD_MAC = re.compile(rb"From [^\r\n]*\r[!-9;-~]+:")
_ANY_LINE = re.compile(rb"[^\r\n]*(\r\n|\r|\n)?")
_BARE = re.compile(rb"^From ", re.MULTILINE)
_FORMS = (
    "%a %b %d %H:%M:%S %Y", "%a %b %d %H:%M %Y", "%a %b %d %H:%M:%S %z %Y", "%a %b %d %H:%M %z %Y", "%a %b %d %H:%M:%S %Y %z",
    "%a %b %d %H:%M %Y %z", "%a %d %b %Y %H:%M:%S %z", "%a %d %b %Y %H:%M %z", "%a %d %b %Y %H:%M:%S", "%a %d %b %Y %H:%M",
)  # fmt: skip
MINUTES_OF_DAY = 24 * 60
_INTERNAL = re.compile(rb"(?im)^x-imap[ \t]*:")  # the first message of c-client's files is none
OLDEST = datetime(1971, 1, 1, tzinfo=UTC)  # earlier dates of other programs are nobody's


class NotMbox(Exception):
    """There are octets, and no message begins where one must."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A message from a file; `at` is None where the file does not know when it came.

    Attributes:
        labels: Gmail's, or None.
    """

    octets: bytes
    flags: frozenset[str] = frozenset()
    at: datetime | None = None
    labels: tuple[str, ...] | None = None


# Writing


def write(
    pieces: Callable[[], Iterable[bytes]], flags: Iterable[str], at: datetime, sender: bytes = b""
) -> Iterator[bytes]:
    """Write a message as it stands in the file, piece by piece: a large one is never in memory as a whole.

    Args:
        pieces: gives its octets in any cut; asked twice, as what ends its lines is told before them.
        sender: of its envelope; whatever a From line cannot hold goes.
    """
    flags = frozenset(flags)
    marks = "".join(letter for letter, flag in mbox_marks.STATUS.items() if letter != "R" and flag in flags)
    keywords = " ".join(sorted(flag for flag in flags if is_keyword(flag)))
    ends = _ends_of(pieces())
    zone = int((at.utcoffset() or timedelta()).total_seconds()) // 60
    noted = f"X-Alumnimail: {zone}{' as-is' if ends.as_is else ''}{' open' if ends.open else ''}\n"
    who = _NOT_IN_SENDER.sub(b"", sender)[:MAX_SENDER] or b"MAILER-DAEMON"
    status = "RO" if "\\Seen" in flags else "O"
    yield (
        b"From %b %b\n" % (who, _asctime(at))
        + f"Status: {status}\nX-Status: {marks}\nX-Keywords: {keywords}\n{noted}".encode()
    )
    held: list[bytes] = []  # a line that has not ended
    for piece in pieces():
        end = piece.rfind(b"\n") + 1
        if end:
            yield _in_file(b"".join((*held, piece[:end])), as_is=ends.as_is)
            held = []
        held.append(piece[end:])
    rest = b"".join(held)
    yield (_in_file(rest, as_is=True) + b"\n" if rest else b"") + b"\n"


def _asctime(at: datetime) -> bytes:
    utc = at.astimezone(UTC)
    return f"{utc.strftime('%a %b %d %H:%M:%S')} {utc.year:04d}".encode()


@dataclass(frozen=True, slots=True)
class _Ends:
    """Line ends of a message: `as_is` if not every one is CRLF; `open` if the last line has none."""

    as_is: bool
    open: bool


def _ends_of(pieces: Iterable[bytes]) -> _Ends:
    feeds = pairs = 0
    last = b""
    for piece in pieces:
        feeds += piece.count(b"\n")
        pairs += piece.count(b"\r\n") + (last == b"\r" and piece.startswith(b"\n"))
        last = piece[-1:] or last
    return _Ends(feeds != pairs, last not in (b"", b"\n"))


def _in_file(lines: bytes, *, as_is: bool) -> bytes:
    lines = lines if as_is else lines.replace(b"\r\n", b"\n")
    return _QUOTE.sub(rb">\1", lines) if b"From " in lines else lines  # the look is 30 times quicker than the search


# Reading


def read(lines: Iterable[bytes], limit: int) -> Iterator[Stored | None]:
    """Read the messages of a file, one at a time; None stands for one of more than `limit` octets.

    Args:
        lines: with their ends, such as an open file; long ones may come in pieces.

    Raises:
        NotMbox: the file has octets and does not begin with a message.
    """
    reader = _Reader(lines, limit)
    begin = reader.first()
    while begin:
        found = reader.message(begin)
        if not _is_internal(found):
            yield _stored(found, limit)
        begin = reader.begin


@dataclass(frozen=True, slots=True)
class _Found:
    """A message as it stands in the file: its From line, its lines with their ends, None for too many of them.

    Attributes:
        counted: Content-Length gave its end.
    """

    begin: bytes
    octets: bytes | None
    counted: bool = False


class _Reader:
    """Cuts a file at the lines where messages begin; looks ahead where one line does not tell."""

    def __init__(self, lines: Iterable[bytes], limit: int) -> None:
        self._lines, self._limit = _with_line_feeds(iter(lines)), limit
        self._held: deque[bytes] = deque()  # read ahead
        self._in_vain = 0
        self._of_patches = False
        self.begin = b""  # the From line of the next message

    def _next(self) -> bytes:
        return self._held.popleft() if self._held else next(self._lines, b"")

    def first(self) -> bytes:
        """Read the first From line, b"" in an empty file.  Raises NotMbox."""
        some = False
        while line := self._next():
            some = True
            if line.strip():
                self._of_patches = bool(_PATCH.fullmatch(line.rstrip(b"\r\n")))
                if _DATED.fullmatch(line.rstrip(b"\r\n")) or (line.startswith(b"From ") and self._is_header(1)):
                    return line
                if _LONE.fullmatch(line.rstrip(b"\r\n")) and not self._ahead():
                    return line
                raise NotMbox
        if some:
            raise NotMbox
        return b""

    def message(self, begin: bytes) -> _Found:
        """Read the message after this From line; `begin` is the next one's afterwards."""
        self.begin = b""
        text, size, in_header, blank, whole = bytearray(), 0, True, False, True
        while line := self._next():
            if whole and line.startswith(b"From "):
                if not size and _DATED.fullmatch(line.rstrip(b"\r\n")):
                    begin = line  # twice, as some programs write it
                    continue
                if self._is_beginning(line, blank):
                    self.begin = line
                    break
            blank, whole = whole and line in (b"\n", b"\r\n"), line.endswith(b"\n")
            size += len(line)
            if size <= self._limit + _LOOK_OCTETS:
                text += line
            elif text:
                text = bytearray()  # it is too large, and left out
            if in_header and blank:
                in_header = False
                if not _PREFIX.match(text) and (counted := self._counted(bytes(text))) is not None:
                    return _Found(begin, bytes(text) + counted, counted=True)
        return _Found(begin, bytes(text) if size <= self._limit + _LOOK_OCTETS else None)

    def _is_beginning(self, line: bytes, blank: bool) -> bool:
        """Does a message begin here?

        With a date, after an empty line: yes, unless text follows.  With a date and no empty line, or with a word or nothing
        after `From `: where a header follows.  With anything else that looks like a sender and a time: after an empty line,
        where a header follows.  Other lines are somebody's text, also a patch that was pasted into a message.
        """
        line = line.rstrip(b"\r\n")
        if not self._of_patches and _PATCH.fullmatch(line):
            return False
        if _DATED.fullmatch(line):
            return not self._is_text() if blank else self._is_header(1)
        if _LONE.fullmatch(line):
            return self._is_header(1 if blank else 2)
        return blank and _ODD.fullmatch(line) is not None and self._is_header(2)

    def _ahead(self) -> list[bytes]:
        """Look ahead to the next lines, up to an empty one."""
        size = 0
        for number in range(_LOOK_LINES):
            if number == len(self._held):
                if not (line := next(self._lines, b"")):
                    return list(self._held)
                self._held.append(line)
            line = self._held[number]
            size += len(line)
            if not line.strip(b"\r\n") or size > _LOOK_OCTETS or line.startswith(b"From "):
                return [self._held[at] for at in range(number + 1)]
        return [self._held[at] for at in range(_LOOK_LINES)]

    def _is_header(self, least: int) -> bool:
        """Do the next lines hold so many fields that mail has, and nothing but fields before an empty line?"""
        fields, usual, pure = 0, 0, True
        for line in self._ahead():
            if not line.strip(b"\r\n"):
                break
            if found := _FIELD.match(line):
                fields += 1
                usual += found[1].lower() in _USUAL
            elif not (fields and line[:1] in (b" ", b"\t")):
                pure = False
                break
        return usual >= least and (pure or usual >= _MANY)

    def _is_text(self) -> bool:
        """Are there words before the next empty line, and none of them a field that mail has?  An empty header says nothing."""
        lines = [line for line in self._ahead() if line.strip(b"\r\n") and not _QUOTE.match(line)]
        named = (found[1].lower() for line in lines if (found := _FIELD.match(line)))
        return any(not _FIELD.match(line) for line in lines[:1]) and not any(name in _USUAL for name in named)

    def _counted(self, head: bytes) -> bytes | None:
        """Return the body, where Content-Length leads to the end of the file or before another From line."""
        found = _LENGTH.search(head)
        if not found or int(found[1]) > self._limit or self._in_vain > self._limit:
            return None
        body, gap, size = list[bytes](), list[bytes](), 0
        while size < int(found[1]) and (line := self._next()):
            body.append(line)
            size += len(line)
        while (after := self._next()) and not after.strip(b"\r\n") and len(gap) < _LOOK_LINES:
            gap.append(after)
        whole = not body or not after or body[-1].endswith(b"\n")
        if whole and 0 <= size - int(found[1]) <= len(b"\r\n") and (not after or after.startswith(b"From ")):
            self.begin = after
            return b"".join(body)
        self._in_vain += size + 1  # after so many octets, no such field of the file is believed
        self._held.extendleft(reversed([*body, *gap, after] if after else [*body, *gap]))
        return None


def _with_line_feeds(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Strip the mark of UTF-8, and end lines that end with CR alone, as on an old Macintosh, with LF."""
    first = next(lines, b"").removeprefix(codecs.BOM_UTF8)
    if not _OLD_MAC.match(first):
        yield first
        yield from lines
        return
    for piece in chain([first], lines):
        yield from (
            line[0].rstrip(b"\r\n") + (b"\n" if line[1] else b"") for line in _ANY_LINE.finditer(piece) if line[0]
        )


# One message


def _stored(found: _Found, limit: int) -> Stored | None:
    """Return the message that was found, without its program's marks, or None if it is too large."""
    if found.octets is None:
        return None
    prefix = _PREFIX.match(found.octets)
    message = _ours(found, found.octets, prefix) if prefix else _others(found, found.octets)
    return message if len(message.octets) <= limit else None


def _ours(found: _Found, text: bytes, prefix: "re.Match[bytes]") -> Stored:
    """Read a message written by us: fields of the same names in the message itself are the message's own."""
    status, keywords, zone, as_is, is_open = prefix.groups()
    is_crlf = found.begin.endswith(b"\r\n")  # since then, somebody gave all its lines other ends
    end = b"\r\n" if is_crlf else b"\n"
    text = text[prefix.end() :]
    if zone or text == end or text.endswith(end * 2):
        text = text.removesuffix(end)
    text = _UNQUOTE.sub(rb"\1", text)
    if not as_is:
        text = (text if zone and not is_crlf else text.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
        end = b"\r\n"
    text = text.removesuffix(end) if is_open else text
    if zone:
        words = frozenset(word for word in keywords.decode("latin-1").split(" ") if is_keyword(word))
    else:
        words = mbox_marks.words(keywords.decode("latin-1"))  # of an earlier release
    marks = mbox_marks.read(status)
    at = _date(found.begin)
    if at and zone and abs(int(zone)) < MINUTES_OF_DAY:
        at = at.astimezone(timezone(timedelta(minutes=int(zone))))
    system = {flag for flag in marks.flags if flag.startswith("\\")}
    return Stored(text, frozenset(system | words), at or date_of(header.split(text)[0]))


def _others(found: _Found, text: bytes) -> Stored:
    """Read a message of another program: what it noted becomes flags, and every line ends with CRLF."""
    text = _mended_head(text.replace(b"\r\n", b"\n"))
    if not found.counted and (text == b"\n" or text.endswith(b"\n\n")):
        shorter = text[:-1]  # without the empty line that parts messages, unless it is the one that ends the header
        if not shorter or shorter.startswith(b"\n") or b"\n\n" in shorter:
            text = shorter
    if not (found.counted and _BARE.search(text)):  # such a file quotes nothing, so it does not take away either
        text = _UNQUOTE.sub(rb"\1", text)
    if text and not text.endswith(b"\n"):
        text += b"\n"
    octets = text.replace(b"\n", b"\r\n")
    block, body = header.split(octets)
    marks = mbox_marks.read(block)
    kept = header.without(
        block, lambda name, _value: mbox_marks.is_mark(name) or (found.counted and name.lower() == "content-length")
    )
    at = _date(found.begin)
    return Stored(kept + octets[body:], marks.flags, at if at and at >= OLDEST else date_of(kept), marks.labels)


def _mended_head(text: bytes) -> bytes:
    """Strip From lines that were quoted when a file was written into another; some programs quote the field From, too."""
    if doubled := _QUOTED_LINES.match(text):
        text = text[doubled.end() :]
    block = text[: header.end(text, 0, len(text))]
    if _QUOTED_FIELD.search(block) and not _FROM_FIELD.search(block):
        text = _QUOTED_WORD.sub(rb"\1", text)  # such a program quotes whatever begins with the word
    return text


def _is_internal(found: _Found) -> bool:
    """Is it the first message of a file of c-client, which holds its own notes?"""
    head = (found.octets or b"")[:_LOOK_OCTETS]
    return _INTERNAL.search(head) is not None and b"FOLDER INTERNAL DATA" in head and not _PREFIX.match(head)


def _date(begin: bytes) -> datetime | None:
    """`From sender Tue Nov 24 10:00:00 2026`, UTC where no zone is given."""
    found = _DATED.fullmatch(begin.rstrip(b"\r\n"))
    if not found:
        return None
    text = " ".join(re.sub(r" [A-Z]{1,5}(?= |$)", "", found[2].decode("ascii")).replace(",", "").split())
    for form in _FORMS:
        try:
            at = datetime.strptime(text, form)  # noqa: DTZ007 - mbox has no zone, and means UTC
        except ValueError:
            continue
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    return None


def date_of(block: bytes) -> datetime | None:
    """Return the time of the Date field, if it is a possible one."""
    at = dates.parse(header.text(block, "date"))
    return at if at and at >= OLDEST else None
