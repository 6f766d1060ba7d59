"""Search over all mailboxes of an account, newest first: words, and from: to: subject: before: after: in: has:attachment."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from mailcore.core import Core
from mailcore.domain import AccountId, Mailbox
from mailcore.mail import header, text
from mailcore.services import mail_files
from mailcore.services.webmail import Line, line_of
from mailcore.store.db import Tx
from mailcore.store.mail import Fetched

MAX_FOUND = 200
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


@dataclass(frozen=True, slots=True)
class Hit:
    mailbox: Mailbox
    line: Line


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
    found = core.mail.fetch(tx, box.id, [(uids[0], uids[-1])], frozenset({"header"}))
    return [Hit(box, line_of(one)) for one in reversed(found) if _holds(core, tx, box, one, query)]


def _holds(core: Core, tx: Tx, box: Mailbox, one: Fetched, query: Query) -> bool:
    at = one.info.internal_date
    if query.before and at >= datetime.combine(query.before, time(), UTC):
        return False
    if query.after and at < datetime.combine(query.after, time(), UTC):
        return False
    for name, value in query.fields:
        names = ("to", "cc") if name == "to" else (name,)
        if not any(value in text_.lower() for field in names for text_ in header.values(one.header, field)):
            return False
    shown = " ".join(v for name in ("from", "to", "cc", "subject") for v in header.values(one.header, name)).lower()
    missing = [word for word in query.words if word not in shown]
    if not missing and not query.has_file:
        return True
    octets = core.mail.octets(tx, box.id, one.info.uid)
    if query.has_file and not mail_files.listing(octets):
        return False
    body = text.decoded(octets).lower() if missing else ""
    return all(word in body for word in missing)
