"""Criteria (mail/asking/criteria.py) asked of the messages of a mailbox: SQL as far as it goes, a test in Python for the rest.

`narrow` is one statement over messages and summaries.  What SQL cannot say (any header field, text of the body) is a
test on the rows that are left; the parts of it that SQL can say come along as columns.  The text of a body is looked
at only where the search index (store/mail/search.py) cannot rule the message out.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from mailcore.domain import MailboxId
from mailcore.mail.asking import ids
from mailcore.mail.asking.criteria import (
    AllOf,
    AnyOf,
    Arrived,
    ArrivedAt,
    Body,
    Changed,
    Criterion,
    EmailId,
    Everything,
    Field,
    Flag,
    Header,
    Keyword,
    Larger,
    Not,
    Nothing,
    Saved,
    Sent,
    Smaller,
    Text,
    ThreadId,
    Uids,
)
from mailcore.mail.reading import header, text
from mailcore.mail.showing import searchable
from mailcore.mail.showing.raw_look import RawLook
from mailcore.mail.showing.searchable import Searchable
from mailcore.mail.showing.text_marks import MarkLook
from mailcore.store.engine.db import Row, Tx
from mailcore.store.mail import flags, text_marks, uidset
from mailcore.store.mail.blobs import Blobs
from mailcore.store.mail.search import Hits

EPOCH_DAY = 719_163  # 1970-01-01 as an ordinal
MAX_RANGES = 400  # of UIDs in one statement; sets in more pieces are tested here
FEW_RANGES = 4  # in what narrows nothing: SQL looks at each of them for each row, a test only at a few
MAX_LOOKED_AT = 2**20  # octets of a message that no index knows; larger ones are read at once
LOOKED_AT_ONCE = 2**23  # octets in memory
_DAY = f"(m.internal_date+m.zone*60)/86400+{EPOCH_DAY}"

Sql = tuple[str, tuple[object, ...]]
UID, SIZE, BLOB, PREFIX, COLUMNS = 0, 1, 2, 3, 4  # of a row that `narrow` gives


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row that is left, with what a test may ask of its octets."""

    row: Row
    hits: Hits
    header: Callable[[], bytes]
    folded: Callable[[], str]  # the header as text
    said: Callable[[], Searchable]


Test = Callable[[Candidate], bool]


