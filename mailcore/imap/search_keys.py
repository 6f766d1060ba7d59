"""The keys of SEARCH (RFC 9051 section 6.4.4, RFC 7162 section 3.1.5), read into criteria.  No I/O."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mailcore.imap.dates import read_date
from mailcore.imap.recent import Claimed
from mailcore.imap.sequence import NumberSet
from mailcore.imap.status import BadCharset, UidRequired
from mailcore.mail.asking.criteria import (
    AllOf,
    AnyOf,
    Arrived,
    ArrivedAt,
    Body,
    Changed,
    Compare,
    Criterion,
    EmailId,
    Everything,
    Field,
    Flag,
    Header,
    Keyword,
    Larger,
    Not,
    Saved,
    Sent,
    Smaller,
    Summed,
    Text,
    ThreadId,
    Uids,
)
from mailcore.mail.reading.text import fold
from mailcore.store.mail.flags import SYSTEM
from mailcore.store.mail.uidset import ranges_of
from mailcore.wire.reader import Reader, SyntaxProblem

MAX_DEPTH = 30
MAX_KEYS = 500
CHARSETS = re.compile(  # those of mail; older clients ask in the one they type in
    r"utf-8|us-ascii|iso-8859-(?:[1-9]|1[013456])|windows-125[0-8]|koi8-[ru]|big5|gb2312|gbk|gb18030|shift_jis|euc-(?:jp|kr)"
    r"|iso-2022-(?:jp|kr)"
)
_NUMBERS_AHEAD = re.compile(rb"(?=[0-9*])")


@dataclass(slots=True)
class Scope:
    """Meaning of the numbers in a client's search keys, and the charset of its strings."""

    uids: Sequence[int]  # those the client knows, ascending
    charset: str = "utf-8"
    keys: int = 0
    saved: frozenset[int] = frozenset()  # UIDs that `$` stands for (RFC 5182)
    uid_only: bool = False  # the client has given up sequence numbers (RFC 9586)
    by_modseq: bool = False  # a key asked for modseqs (RFC 7162 section 3.1.5)
    recent: Claimed = ()  # UIDs that are \\Recent to the client (RFC 3501 section 6.4.4)
    now: int = 0  # seconds since 1970, for OLDER and YOUNGER (RFC 5032)

    def by_seq(self, numbers: NumberSet) -> Uids:
        """Find the messages of these sequence numbers; those there are."""
        uids, top = self.uids, len(self.uids)
        there = ((max(low, 1), min(high, top)) for low, high in numbers.spans(top))
        return Uids(tuple((uids[low - 1], uids[high - 1]) for low, high in there if low <= high))

    def by_uid(self, numbers: NumberSet) -> Uids:
        return Uids(tuple(numbers.spans(self.uids[-1] if len(self.uids) else 0)))


def all_of(keys: list[Criterion]) -> Criterion:
    return keys[0] if len(keys) == 1 else AllOf(tuple(keys))


def parse_charset(read: Reader, scope: Scope) -> None:
    """["CHARSET" SP charset SP]"""
    if not read.take_word(b"CHARSET "):
        return
    scope.charset = charset(read.astring())
    read.space()


def parse_keys(read: Reader, scope: Scope, depth: int = 0) -> list[Criterion]:
    """search-key *(SP search-key)"""
    found = [_key(read, scope, depth)]
    while read.take_word(b" "):
        found.append(_key(read, scope, depth))
    return found


