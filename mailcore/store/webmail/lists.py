"""Lists of a mailbox as people read them: by date, sender, subject or size, flat or in conversations.

A page is found by its sort key and never by counting: the thousandth costs what the first costs.  By date and
by unread or flagged the indexes of `message` serve.  The other orders need what only the header knows; `line`
and `thread` hold it, derived (store/webmail/lines.py).  A row without its message joins nothing, so a late
clean-up shows nothing wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mailcore.domain import AccountId, MailboxId
from mailcore.store.engine.db import Row, Tx

Key = int | str
KEYS = {"date": "m.internal_date", "size": "l.size", "from": "l.who", "subject": "l.subject"}
FILTERS = {"": "", "unread": " AND m.flags&1=0", "flagged": " AND m.flags&4<>0"}
_COLUMNS = "m.uid,m.flags,m.internal_date,m.size,b.header,b.structure"
# a hint, because the planner takes the primary key and sorts a hundred thousand rows
_BY_DATE = {"": "message_by_date", "unread": "message_unread", "flagged": "message_flagged"}


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The wanted part of a list: `after` is the (key, uid) of the line it follows, or precedes with `backwards`."""

    order: str = "date"
    ascending: bool = False
    only: str = ""
    after: tuple[Key, int] | None = None
    backwards: bool = False


def list_page(tx: Tx, mailbox: MailboxId, wish: ListQuery, count: int) -> list[Row]:
    """Return at most `count` rows (uid, flags, at, size, header, structure, key), in the order of the wish."""
    key = KEYS[wish.order]
    down = wish.ascending is wish.backwards
    if wish.order == "date":
        source = f"message m INDEXED BY {_BY_DATE[wish.only]}"
        place = "m.mailbox"
    else:
        source = "line l CROSS JOIN message m ON m.mailbox=l.mailbox AND m.uid=l.uid"
        place = "l.mailbox"
    uid = "m.uid" if wish.order == "date" else "l.uid"
    sql = f"SELECT {_COLUMNS},{key} FROM {source} CROSS JOIN blob b ON b.id=m.blob WHERE {place}=?{FILTERS[wish.only]}"  # noqa: S608
    params: list[object] = [mailbox]
    if wish.after is not None:
        sql += f" AND ({key},{uid}) {'<' if down else '>'} (?,?)"
        params += wish.after
    way = "DESC" if down else "ASC"
    rows = tx.rows(f"{sql} ORDER BY {key} {way}, {uid} {way} LIMIT {count:d}", *params)
    return rows[::-1] if wish.backwards else rows


def list_thread_page(tx: Tx, mailbox: MailboxId, wish: ListQuery, count: int) -> list[Row]:
    """Return conversations by their newest message: (thread, at)."""
    down = wish.ascending is wish.backwards
    sql, params = "SELECT thread, at FROM thread WHERE mailbox=?", [mailbox, *(wish.after or ())]
    if wish.after is not None:
        sql += f" AND (at,thread) {'<' if down else '>'} (?,?)"
    way = "DESC" if down else "ASC"
    rows = tx.rows(f"{sql} ORDER BY at {way}, thread {way} LIMIT {count:d}", *params)
    return rows[::-1] if wish.backwards else rows


def list_in_threads(tx: Tx, mailbox: MailboxId, threads: Sequence[int]) -> list[Row]:
    """Return the messages of these conversations, oldest first: (thread, uid, flags, at)."""
    if not threads:
        return []
    return tx.rows(
        "SELECT l.thread, m.uid, m.flags, m.internal_date FROM line l CROSS JOIN message m ON m.mailbox=l.mailbox AND m.uid=l.uid"  # noqa: S608
        f" WHERE l.mailbox=? AND l.thread IN ({_marks(threads)}) ORDER BY m.internal_date, m.uid",
        mailbox,
        *threads,
    )


def list_conversation(tx: Tx, account: AccountId, mailbox: MailboxId, uid: int, most: int) -> list[Row]:
    """Return the messages of the account that belong together with this one, oldest first.

    Rows are (mailbox, uid, flags, at, size, header, structure).
    """
    return tx.rows(
        f"SELECT m.mailbox,{_COLUMNS} FROM line l CROSS JOIN message m ON m.mailbox=l.mailbox AND m.uid=l.uid"  # noqa: S608
        " CROSS JOIN blob b ON b.id=m.blob CROSS JOIN mailbox x ON x.id=l.mailbox"
        " WHERE l.thread=(SELECT thread FROM line WHERE mailbox=? AND uid=?) AND x.account_id=?"
        f" ORDER BY m.internal_date, m.uid LIMIT {most:d}",
        mailbox,
        uid,
        account,
    )


def list_lines(tx: Tx, mailbox: MailboxId, uids: Sequence[int]) -> list[Row]:
    """Return the rows of `list_page`, without a key, of some messages."""
    if not uids:
        return []
    return tx.rows(
        f"SELECT {_COLUMNS} FROM message m JOIN blob b ON b.id=m.blob WHERE m.mailbox=? AND m.uid IN ({_marks(uids)})",  # noqa: S608
        mailbox,
        *uids,
    )


def list_blobs(tx: Tx, mailbox: MailboxId, uids: Sequence[int]) -> list[Row]:
    """Return (uid, blob, its name, octets) of some messages."""
    if not uids:
        return []
    return tx.rows(
        "SELECT m.uid, m.blob, b.name, m.size FROM message m JOIN blob b ON b.id=m.blob"  # noqa: S608
        f" WHERE m.mailbox=? AND m.uid IN ({_marks(uids)})",
        mailbox,
        *uids,
    )


def list_structures(tx: Tx, mailbox: MailboxId, uids: Sequence[int]) -> list[Row]:
    """Return (uid, BODYSTRUCTURE) of some messages."""
    return (
        tx.rows(
            "SELECT m.uid, b.structure FROM message m JOIN blob b ON b.id=m.blob"  # noqa: S608
            f" WHERE m.mailbox=? AND m.uid IN ({_marks(uids)})",
            mailbox,
            *uids,
        )
        if uids
        else []
    )


def list_newest_blobs(tx: Tx, mailbox: MailboxId, most: int) -> list[int]:
    """Return the blobs of the messages that came last."""
    rows = tx.rows("SELECT blob FROM message WHERE mailbox=? ORDER BY uid DESC LIMIT ?", mailbox, most)
    return [row[0] for row in rows]


def find_neighbours(tx: Tx, mailbox: MailboxId, uid: int) -> tuple[int, int]:
    """Return the uids of the next newer and the next older message by date; 0 where there is none."""
    here = tx.row("SELECT internal_date FROM message WHERE mailbox=? AND uid=?", mailbox, uid)
    if here is None:
        return 0, 0
    found = []
    for backwards in (True, False):
        down = not backwards
        row = tx.row(
            "SELECT m.uid FROM message m INDEXED BY message_by_date WHERE m.mailbox=?"  # noqa: S608
            f" AND (m.internal_date,m.uid) {'<' if down else '>'} (?,?)"
            f" ORDER BY m.internal_date {'DESC' if down else 'ASC'}, m.uid {'DESC' if down else 'ASC'} LIMIT 1",
            mailbox,
            here[0],
            uid,
        )
        found.append(row[0] if row else 0)
    return found[0], found[1]


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))