@dataclass(frozen=True, slots=True)
class Plan:
    """Plan for answering a criterion.  `texts` are those of Body and Text: ask the index for them first.

    `needed` are those without which nothing matches.
    """

    where: str
    params: tuple[object, ...]
    columns: tuple[Sql, ...]
    test: Test | None
    texts: frozenset[str]
    reads_header: bool
    needed: tuple[Body | Text, ...] = ()
    index: str = ""  # SQLite's planner has to be told of the index of unseen messages

    def narrow(self, tx: Tx, mailbox: MailboxId) -> list[Row]:
        """Return the rows of the messages that may match, by uid: uid, size, blob, prefix, then the test's columns."""
        columns = "".join(f",({sql})" for sql, _ in self.columns)
        prefix = "m.prefix" if self.reads_header else "NULL"
        params = [param for _, own in self.columns for param in own]
        return tx.rows(
            f"SELECT m.uid,m.size,m.blob,{prefix}{columns} FROM message m {self.index}"  # noqa: S608
            " LEFT JOIN summary s ON s.blob=m.blob"
            f" WHERE m.mailbox=? AND {self.where} ORDER BY m.uid",
            *params,
            mailbox,
            *self.params,
        )

    def possible(self, rows: list[Row], hits: Hits) -> list[Row]:
        """Return the rows that the index does not rule out."""
        for one in self.needed:
            possible = hits.possible(one.text)
            if isinstance(one, Body):
                rows = [row for row in rows if possible(row[BLOB])]
            else:
                word = _longest_word(one.text)
                rows = [row for row in rows if possible(row[BLOB]) or word in _upper(row[PREFIX])]
        return rows

    def narrow_to(self, tx: Tx, mailbox: MailboxId, blobs: Sequence[int]) -> list[Row]:
        """Return the same of messages of these blobs."""
        columns = "".join(f",({sql})" for sql, _ in self.columns)
        params = [param for _, own in self.columns for param in own]
        return tx.rows(
            f"SELECT m.uid,m.size,m.blob,m.prefix{columns}"  # noqa: S608
            " FROM (SELECT DISTINCT value AS blob FROM json_each(?)) c"
            " CROSS JOIN message m ON m.blob=c.blob LEFT JOIN summary s ON s.blob=m.blob"
            f" WHERE +m.mailbox=? AND {self.where} ORDER BY m.uid",
            *params,
            json.dumps(blobs),
            mailbox,
            *self.params,
        )

    def confirm(
        self,
        tx: Tx,
        blobs: Blobs,
        rows: Sequence[Row],
        hits: Hits,
        may_read: Callable[[int], bool] | None = None,
        may_look: Callable[[], bool] | None = None,
    ) -> list[int]:
        """UIDs of the rows that do match.

        Args:
            may_read: asked with the octets of a message whose text no index knows; a row that needs a text which may not be
                read does not match.
            may_look: asked before the octets of some megabytes are looked at, which spares the reading of most of them.
        """
        if self.test is None:
            return [row[UID] for row in rows]
        if self.needed and (may_look is None or may_look()):
            rows = self._look(tx, rows, hits)
        return [row[UID] for row in rows if _passes(self.test, _candidate(tx, blobs, row, hits, may_read))]

    def _look(self, tx: Tx, rows: Sequence[Row], hits: Hits) -> list[Row]:
        """Leave out those that no index knows, and whose octets as they came are without a text that is needed."""
        rows = self._without_marked(tx, rows, hits)
        looks = [(one, _raw_look(one.text)) for one in self.needed]
        looks = [(one, look) for one, look in looks if look.is_useful]
        unknown = set(hits.unknown({row[BLOB] for row in rows if row[SIZE] <= MAX_LOOKED_AT})) if looks else set()
        left: list[Row] = []
        for some in batches(rows, LOOKED_AT_ONCE):
            ruled_out = _ruled_out(tx, looks, some, unknown)
            left += [row for row in some if row[UID] not in ruled_out]
        return left

    def _without_marked(self, tx: Tx, rows: Sequence[Row], hits: Hits) -> Sequence[Row]:
        """Leave out those that no index knows, and whose mark is without a text that is needed."""
        looks = [(one, look) for one in self.needed if (look := MarkLook(one.text)).is_useful]
        unknown = hits.unknown({row[BLOB] for row in rows}) if looks else []
        marks = dict(text_marks.get_marks(tx, unknown)) if unknown else {}
        for one, look in looks:
            out = {blob for blob, mark in marks.items() if not look.may_have(mark)}
            if isinstance(one, Body):
                rows = [row for row in rows if row[BLOB] not in out]
            else:  # trace fields are not in the octets
                word = _longest_word(one.text)
                rows = [row for row in rows if row[BLOB] not in out or word in _upper(row[PREFIX])]
        return rows


def _ruled_out(tx: Tx, looks: list[tuple[Body | Text, RawLook]], rows: Sequence[Row], unknown: set[int]) -> set[int]:
    """Return the uids of the rows that a look rules out."""
    wanted = json.dumps([row[BLOB] for row in rows if row[BLOB] in unknown])
    octets = {
        blob: found
        for blob, *found in tx.rows(
            "SELECT o.blob,o.octets,length(b.header),b.structure FROM (SELECT DISTINCT value AS blob FROM json_each(?)) c"
            " CROSS JOIN blob_octets o ON o.blob=c.blob CROSS JOIN blob b ON b.id=o.blob",
            wanted,
        )
    }
    out = set()
    for row in rows:
        if found := octets.get(row[BLOB]):
            for one, look in looks:
                with_header = isinstance(one, Text)
                # trace fields are not in the octets
                if not look.may_have(*found, with_header=with_header) and not (
                    with_header and _longest_word(one.text) in _upper(row[PREFIX])
                ):
                    out.add(row[UID])
                    break
    return out


