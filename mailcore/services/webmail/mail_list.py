"""A mailbox as a list: pages by cursor, in several orders, flat or in conversations.

A cursor is the sort key and the uid of the line where a page ends, so going on costs the same on every page and
nothing is shown twice when mail comes in meanwhile.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from functools import lru_cache

from mailcore.clock import to_time
from mailcore.core import Core
from mailcore.domain import AccountId, Mailbox
from mailcore.mail.reading import address, header
from mailcore.services.webmail import list_lines
from mailcore.store.engine.db import Row, Tx
from mailcore.store.webmail import lists as store
from mailcore.store.webmail.lines import MAX_KEY
from mailcore.store.webmail.lists import ListQuery

PAGE = 50
PAGE_WITH_SNIPPETS = 35  # lines that are taller, and heavier
ORDERS = ("date", "from", "subject", "size")
ONLY = ("", "unread", "flagged")
_FIELD = re.compile(rb"(?im)^(from|to|cc|subject)[ \t]*:[ \t]*((?:[^\r\n]|\r(?!\n)|\r?\n[ \t])*)")
# A file in BODYSTRUCTURE: called an attachment, or of a kind that is not shown as text, picture or signature
_FILE = re.compile(
    rb'\("attachment"|\("(?:application|audio|video)" "(?!pgp-signature|pkcs7-signature|x-pkcs7-signature)|"message" "rfc822"'
    rb'|\("text" "(?!(?:plain|html|enriched|x-amp-html|watch-html|rfc822-headers)")',
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Line:
    """A message in a list; people by their names where they have one.

    In a list of conversations it is the newest message; `uids` are all of them here, oldest first, `count` their number.
    """

    uid: int
    subject: str
    sender: str
    recipient: str
    at: datetime
    size: int
    seen: bool
    flagged: bool
    answered: bool
    has_file: bool = False
    count: int = 1
    uids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ListRequest:
    """A list to show, of at most `most` lines.

    `order` of ORDERS, `only` of ONLY; `after` or `before` is a cursor; `day` begins by that day.
    """

    order: str = "date"
    ascending: bool = False
    only: str = ""
    threads: bool = False
    after: str = ""
    before: str = ""
    day: date | None = None
    most: int = PAGE


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a mailbox.  `newer` and `older` are cursors, empty at the ends."""

    mailbox: Mailbox
    lines: tuple[Line, ...]
    wish: ListRequest
    newer: str = ""
    older: str = ""


def page(core: Core, account: AccountId, name: str, wish: ListRequest) -> Page:
    """A page of the list; a cursor that cannot be read is the beginning.  Raises MailboxNotFound."""
    if wish.threads or wish.order != "date":
        list_lines.update_list(core, account, name)
    show = _threads if wish.threads and not wish.only else _flat
    found = core.db.read(lambda tx: show(tx, core.mail.mailbox(tx, account, name), wish))
    if not found.lines and (wish.after or wish.before or wish.day):  # what stood there has gone
        first = replace(wish, after="", before="", day=None)
        return core.db.read(lambda tx: show(tx, core.mail.mailbox(tx, account, name), first))
    return found


def _flat(tx: Tx, box: Mailbox, wish: ListRequest) -> Page:
    wish = replace(wish, threads=False)
    rows = store.list_page(tx, box.id, _store_query(wish), wish.most + 1)
    rows, newer, older = _cut(rows, wish, lambda row: f"{row[6]}~{row[0]}")
    return Page(box, tuple(line_of(row) for row in rows), wish, newer, older)


