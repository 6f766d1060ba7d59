"""The keys of SEARCH (RFC 3501 section 6.4.4), as tests that are tried from cheap to dear.  No I/O."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime

from mailcore.domain import MessageInfo
from mailcore.imap.sequence import NumberSet, Ranges
from mailcore.imap.status import BadCharset, UidRequired
from mailcore.mail import header, ids, text
from mailcore.wire.reader import Reader, SyntaxProblem

CHEAP, HEADER, WHOLE = 0, 1, 2  # what a key must look at: flags and numbers, the header block, all octets
MAX_DEPTH = 30
MAX_KEYS = 500
_DATE = re.compile(rb'"?(\d{1,2})-([A-Za-z]{3})-(\d{4})"?')
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


@dataclass(slots=True)
class Candidate:
    """A message under the question; the octets are read only if a key asks."""

    seq: int
    info: MessageInfo
    header: bytes = b""
    load: Callable[[], bytes] | None = None
    _octets: bytes | None = None

    def octets(self) -> bytes:
        if self._octets is None:
            self._octets = self.load() if self.load is not None else b""
        return self._octets


@dataclass(frozen=True, slots=True)
class Key:
    cost: int
    test: Callable[[Candidate], bool]


@dataclass(slots=True)
class Scope:
    """What `*` means, and which charset the strings are in."""

    uids_top: int
    seqs_top: int
    charset: str = "utf-8"
    keys: int = 0
    saved: frozenset[int] = frozenset()  # UIDs that `$` stands for (RFC 5182)
    uid_only: bool = False  # the client has given up sequence numbers (RFC 9586)
    by_modseq: bool = False  # a key asked for modseqs (RFC 7162 section 3.1.5)
    now: int = 0  # seconds since 1970, for OLDER and YOUNGER (RFC 5032)
    saved_at: dict[int, int] | None = None  # by UID: filled before the search, if a key asked for it (RFC 8514)


def all_of(keys: list[Key]) -> Key:
    ordered = sorted(keys, key=lambda key: key.cost)
    if len(ordered) == 1:
        return ordered[0]
    return Key(max(key.cost for key in ordered), lambda got: all(key.test(got) for key in ordered))


def parse_charset(read: Reader, scope: Scope) -> None:
    """["CHARSET" SP charset SP]"""
    if not read.take(b"CHARSET "):
        return
    name = read.astring().decode("ascii", "replace").upper()
    if name not in ("UTF-8", "US-ASCII"):
        raise BadCharset
    read.space()


def parse_keys(read: Reader, scope: Scope, depth: int = 0) -> list[Key]:
    """search-key *(SP search-key)"""
    found = [_key(read, scope, depth)]
    while read.take(b" "):
        found.append(_key(read, scope, depth))
    return found


def _key(read: Reader, scope: Scope, depth: int) -> Key:
    scope.keys += 1
    if depth > MAX_DEPTH or scope.keys > MAX_KEYS:
        raise SyntaxProblem("the search is too large")
    if read.take(b"("):
        keys = parse_keys(read, scope, depth + 1)
        read.expect(b")", "a closing parenthesis")
        return all_of(keys)
    if read.take(b"$"):
        saved = scope.saved
        return Key(CHEAP, lambda got: got.info.uid in saved)
    if any(read.sees(bytes([char])) for char in b"0123456789*"):
        if scope.uid_only:
            raise UidRequired
        return _numbers(NumberSet.parse(read).spans(scope.seqs_top), by_uid=False)
    name = read.atom().upper().decode("ascii")
    if name in _FLAGS:
        flag, wanted = _FLAGS[name]
        return Key(CHEAP, lambda got: (flag in got.info.flags) is wanted)
    if name in _FIXED:
        return _FIXED[name]
    read.space()
    if name == "NOT":
        inner = _key(read, scope, depth + 1)
        return Key(inner.cost, lambda got: not inner.test(got))
    if name == "FUZZY":  # RFC 6203: what contains the words is what resembles them most
        return _key(read, scope, depth + 1)
    if name == "OR":
        one = _key(read, scope, depth + 1)
        read.space()
        two = _key(read, scope, depth + 1)
        return Key(max(one.cost, two.cost), lambda got: one.test(got) or two.test(got))
    if name == "MODSEQ":
        return _modseq(read, scope)
    if name == "UID" and read.take(b"$"):
        saved = scope.saved
        return Key(CHEAP, lambda got: got.info.uid in saved)
    if name == "UID":
        return _numbers(NumberSet.parse(read).spans(scope.uids_top), by_uid=True)
    if name in ("KEYWORD", "UNKEYWORD"):
        return _keyword(read.atom().decode("ascii"), wanted=name == "KEYWORD")
    if name in ("OLDER", "YOUNGER"):
        return _age(read, scope, name)
    if name in ("SAVEDBEFORE", "SAVEDON", "SAVEDSINCE"):
        return _saved(read, scope, name.removeprefix("SAVED"))
    if name in ("EMAILID", "THREADID"):
        return _id(read, name)
    return _with_argument(read, name)


def _age(read: Reader, scope: Scope, name: str) -> Key:
    border = scope.now - read.number()
    if name == "OLDER":
        return Key(CHEAP, lambda got: got.info.internal_date.timestamp() <= border)
    return Key(CHEAP, lambda got: got.info.internal_date.timestamp() >= border)


def _saved(read: Reader, scope: Scope, how: str) -> Key:
    day = _date(read)
    saved_at = scope.saved_at = {} if scope.saved_at is None else scope.saved_at

    def test(got: Candidate) -> bool:
        at = saved_at.get(got.info.uid, 0)
        return at > 0 and _compare(how, datetime.fromtimestamp(at, UTC).date(), day)

    return Key(CHEAP, test)


def _id(read: Reader, name: str) -> Key:
    wanted = read.atom()
    if name == "EMAILID":
        return Key(HEADER, lambda got: ids.email_id(got.info.blob, got.header) == wanted)
    return Key(HEADER, lambda got: ids.thread_id(got.header) == wanted)


def _with_argument(read: Reader, name: str) -> Key:
    if name in ("LARGER", "SMALLER"):
        size = read.number()
        return Key(
            CHEAP, (lambda got: got.info.size > size) if name == "LARGER" else (lambda got: got.info.size < size)
        )
    if name in ("BEFORE", "ON", "SINCE"):
        day = _date(read)
        return Key(CHEAP, lambda got: _compare(name, got.info.internal_date.date(), day))
    if name in ("SENTBEFORE", "SENTON", "SENTSINCE"):
        day = _date(read)
        return Key(HEADER, lambda got: _compare(name.removeprefix("SENT"), _sent(got), day))
    if name in ("FROM", "TO", "CC", "BCC", "SUBJECT"):
        return _field(name.lower(), _text(read))
    if name == "HEADER":
        field = read.astring().decode("ascii", "replace")
        read.space()
        return _field(field.lower(), _text(read))
    if name == "BODY":
        wanted = _text(read)
        return Key(WHOLE, lambda got: wanted in _folded(text.decoded(got.octets())))
    if name == "TEXT":
        wanted = _text(read)
        return Key(
            WHOLE,
            lambda got: (
                wanted in _folded(text.header_text(got.header)) or wanted in _folded(text.decoded(got.octets()))
            ),
        )
    raise SyntaxProblem(f"unknown search key {name}")


def _text(read: Reader) -> str:
    try:
        return _folded(read.astring().decode())
    except UnicodeDecodeError:
        raise BadCharset from None


def _folded(value: str) -> str:
    return value.casefold()


def _field(name: str, wanted: str) -> Key:
    def test(got: Candidate) -> bool:
        return any(wanted in _folded(value) for value in header.values(got.header, name))

    return Key(HEADER, test)


def _numbers(spans: Ranges, *, by_uid: bool) -> Key:
    if by_uid:
        return Key(CHEAP, lambda got: any(low <= got.info.uid <= high for low, high in spans))
    return Key(CHEAP, lambda got: any(low <= got.seq <= high for low, high in spans))


def _modseq(read: Reader, scope: Scope) -> Key:
    """["<entry name>" SP ("all" / "shared" / "priv") SP] mod-sequence-valzer; all entries have the message's own"""
    if read.quoted() is not None:
        read.space()
        read.atom()
        read.space()
    scope.by_modseq = True
    least = read.modseq()
    return Key(CHEAP, lambda got: got.info.modseq >= least)


