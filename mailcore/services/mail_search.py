"""Search over all mailboxes of an account, newest first: words, and from: to: subject: before: after: in: has:attachment."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from mailcore.core import Core
from mailcore.domain import AccountId, Mailbox
from mailcore.mail import body, header
from mailcore.services.mail_list import Line, has_file, line_of
from mailcore.store.db import Tx
from mailcore.store.mail import Fetched

MAX_FOUND = 200
BEFORE, AROUND = 40, 120  # characters of an excerpt
CHUNK = 200  # messages looked at in one reading transaction
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
        """What a reader wants to see marked."""
        return (*self.words, *(value for _, value in self.fields))


@dataclass(frozen=True, slots=True)
class Hit:
    """`text` is a piece of the body around the first word that was found there."""

    mailbox: Mailbox
    line: Line
    text: str = ""


def parse(asked: str) -> Query:
    """What is no operator is a word; a date that is none is looked for as a word."""
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


def search(core: Core, account: AccountId, query: Query) -> list[Hit]:
    """At most MAX_FOUND messages."""
    hits: list[Hit] = []
    if query == Query(mailbox=query.mailbox):
        return hits
    for box in core.db.read(lambda tx: core.mail.mailboxes(tx, account)):
        if query.mailbox and query.mailbox.lower() not in (box.name.lower(), box.special_use.lower().lstrip("\\")):
            continue
        uids = core.db.read(lambda tx, box=box: core.mail.uids(tx, box.id))  # type: ignore[misc]  # a default binds it
        for end in range(len(uids), 0, -CHUNK):
            part = uids[max(0, end - CHUNK) : end]
            hits += core.db.read(lambda tx, box=box, part=part: _look(core, tx, box, part, query))  # type: ignore[misc]
            if len(hits) >= MAX_FOUND:
                break
    hits.sort(key=lambda hit: hit.line.at, reverse=True)
    return hits[:MAX_FOUND]


def _look(core: Core, tx: Tx, box: Mailbox, uids: list[int], query: Query) -> list[Hit]:
    found = core.mail.fetch(tx, box.id, [(uids[0], uids[-1])], frozenset({"header", "structure"}))
    hits = []
    for one in reversed(found):
        where = _holds(core, tx, box, one, query)
        if where is not None:
            flags = sum(
                bit for name, bit in (("\\Seen", 1), ("\\Answered", 2), ("\\Flagged", 4)) if name in one.info.flags
            )
            at = int(one.info.internal_date.timestamp())
            line = line_of((one.info.uid, flags, at, one.info.size, one.header, one.structure))
            hits.append(Hit(box, line, where))
    return hits


def _holds(core: Core, tx: Tx, box: Mailbox, one: Fetched, query: Query) -> str | None:
    """None, or the piece of the body where the first word stands that is not in the header."""
    at = one.info.internal_date
    if query.before and at >= datetime.combine(query.before, time(), UTC):
        return None
    if query.after and at < datetime.combine(query.after, time(), UTC):
        return None
    for name, value in query.fields:
        names = ("to", "cc") if name == "to" else (name,)
        if not any(value in text_.lower() for field in names for text_ in header.values(one.header, field)):
            return None
    shown = " ".join(v for name in ("from", "to", "cc", "subject") for v in header.values(one.header, name)).lower()
    missing = [word for word in query.words if word not in shown]
    if query.has_file and not has_file(one.structure):
        return None
    if not missing:
        return ""
    written = body.readable(core.mail.octets(tx, box.id, one.info.uid))
    lower = written.lower()
    return excerpt(written, lower.find(missing[0])) if all(word in lower for word in missing) else None


def excerpt(written: str, at: int) -> str:
    """What stands around a place of a text, on one line."""
    start = max(0, at - BEFORE)
    return " ".join(written[start : at + AROUND].split())