def _threads(tx: Tx, box: Mailbox, wish: ListRequest) -> Page:
    wish = replace(wish, order="date")
    found = store.list_thread_page(tx, box.id, _store_query(wish), wish.most + 1)
    found, newer, older = _cut(found, wish, lambda row: f"{row[1]}~{row[0]}")
    members: dict[int, list[Row]] = {row[0]: [] for row in found}
    for row in store.list_in_threads(tx, box.id, list(members)):
        members[row[0]].append(row)
    newest = {thread: rows[-1][1] for thread, rows in members.items() if rows}
    by_uid = {row[0]: line_of(row) for row in store.list_lines(tx, box.id, list(newest.values()))}
    lines = [
        replace(
            by_uid[uid],
            count=len(members[thread]),
            uids=tuple(row[1] for row in members[thread]),
            seen=all(row[2] & 1 for row in members[thread]),
            flagged=any(row[2] & 4 for row in members[thread]),
        )
        for thread, uid in newest.items()
    ]
    return Page(box, tuple(lines), wish, newer, older)


def _store_query(wish: ListRequest) -> ListQuery:
    cursor = wish.after or wish.before
    key, tilde, uid = cursor.rpartition("~")
    after: tuple[int | str, int] | None = None
    if tilde and uid.isdecimal() and len(uid) < 19:
        if wish.order in ("from", "subject"):
            after = (key[:MAX_KEY], int(uid))
        elif key.removeprefix("-").isdecimal() and len(key) < 19:
            after = (int(key), int(uid))
    elif wish.day and wish.order == "date":
        end = datetime.combine(wish.day, time(), UTC).timestamp()
        after = (int(end) + (0 if wish.ascending else 86_400), 0)
    return ListQuery(wish.order, wish.ascending, wish.only, after, bool(after and wish.before))


def _cut(rows: list[Row], wish: ListRequest, cursor: Callable[[Row], str]) -> tuple[list[Row], str, str]:
    """One row more than a page was asked for: is there more on that side?  Whoever came from a side can go back."""
    more = len(rows) > wish.most
    if wish.before:
        rows = rows[-wish.most :]
        newer, older = more, True
    else:
        rows = rows[: wish.most]
        newer, older = bool(wish.after or wish.day), more
    if not rows:
        return rows, "", ""
    return rows, cursor(rows[0]) if newer else "", cursor(rows[-1]) if older else ""


def list_chosen(core: Core, account: AccountId, mailbox: str, uids: Sequence[int]) -> list[Line]:
    """Return the lines of some messages, of those that are there.  Raises MailboxNotFound."""

    def read(tx: Tx) -> list[Line]:
        return [line_of(row) for row in store.list_lines(tx, core.mail.mailbox(tx, account, mailbox).id, uids)]

    return core.db.read(read)


def line_of(row: Row) -> Line:
    """A row of store/webmail/lists.py."""
    flags = row[1]
    subject, sender, recipient, file = _shown(row[4], row[5])
    return Line(
        row[0],
        subject,
        sender,
        recipient,
        to_time(row[2]),
        row[3],
        bool(flags & 1),
        bool(flags & 4),
        bool(flags & 2),
        file,
    )


@lru_cache(4096)
def _shown(block: bytes, structure: bytes) -> tuple[str, str, str, bool]:
    """Subject, sender, recipient, and whether there is a file: most lines of a list were on the page before, too."""
    fields = heading(block)
    sender, recipient = people(fields.get(b"from", b"")), people(fields.get(b"to", b""))
    return _decoded(fields.get(b"subject", b"")), sender, recipient, has_file(structure)


def heading(block: bytes) -> dict[bytes, bytes]:
    """From, To, Cc and Subject, unfolded; several are one as in ENVELOPE: addresses joined, of subjects the last."""
    found: dict[bytes, list[bytes]] = {}
    for field in _FIELD.finditer(block):
        found.setdefault(field[1].lower(), []).append(header.unfold(field[2]))
    return {
        name: values[-1] if name == b"subject" else b", ".join(filter(None, values)) for name, values in found.items()
    }


@lru_cache(4096)
def _decoded(value: bytes) -> str:
    return " ".join(header.decode(value).split())


@lru_cache(4096)
def people(value: bytes) -> str:
    """Names, or addresses of those who have none."""
    return ", ".join(one.shown for one in address.parse(value)) or _decoded(value)


def has_file(structure: bytes) -> bool:
    """Say if there is something to be saved.  `structure` is IMAP's BODYSTRUCTURE."""
    return _FILE.search(structure) is not None