def _key(read: Reader, scope: Scope, depth: int) -> Criterion:  # noqa: PLR0911 - a case for each kind of key
    scope.keys += 1
    if depth > MAX_DEPTH or scope.keys > MAX_KEYS:
        raise SyntaxProblem("the search is too large")
    if read.take_word(b"("):
        keys = parse_keys(read, scope, depth + 1)
        read.expect(b")", "a closing parenthesis")
        return all_of(keys)
    if read.take_word(b"$"):
        return _saved(scope)
    if read.match(_NUMBERS_AHEAD):
        if scope.uid_only:
            raise UidRequired
        return scope.by_seq(NumberSet.parse(read))
    name = read.atom().upper().decode("ascii")
    if name in _FIXED:
        return _FIXED[name]
    if name in ("RECENT", "OLD", "NEW"):
        return _recent(name, Uids(scope.recent))
    read.space()
    if name == "NOT":
        return Not(_key(read, scope, depth + 1))
    if name == "FUZZY":  # RFC 6203: what contains the words is what resembles them most
        return _key(read, scope, depth + 1)
    if name == "OR":
        one = _key(read, scope, depth + 1)
        read.space()
        return AnyOf((one, _key(read, scope, depth + 1)))
    if name == "MODSEQ":
        return _modseq(read, scope)
    if name == "UID":
        return _saved(scope) if read.take_word(b"$") else scope.by_uid(NumberSet.parse(read))
    if name in ("KEYWORD", "UNKEYWORD"):
        keyword = Keyword(read.atom().decode("ascii"))
        return keyword if name == "KEYWORD" else Not(keyword)
    if name == "OLDER":
        return ArrivedAt(Compare.BEFORE, scope.now - read.number() + 1)
    if name == "YOUNGER":
        return ArrivedAt(Compare.SINCE, scope.now - read.number())
    return _with_argument(read, scope, name)


def _recent(name: str, recent: Uids) -> Criterion:
    if name == "NEW":
        return AllOf((recent, Not(Flag("\\Seen"))))
    return Not(recent) if name == "OLD" else recent


def _with_argument(read: Reader, scope: Scope, name: str) -> Criterion:
    if name in _SIZES:
        return _SIZES[name](read.number64())
    if name in _DAYS:
        return Arrived(_DAYS[name], read_date(read))
    if name.startswith("SENT") and name[4:] in _DAYS:
        return Sent(_DAYS[name[4:]], read_date(read))
    if name.startswith("SAVED") and name[5:] in _DAYS:
        return Saved(_DAYS[name[5:]], read_date(read))
    if name in ("EMAILID", "THREADID"):
        return EmailId(read.atom()) if name == "EMAILID" else ThreadId(read.atom())
    if name in Summed.__members__:
        return Field(Summed[name], _text(read, scope))
    if name == "HEADER":
        return _header(read, scope)
    if name in ("BODY", "TEXT"):
        wanted = _text(read, scope)
        if not wanted:
            return Everything()  # the empty text is in every text
        return Body(wanted) if name == "BODY" else Text(wanted)
    raise SyntaxProblem(f"unknown search key {name}")


def _header(read: Reader, scope: Scope) -> Criterion:
    """ "HEADER" SP header-fld-name SP astring"""
    name = read.astring().decode("ascii", "replace")
    read.space()
    wanted = _text(read, scope)
    if name.upper() in Summed.__members__:
        return Field(Summed[name.upper()], wanted)
    return Header(name.lower(), wanted)


def _saved(scope: Scope) -> Criterion:
    return Uids(tuple(ranges_of(sorted(scope.saved))))


def _text(read: Reader, scope: Scope) -> str:
    try:
        return fold(read.astring().decode(scope.charset))
    except UnicodeDecodeError:
        raise BadCharset from None


def charset(name: bytes) -> str:
    """Return a charset that letters are written in, as Python names it; raises BadCharset."""
    written = name.decode("ascii", "replace").lower()
    if not CHARSETS.fullmatch(written):
        raise BadCharset
    return "utf-8" if written == "us-ascii" else written


def _modseq(read: Reader, scope: Scope) -> Criterion:
    """["<entry name>" SP ("all" / "shared" / "priv") SP] mod-sequence-valzer; all entries have the message's own"""
    if read.quoted() is not None:
        read.space()
        read.atom()
        read.space()
    scope.by_modseq = True
    return Changed(read.modseq())


_SIZES: dict[str, type[Larger] | type[Smaller]] = {"LARGER": Larger, "SMALLER": Smaller}
_DAYS = {"BEFORE": Compare.BEFORE, "ON": Compare.ON, "SINCE": Compare.SINCE}
_FIXED: dict[str, Criterion] = {
    "SAVEDATESUPPORTED": Everything(),
    "ALL": Everything(),
    **{name[1:].upper(): Flag(name) for name in SYSTEM},
    **{f"UN{name[1:].upper()}": Not(Flag(name)) for name in SYSTEM},
}