def _longest_word(wanted: str) -> bytes:
    """A word cannot be folded over two lines."""
    return max(wanted.split() or [""], key=len).encode("utf-8", "surrogatepass")


@lru_cache(64)
def _raw_look(wanted: str) -> RawLook:
    return RawLook(wanted)


class _NotRead(Exception):
    """The text of a message decides, and it may not be read now."""


def _passes(test: Test, candidate: Candidate) -> bool:
    try:
        return test(candidate)
    except _NotRead:
        return False


def _upper(prefix: bytes | None) -> bytes:
    """Trace fields, folded as `wanted` is."""
    if prefix is None or prefix.isascii():
        return (prefix or b"").upper()
    return text.fold(text.header_text(prefix)).encode("utf-8", "surrogatepass")


def _candidate(tx: Tx, blobs: Blobs, row: Row, hits: Hits, may_read: Callable[[int], bool] | None = None) -> Candidate:
    @cache  # of one row: hundreds of tests may ask
    def block() -> bytes:
        return bytes(row[PREFIX] or b"") + blobs.header(tx, row[BLOB])

    @cache
    def folded() -> str:
        return text.fold(text.header_text(block()))

    @cache
    def said() -> Searchable:
        if known := hits.find_text(row[BLOB]):
            return known
        if may_read is not None and not may_read(row[SIZE]):
            raise _NotRead
        return searchable.read(blobs.octets(tx, row[BLOB]))

    return Candidate(row, hits, block, folded, said)


def plan(criterion: Criterion) -> Plan:
    """Translate a criterion; the parts of an AND are divided into SQL and the rest."""
    exact: list[Sql] = []
    rest: list[Criterion] = []
    ranges = MAX_RANGES
    for one in _conjuncts(criterion):
        found = _sql(one, ranges)
        if found is not None and isinstance(one, Uids):
            ranges = max(ranges - len(one.ranges), FEW_RANGES)
        if found is None:
            rest.append(one)
        else:
            exact.append(found)
    columns: list[Sql] = []
    test = _test(AllOf(tuple(rest)), columns) if rest else None
    return Plan(
        " AND ".join(f"({sql})" for sql, _ in exact) or "TRUE",
        tuple(param for _, own in exact for param in own),
        tuple(columns),
        test,
        frozenset(_texts(criterion)),
        test is not None and _reads_header(AllOf(tuple(rest))),
        tuple(one for one in rest if isinstance(one, Body | Text)),
        "INDEXED BY message_unseen" if ("m.flags & 1 = 0", ()) in exact and ("FALSE", ()) not in exact else "",
    )


def _conjuncts(one: Criterion) -> Iterator[Criterion]:
    if isinstance(one, AllOf):
        for part in one.inside:
            yield from _conjuncts(part)
    else:
        yield one


def batches(rows: Sequence[Row], octets: int) -> Iterator[Sequence[Row]]:
    """Yield the rows in portions whose messages together have about so many octets."""
    start = held = 0
    for at, row in enumerate(rows):
        if held and held + row[SIZE] > octets:
            yield rows[start:at]
            start, held = at, 0
        held += row[SIZE]
    if start < len(rows):
        yield rows[start:]


