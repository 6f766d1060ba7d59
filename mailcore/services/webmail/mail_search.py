"""Search over all mailboxes of an account, newest first: words, and from: to: subject: before: after: in: has:attachment."""

import re
import time
from dataclasses import dataclass, replace
from datetime import date

from mailcore.core import Core
from mailcore.domain import AccountId, Mailbox
from mailcore.mail.asking.criteria import AllOf, AnyOf, Arrived, Compare, Criterion, Everything, Field, Summed, Text
from mailcore.mail.reading.message import Message
from mailcore.mail.reading.text import fold
from mailcore.mail.showing import wrapped
from mailcore.services.webmail import indexing
from mailcore.services.webmail.mail_list import Line, has_file, line_of
from mailcore.store.engine.db import Row, Tx
from mailcore.store.mail import query as plans
from mailcore.store.mail.query import Plan
from mailcore.store.mail.search import Hits
from mailcore.store.webmail import lists as store

MAX_FOUND = 100
MAX_READ = 2**20  # octets of a message of which an excerpt is shown
READ_SECONDS = 5.0  # of processor time, for texts that no index knows yet: some thousand ordinary messages
READ_RATE = 4 * 2**20  # octets a second, at which a message must be likely to be read in what is left of it
EXCERPT_SECONDS = 1.0  # of processor time, for all of them; a hundred ordinary ones take a tenth
BEFORE, AROUND = 40, 120  # characters of an excerpt
FEW = 2000  # blobs that are looked up one by one
NEWEST = 300  # messages of a mailbox that may be too new for the index
CHUNK = 500  # messages looked at in one reading transaction
_FIELDS = {"from": Summed.FROM, "subject": Summed.SUBJECT}
_WORD = re.compile(r'(?:(from|to|subject|before|after|in|has):)?(?:"([^"]*)"|(\S+))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Query:
    """Terms are in lower case; all must hold."""

    words: tuple[str, ...] = ()
    fields: tuple[tuple[str, str], ...] = ()
    before: date | None = None
    after: date | None = None
    mailbox: str = ""
    has_file: bool = False

    @property
    def shown(self) -> tuple[str, ...]:
        """The words that a reader wants to see marked."""
        return (*self.words, *(value for _, value in self.fields))


@dataclass(frozen=True, slots=True)
class Hit:
    """`text` is a piece of the body around the first word that was found there."""

    mailbox: Mailbox
    line: Line
    text: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """Hits, newest first, and the number of messages whose text there was no time to read.

    These are found once the index knows them, which is asked for.
    """

    hits: tuple[Hit, ...] = ()
    unread: int = 0


class _Time:
    """Processor time of this thread that one search may read texts for."""

    def __init__(self) -> None:
        self._until = time.thread_time() + READ_SECONDS
        self.unread = 0

    def may_look(self) -> bool:
        return time.thread_time() <= self._until

    def may_read(self, octets: int) -> bool:
        """Say if there is time for a message of that size; who may not be read is counted."""
        if time.thread_time() + octets / READ_RATE <= self._until:
            return True
        self.unread += 1
        return False


def parse(asked: str) -> Query:
    """Parse a search.  What is no operator is a word; a date that is none is looked for as a word."""
    words: list[str] = []
    fields: list[tuple[str, str]] = []
    days: dict[str, date] = {}
    mailbox, has_file = "", False
    for found in _WORD.finditer(asked[:500]):
        operator, value = (found[1] or "").lower(), found[2] if found[2] is not None else found[3]
        if operator in ("from", "to", "subject"):
            fields.append((operator, value.lower()))
        elif operator in ("before", "after") and (day := _day(value)):
            days[operator] = day
        elif operator == "in":
            mailbox = "" if value.lower() == "any" else value
        elif operator == "has" and value.lower() == "attachment":
            has_file = True
        elif value:
            words.append((f"{operator}:" if operator else "") + value.lower())
    return Query(tuple(words), tuple(fields), days.get("before"), days.get("after"), mailbox, has_file)


def _day(text_: str) -> date | None:
    try:
        return date.fromisoformat(text_)
    except ValueError:
        return None


def search(core: Core, account: AccountId, query: Query) -> Result:
    """Find at most MAX_FOUND messages, newest first; exact, by the search index if any (store/mail/search.py).

    Strangers send what takes long to read: before there is an index, a search reads as much as it has time for, and tells
    what is left.
    """
    if query == Query(mailbox=query.mailbox):
        return Result()
    plan = plans.plan(_criterion(query))
    hits = core.search.hits(account, plan.texts)
    found: list[Hit] = []
    spent = _Time()
    try:
        for box in core.db.read(lambda tx: core.mail.mailboxes(tx, account)):
            if not query.mailbox or query.mailbox.lower() in (box.name.lower(), box.special_use.lower().lstrip("\\")):
                found += _in_box(core, box, plan, hits, query, spent)
    finally:
        hits.close()
    found.sort(key=lambda hit: hit.line.at, reverse=True)
    return Result(tuple(_with_texts(core, found[:MAX_FOUND], query)), spent.unread)


def _criterion(query: Query) -> Criterion:
    parts: list[Criterion] = [Text(fold(word)) for word in query.words]
    for name, value in query.fields:
        fields = (Summed.TO, Summed.CC) if name == "to" else (_FIELDS[name],)
        parts.append(AnyOf(tuple(Field(field, fold(value)) for field in fields)))
    if query.before:
        parts.append(Arrived(Compare.BEFORE, query.before.toordinal()))
    if query.after:
        parts.append(Arrived(Compare.SINCE, query.after.toordinal()))
    return AllOf(tuple(parts)) if parts else Everything()


def _in_box(core: Core, box: Mailbox, plan: Plan, hits: Hits, query: Query, spent: _Time) -> list[Hit]:
    """In portions from the newest: whoever looks into every text must not hold a snapshot for long."""
    few = hits.few(plan.texts, FEW)
    if few is not None:
        # the index may be a minute behind: what came last is asked itself
        new = hits.unknown(core.db.read(lambda tx: store.list_newest_blobs(tx, box.id, NEWEST)))
        if new:
            indexing.request_index(core, box.account)
        rows = core.db.read(lambda tx: plan.narrow_to(tx, box.id, [*few, *new]))[::-1]
    else:
        rows = core.db.read(lambda tx: plan.narrow(tx, box.id))[::-1]
        if plan.texts and not hits.has_all(row[plans.BLOB] for row in rows):
            indexing.request_index(core, box.account)
        rows = plan.possible(rows, hits)
    found: list[Hit] = []
    for start in range(0, len(rows), CHUNK):
        some = rows[start : start + CHUNK]

        def look(tx: Tx, some: list[Row] = some) -> list[Row]:
            uids = plan.confirm(tx, core.blobs, some, hits, spent.may_read, spent.may_look)
            if query.has_file:
                uids = [uid for uid, structure in store.list_structures(tx, box.id, uids) if has_file(structure)]
            return store.list_lines(tx, box.id, uids) if uids else []

        found += [Hit(box, line_of(row)) for row in core.db.read(look)]
        if len(found) >= MAX_FOUND:
            break
    return found


def _with_texts(core: Core, found: list[Hit], query: Query) -> list[Hit]:
    """Excerpts, as far as there is time: strangers send what takes long to read, and the list is worth more than they are."""
    until = time.thread_time() + EXCERPT_SECONDS
    return [hit if time.thread_time() > until else _with_text(core, hit, query) for hit in found]


def _with_text(core: Core, hit: Hit, query: Query) -> Hit:
    """With what stands around the first word that the line does not show."""
    shown = fold(f"{hit.line.subject} {hit.line.sender} {hit.line.recipient}")
    missing = [word for word in query.words if fold(word) not in shown]
    if not missing or hit.line.size > MAX_READ:
        return hit
    written = wrapped.readable(Message(core.db.read(lambda tx: core.mail.octets(tx, hit.mailbox.id, hit.line.uid))))
    at = written.lower().find(missing[0])
    return replace(hit, text=excerpt(written, at)) if at >= 0 else hit


def excerpt(written: str, at: int) -> str:
    """Return the text around a place, on one line."""
    start = max(0, at - BEFORE)
    return " ".join(written[start : at + AROUND].split())