def _keyword(keyword: str, *, wanted: bool) -> Key:
    lower = keyword.lower()
    return Key(CHEAP, lambda got: any(flag.lower() == lower for flag in got.info.flags) is wanted)


def _date(read: Reader) -> date:
    found = read.match(_DATE)
    month = found[2].decode().lower() if found else ""
    if found is None or month not in _MONTHS:
        raise SyntaxProblem("expected a date such as 1-Feb-2026")
    try:
        return date(int(found[3]), _MONTHS.index(month) + 1, int(found[1]))
    except ValueError:
        raise SyntaxProblem("that date does not exist") from None


def _compare(how: str, at: date | None, day: date) -> bool:
    if at is None:
        return False
    return at < day if how == "BEFORE" else at == day if how == "ON" else at >= day


def _sent(got: Candidate) -> date | None:
    """The day of the Date field as written, its zone disregarded; else the day it came."""
    for value in header.values(got.header, "date"):
        try:
            return parsedate_to_datetime(value).date()
        except (ValueError, TypeError, IndexError, OverflowError):
            break
    at: datetime = got.info.internal_date
    return at.astimezone(UTC).date()


_FLAGS = {
    "ANSWERED": ("\\Answered", True), "DELETED": ("\\Deleted", True), "DRAFT": ("\\Draft", True),
    "FLAGGED": ("\\Flagged", True), "SEEN": ("\\Seen", True), "UNANSWERED": ("\\Answered", False),
    "UNDELETED": ("\\Deleted", False), "UNDRAFT": ("\\Draft", False), "UNFLAGGED": ("\\Flagged", False),
    "UNSEEN": ("\\Seen", False),
}  # fmt: skip
_FIXED = {  # no message is \Recent here (RFC 9051 dropped it)
    "SAVEDATESUPPORTED": Key(CHEAP, lambda _: True),
    "ALL": Key(CHEAP, lambda _: True), "OLD": Key(CHEAP, lambda _: True),
    "NEW": Key(CHEAP, lambda _: False), "RECENT": Key(CHEAP, lambda _: False),
}  # fmt: skip