def _sql(one: Criterion, most_ranges: int = FEW_RANGES) -> Sql | None:  # noqa: C901 - one case for each criterion
    """The criterion as SQL that is TRUE or FALSE, never NULL; None if SQL cannot say it, or not quickly."""
    match one:
        case Everything():
            return "TRUE", ()
        case Nothing():
            return "FALSE", ()
        case Flag(name):
            return f"m.flags & {flags.SYSTEM[name]} <> 0", ()
        case Keyword(name):
            return "instr(lower(m.keywords), ?) > 0", (f" {name.lower()} ",)
        case Uids(ranges):
            return _uids(ranges) if len(ranges) <= most_ranges else None
        case Larger(octets):
            return "m.size > ?", (octets,)
        case Smaller(octets):
            return "m.size < ?", (octets,)
        case Arrived(how, day):
            return f"{_DAY} {how.value} ?", (day,)
        case ArrivedAt(how, at):
            return f"m.internal_date {how.value} ?", (at,)
        case Sent(how, day):
            return f"COALESCE(s.sent_day, {_DAY}) {how.value} ?", (day,)
        case Saved(how, day):
            return f"m.saved_at > 0 AND m.saved_at/86400+{EPOCH_DAY} {how.value} ?", (day,)
        case Changed(modseq):
            return "m.modseq >= ?", (modseq,)
        case Field(name, wanted):
            column = f"s.{name.value}"
            if "\0" in wanted:
                return "FALSE", ()
            return f"{column} IS NOT NULL AND instr({column}, ?) > 0", (wanted,)
        case Not(Flag("\\Seen")):
            return "m.flags & 1 = 0", ()  # as the index of unseen messages has it
        case Not(inside):
            found = _sql(inside)
            return (f"NOT ({found[0]})", found[1]) if found else None
        case AllOf(inside) | AnyOf(inside):
            parts = [_sql(part) for part in inside]
            joint = " AND " if isinstance(one, AllOf) else " OR "
            told = [part for part in parts if part is not None]
            if len(told) < len(parts):
                return None
            return joint.join(f"({sql})" for sql, _ in told), tuple(param for _, own in told for param in own)
        case Header() | Body() | Text() | EmailId() | ThreadId():
            return None


def _uids(ranges: tuple[tuple[int, int], ...]) -> Sql:
    if not ranges:
        return "FALSE", ()
    return " OR ".join("m.uid BETWEEN ? AND ?" for _ in ranges), tuple(end for pair in ranges for end in pair)


def _test(one: Criterion, columns: list[Sql]) -> Test:
    """The same in Python; what SQL can say is read from a column of the row."""
    if found := _sql(one):
        at = COLUMNS + len(columns)
        columns.append(found)
        return lambda got: bool(got.row[at])
    match one:
        case Not(inside):
            inner = _test(inside, columns)
            return lambda got: not inner(got)
        case AllOf(inside):
            every = [_test(part, columns) for part in inside]
            return lambda got: all(test(got) for test in every)
        case AnyOf(inside):
            some = [_test(part, columns) for part in inside]
            return lambda got: any(test(got) for test in some)
        case Uids(ranges):
            is_within = uidset.within(ranges)
            return lambda got: is_within(got.row[UID])
        case Header(name, wanted):
            return lambda got: any(wanted in text.fold(value) for value in header.values(got.header(), name))
        case EmailId(wanted_id):
            return lambda got: ids.email_id(got.row[BLOB], got.header()) == wanted_id
        case ThreadId(wanted_id):
            return lambda got: ids.thread_id(got.header()) == wanted_id
        case Body(wanted):
            return lambda got: got.hits.may_have(wanted, got.row[BLOB]) and wanted in got.said().body
        case Text(wanted):
            return lambda got: _in_text(wanted, got)
        case _:
            raise AssertionError(one)  # SQL says all others


def _in_text(wanted: str, got: Candidate) -> bool:
    if got.hits.may_have(wanted, got.row[BLOB]):
        if wanted in got.folded():
            return True
        said = got.said()
        return wanted in said.body or wanted in said.fields
    return wanted in text.fold(text.header_text(bytes(got.row[PREFIX] or b"")))  # trace fields are not in the index


def _reads_header(one: Criterion) -> bool:
    match one:
        case Not(inside):
            return _reads_header(inside)
        case AllOf(inside) | AnyOf(inside):
            return any(map(_reads_header, inside))
        case _:
            return isinstance(one, Header | Text | EmailId | ThreadId)


def _texts(one: Criterion) -> Iterator[str]:
    match one:
        case Body(wanted) | Text(wanted):
            yield wanted
        case Not(inside):
            yield from _texts(inside)
        case AllOf(inside) | AnyOf(inside):
            for part in inside:
                yield from _texts(part)
