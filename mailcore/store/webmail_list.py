"""Lists of a mailbox as people read them: by date, sender, subject or size, flat or in conversations.

A page is found by its sort key and never by counting: the thousandth costs what the first costs.  By date and
by unread or flagged the indexes of `message` serve.  The other orders need what only the header knows; `line`
and `thread` hold it, derived, made when an order is first asked for and brought up to date from then on
(`behind`, `learn`).  A row whose message is gone joins nothing, so a late clean-up shows nothing wrong.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mailcore.domain import AccountId, Mailbox, MailboxId
from mailcore.store import uidset
from mailcore.store.db import Row, Tx

Key = int | str
KEYS = {"date": "m.internal_date", "size": "l.size", "from": "l.who", "subject": "l.subject"}
FILTERS = {"": "", "unread": " AND m.flags&1=0", "flagged": " AND m.flags&4<>0"}
_COLUMNS = "m.uid,m.flags,m.internal_date,m.size,b.header,b.structure"
# a hint, because the planner takes the primary key and sorts a hundred thousand rows
_BY_DATE = {"": "message_by_date", "unread": "message_unread", "flagged": "message_flagged"}


@dataclass(frozen=True, slots=True)
class Wish:
    """Which part of a list: `after` is the (key, uid) of the line it follows, or precedes with `backwards`."""

    order: str = "date"
    ascending: bool = False
    only: str = ""
    after: tuple[Key, int] | None = None
    backwards: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    """What a message's header tells an order: keys, short and in lower case.

    `ids` (at least one) are hashes of the account with the Message-ID and with those that it answers.
    """

    uid: int
    who: str
    subject: str
    size: int
    at: int
    ids: tuple[bytes, ...]


def page(tx: Tx, mailbox: MailboxId, wish: Wish, count: int) -> list[Row]:
    """At most `count` rows (uid, flags, at, size, header, structure, key), in the order of the wish."""
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


def thread_page(tx: Tx, mailbox: MailboxId, wish: Wish, count: int) -> list[Row]:
    """Conversations by their newest message: (thread, at)."""
    down = wish.ascending is wish.backwards
    sql, params = "SELECT thread, at FROM thread WHERE mailbox=?", [mailbox, *(wish.after or ())]
    if wish.after is not None:
        sql += f" AND (at,thread) {'<' if down else '>'} (?,?)"
    way = "DESC" if down else "ASC"
    rows = tx.rows(f"{sql} ORDER BY at {way}, thread {way} LIMIT {count:d}", *params)
    return rows[::-1] if wish.backwards else rows


def in_threads(tx: Tx, mailbox: MailboxId, threads: Sequence[int]) -> list[Row]:
    """Messages of these conversations, oldest first: (thread, uid, flags, at)."""
    return tx.rows(
        "SELECT l.thread, m.uid, m.flags, m.internal_date FROM line l CROSS JOIN message m ON m.mailbox=l.mailbox AND m.uid=l.uid"  # noqa: S608
        f" WHERE l.mailbox=? AND l.thread IN ({_marks(threads)}) ORDER BY m.internal_date, m.uid",
        mailbox, *threads,
    )  # fmt: skip


def conversation(tx: Tx, account: AccountId, mailbox: MailboxId, uid: int, most: int) -> list[Row]:
    """The messages of the account that belong together with this one, oldest first.

    Rows are (mailbox, uid, flags, at, size, header, structure).
    """
    return tx.rows(
        f"SELECT m.mailbox,{_COLUMNS} FROM line l CROSS JOIN message m ON m.mailbox=l.mailbox AND m.uid=l.uid"  # noqa: S608
        " CROSS JOIN blob b ON b.id=m.blob CROSS JOIN mailbox x ON x.id=l.mailbox"
        " WHERE l.thread=(SELECT thread FROM line WHERE mailbox=? AND uid=?) AND x.account=?"
        f" ORDER BY m.internal_date, m.uid LIMIT {most:d}",
        mailbox, uid, account,
    )  # fmt: skip


def lines(tx: Tx, mailbox: MailboxId, uids: Sequence[int]) -> list[Row]:
    """The rows of `page`, without a key, of some messages."""
    return tx.rows(
        f"SELECT {_COLUMNS} FROM message m JOIN blob b ON b.id=m.blob WHERE m.mailbox=? AND m.uid IN ({_marks(uids)})",  # noqa: S608
        mailbox, *uids,
    )  # fmt: skip


def structures(tx: Tx, mailbox: MailboxId, uids: Sequence[int]) -> list[Row]:
    """(uid, BODYSTRUCTURE) of some messages."""
    return tx.rows(
        f"SELECT m.uid, b.structure FROM message m JOIN blob b ON b.id=m.blob WHERE m.mailbox=? AND m.uid IN ({_marks(uids)})",  # noqa: S608
        mailbox, *uids,
    ) if uids else []  # fmt: skip


def newest_blobs(tx: Tx, mailbox: MailboxId, most: int) -> list[int]:
    """The blobs of the messages that came last."""
    return [row[0] for row in tx.rows(f"SELECT blob FROM message WHERE mailbox=? ORDER BY uid DESC LIMIT {most:d}", mailbox)]  # noqa: S608


def neighbours(tx: Tx, mailbox: MailboxId, uid: int) -> tuple[int, int]:
    """The uids of the next newer and the next older message by date; 0 where there is none."""
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
            mailbox, here[0], uid,
        )  # fmt: skip
        found.append(row[0] if row else 0)
    return found[0], found[1]


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))


# What is derived


def behind(tx: Tx, box: Mailbox) -> bool:
    """Are there messages that the derived rows do not know, or rows of messages that are gone?"""
    state = tx.row("SELECT uid, modseq FROM line_state WHERE mailbox=? AND uidvalidity=?", box.id, box.uidvalidity)
    if state is None or state[0] < box.uidnext - 1:
        return True
    gone = "SELECT 1 FROM change WHERE mailbox=? AND modseq>? AND kind='remove' LIMIT 1"
    return state[1] < box.modseq and tx.row(gone, box.id, state[1]) is not None


def unknown(tx: Tx, box: Mailbox, count: int) -> list[Row]:
    """The next messages to learn: (uid, blob's header, size, at).  Messages come with growing uids."""
    state = tx.row("SELECT uid FROM line_state WHERE mailbox=? AND uidvalidity=?", box.id, box.uidvalidity)
    return tx.rows(
        "SELECT m.uid, b.header, m.size, m.internal_date FROM message m JOIN blob b ON b.id=m.blob"  # noqa: S608
        f" WHERE m.mailbox=? AND m.uid>? ORDER BY m.uid LIMIT {count:d}",
        box.id, state[0] if state else 0,
    )  # fmt: skip


def learn(tx: Tx, box: Mailbox, headings: Sequence[Heading], *, all_known: bool) -> None:
    """Take headings in; with `all_known` the mailbox is up to date as it stood at `box.modseq`."""
    state = tx.row("SELECT modseq, uid, uidvalidity FROM line_state WHERE mailbox=?", box.id)
    if state and state[2] != box.uidvalidity:  # another mailbox by the same number
        forget(tx, box.id)
        state = None
    _learn_all(tx, box, headings)
    newest = headings[-1].uid if headings else (state[1] if state else 0)
    since = state[0] if state else 0
    if all_known:
        if state:
            _unlearn(tx, box, since)
        newest, since = box.uidnext - 1, box.modseq
    tx.run(
        "INSERT OR REPLACE INTO line_state (mailbox,uidvalidity,modseq,uid) VALUES (?,?,?,?)",
        box.id,
        box.uidvalidity,
        since,
        newest,
    )


def forget(tx: Tx, mailbox: MailboxId) -> None:
    for table in ("line", "thread", "line_state"):
        tx.run(f"DELETE FROM {table} WHERE mailbox=?", mailbox)  # noqa: S608


def sweep(tx: Tx) -> None:
    """What belonged to mailboxes and accounts that are gone."""
    for table in ("line", "thread", "line_state"):
        tx.run(f"DELETE FROM {table} WHERE mailbox NOT IN (SELECT id FROM mailbox)")  # noqa: S608
    tx.run("DELETE FROM thread_id WHERE account NOT IN (SELECT id FROM account)")


def _unlearn(tx: Tx, box: Mailbox, since: int) -> None:
    """Drop the rows of removed messages, and let their conversations be as new as what is left of them."""
    removed: list[int] = []
    for (uids,) in tx.rows("SELECT uids FROM change WHERE mailbox=? AND modseq>? AND kind='remove'", box.id, since):
        removed += uidset.numbers(uids)
    touched: set[int] = set()
    for first, last in uidset.ranges(sorted(removed)):
        touched.update(
            row[0]
            for row in tx.rows(
                "SELECT DISTINCT thread FROM line WHERE mailbox=? AND uid BETWEEN ? AND ?", box.id, first, last
            )
        )
        tx.run("DELETE FROM line WHERE mailbox=? AND uid BETWEEN ? AND ?", box.id, first, last)
    _renew(tx, box.id, touched)


def _renew(tx: Tx, mailbox: MailboxId, threads: Iterable[int]) -> None:
    for thread in threads:
        row = tx.row(
            "SELECT MAX(m.internal_date) FROM line l CROSS JOIN message m ON m.mailbox=l.mailbox AND m.uid=l.uid"
            " WHERE l.mailbox=? AND l.thread=?",
            mailbox, thread,
        )  # fmt: skip
        if row is None or row[0] is None:
            tx.run("DELETE FROM thread WHERE mailbox=? AND thread=?", mailbox, thread)
        else:
            tx.run("UPDATE thread SET at=? WHERE mailbox=? AND thread=?", row[0], mailbox, thread)


def _learn_all(tx: Tx, box: Mailbox, headings: Sequence[Heading]) -> None:
    """Find the conversation of each message by the ids that it names; conversations that it joins become one."""
    wanted = list({id_ for one in headings for id_ in one.ids})
    known: dict[bytes, int] = {}
    for start in range(0, len(wanted), 500):
        some = wanted[start : start + 500]
        known.update(
            tx.rows(f"SELECT id, thread FROM thread_id WHERE account=? AND id IN ({_marks(some)})", box.account, *some)  # noqa: S608
        )
    had = set(known)
    lines_: list[tuple[object, ...]] = []
    newest: dict[int, int] = {}
    for one in headings:
        found = {known[id_] for id_ in one.ids if id_ in known}
        # ids are hashes of account and Message-ID, so a conversation has its number from its first message
        thread = min(found) if found else int.from_bytes(one.ids[0][:7], "big")
        if len(found) > 1:
            others = found - {thread}
            known.update({id_: thread for id_, there in known.items() if there in others})
            lines_ = [(*line[:5], thread if line[5] in others else line[5]) for line in lines_]
            newest[thread] = max([newest.pop(other, 0) for other in others] + [newest.get(thread, 0)])
            for other in others:
                _join(tx, box.account, other, thread)
        known.update(dict.fromkeys(one.ids, thread))
        lines_.append((box.id, one.uid, one.who, one.subject, one.size, thread))
        newest[thread] = max(newest.get(thread, 0), one.at)
    tx.many("INSERT OR REPLACE INTO line (mailbox,uid,who,subject,size,thread) VALUES (?,?,?,?,?,?)", lines_)
    tx.many(
        "INSERT INTO thread (mailbox,thread,at) VALUES (?,?,?) ON CONFLICT (mailbox,thread) DO UPDATE SET at=MAX(at,excluded.at)",
        [(box.id, thread, at) for thread, at in newest.items()],
    )
    tx.many(
        "INSERT OR REPLACE INTO thread_id (account,id,thread) VALUES (?,?,?)",
        [(box.account, id_, thread) for id_, thread in known.items() if id_ not in had],
    )


def _join(tx: Tx, account: AccountId, other: int, thread: int) -> None:
    tx.run("UPDATE thread_id SET thread=? WHERE account=? AND thread=?", thread, account, other)
    boxes = [row[0] for row in tx.rows("SELECT mailbox FROM thread WHERE thread=?", other)]
    tx.run("UPDATE line SET thread=? WHERE thread=?", thread, other)
    for mailbox in boxes:
        tx.run(
            "INSERT INTO thread (mailbox,thread,at) SELECT mailbox,?,at FROM thread WHERE mailbox=? AND thread=?"
            " ON CONFLICT (mailbox,thread) DO UPDATE SET at=MAX(at,excluded.at)",
            thread, mailbox, other,
        )  # fmt: skip
    tx.run("DELETE FROM thread WHERE thread=?", other)


def changed_since(tx: Tx, last: int) -> tuple[int, set[AccountId]]:
    """The newest entry of the change log, and whose mail changed after the entry `last` (-1: nobody's)."""
    top = tx.row("SELECT COALESCE(MAX(id),0) FROM change")
    newest = int(top[0]) if top else 0
    if last < 0 or newest == last:
        return newest, set()
    return newest, {AccountId(row[0]) for row in tx.rows("SELECT DISTINCT account FROM change WHERE id>?", last)}
