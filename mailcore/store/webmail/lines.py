"""Sort keys for orders other than by date (`line`), and which messages belong together (`thread`): derived.

Made from summaries, in portions, when an order is first asked for or before that by a job; brought up to date from
then on.  May be dropped at any time.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mailcore.domain import AccountId, Mailbox, MailboxId
from mailcore.mail.asking.ids import thread_key
from mailcore.store.engine.db import Row, Tx
from mailcore.store.engine.portions import Portion
from mailcore.store.mail import condstore, uidset

MAX_KEY = 60  # characters of a sender or subject that order the list
MAX_IDS = 40


@dataclass(frozen=True, slots=True)
class Heading:
    """Keys of a message, from its summary, for sorting and threading: short and folded.

    `ids` (at least one) are hashes of the account with the Message-ID, which comes first, and with those that it answers.
    """

    uid: int
    who: str
    subject: str
    size: int
    at: int
    ids: tuple[bytes, ...]


def is_behind(tx: Tx, box: Mailbox) -> bool:
    """Are there messages that the derived rows do not know, or rows of messages that were removed?"""
    state = tx.row("SELECT uid, modseq FROM line_state WHERE mailbox=? AND uidvalidity=?", box.id, box.uidvalidity)
    if state is None or state[0] < box.uidnext - 1:
        return True
    gone = "SELECT 1 FROM change WHERE mailbox=? AND modseq>? AND kind='remove' LIMIT 1"
    return state[1] < box.modseq and (tx.row(gone, box.id, state[1]) is not None or _is_cut(tx, box.id, state[1]))


def list_far_behind(tx: Tx, messages: int, portion: Portion, most: int) -> list[tuple[AccountId, str]]:
    """Return at most `most` mailboxes of that portion that have at least that number of messages to learn."""
    return tx.rows(
        "SELECT m.account_id, m.name FROM mailbox m LEFT JOIN line_state s ON s.mailbox=m.id AND s.uidvalidity=m.uidvalidity"  # noqa: S608
        " WHERE m.id>? AND m.id<=? AND m.messages>=? AND m.uidnext-1-COALESCE(s.uid,0)>=? LIMIT ?",
        portion.after,
        portion.until,
        messages,
        messages,
        most,
    )


def list_unknown(tx: Tx, box: Mailbox, count: int) -> list[Heading]:
    """Return the next messages to learn.  Messages come with growing uids."""
    state = tx.row("SELECT uid FROM line_state WHERE mailbox=? AND uidvalidity=?", box.id, box.uidvalidity)
    who = "to_name" if box.special_use in ("\\Sent", "\\Drafts") else "from_name"
    return [
        _heading(box, row)
        for row in tx.rows(
            f"SELECT m.uid, substr(s.{who},1,{MAX_KEY}), substr(s.base,1,{MAX_KEY}), m.size, m.internal_date,"  # noqa: S608
            " s.message_id, s.refs FROM message m LEFT JOIN summary s ON s.blob=m.blob"
            f" WHERE m.mailbox=? AND m.uid>? ORDER BY m.uid LIMIT {count:d}",
            box.id,
            state[0] if state else 0,
        )
    ]


def _heading(box: Mailbox, row: Row) -> Heading:
    uid, who, subject, size, at, own, references = row
    ids = dict.fromkeys(map(thread_key, [own or "", *(references or "").split(" ")[-MAX_IDS:]]))
    ids.pop("", None)
    named = ids or [f"{box.id}/{uid}"]  # without any it stands alone
    return Heading(uid, who or "", subject or "", size, at, tuple(_hashed(box.account, one) for one in named))


def _hashed(account: AccountId, id_: str) -> bytes:
    return hashlib.sha256(f"{account}:{id_}".encode("utf-8", "replace")).digest()[:12]


def save_lines(tx: Tx, box: Mailbox, headings: Sequence[Heading], *, all_known: bool) -> None:
    """Save what headings tell; with `all_known` the mailbox is up to date as it stood at `box.modseq`."""
    state = tx.row("SELECT modseq, uid, uidvalidity FROM line_state WHERE mailbox=?", box.id)
    if state and state[2] != box.uidvalidity:  # another mailbox by the same number
        delete_lines(tx, box.id)
        state = None
    _learn_all(tx, box, headings)
    newest = headings[-1].uid if headings else (state[1] if state else 0)
    since = state[0] if state else 0
    if all_known:
        if state:
            _unlearn(tx, box, since)
        newest, since = box.uidnext - 1, box.modseq
    tx.run(
        "INSERT INTO line_state (mailbox,uidvalidity,modseq,uid) VALUES (?,?,?,?)"
        " ON CONFLICT (mailbox) DO UPDATE SET uidvalidity=excluded.uidvalidity, modseq=excluded.modseq,"
        " uid=excluded.uid",
        box.id,
        box.uidvalidity,
        since,
        newest,
    )


def delete_lines(tx: Tx, mailbox: MailboxId) -> None:
    for table in ("line", "thread", "line_state"):
        tx.run(f"DELETE FROM {table} WHERE mailbox=?", mailbox)  # noqa: S608


def list_orphans(tx: Tx) -> tuple[list[MailboxId], list[AccountId]]:
    """Return mailboxes and accounts that no longer exist and have rows here; this walks through all of them."""
    mailboxes: set[MailboxId] = set()
    for table in ("line", "thread", "line_state"):
        rows = tx.rows(f"SELECT DISTINCT mailbox FROM {table} WHERE mailbox NOT IN (SELECT id FROM mailbox)")  # noqa: S608
        mailboxes |= {MailboxId(row[0]) for row in rows}
    rows = tx.rows("SELECT DISTINCT account_id FROM thread_id WHERE account_id NOT IN (SELECT id FROM account)")
    return sorted(mailboxes), sorted(AccountId(row[0]) for row in rows)


def delete_threads(tx: Tx, account: AccountId) -> None:
    """Remove what was saved of the conversations of an account, if it no longer exists."""
    sql = "DELETE FROM thread_id WHERE account_id=? AND NOT EXISTS (SELECT 1 FROM account WHERE id=?)"
    tx.run(sql, account, account)


def _is_cut(tx: Tx, mailbox: MailboxId, since: int) -> bool:
    """Does the change log no longer tell of what was removed after `since` (store/mail/condstore.py)?"""
    row = tx.row("SELECT purged FROM mailbox WHERE id=?", mailbox)
    return row is not None and since < row[0]


def _unlearn(tx: Tx, box: Mailbox, since: int) -> None:
    """Drop the rows of removed messages, and let their conversations be as new as what is left of them."""
    removed: list[int] = []
    if _is_cut(tx, box.id, since):
        gone = (
            "SELECT l.uid FROM line l LEFT JOIN message m ON m.mailbox=l.mailbox AND m.uid=l.uid"
            " WHERE l.mailbox=? AND m.uid IS NULL"
        )
        removed += [row[0] for row in tx.rows(gone, box.id)]
    else:
        for uids in condstore.list_removals(tx, box.id, since):
            removed += uidset.numbers(uids)
    touched: set[int] = set()
    for first, last in uidset.ranges_of(sorted(removed)):
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
            mailbox,
            thread,
        )
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
            tx.rows(
                f"SELECT id, thread FROM thread_id WHERE account_id=? AND id IN ({','.join('?' * len(some))})",  # noqa: S608
                box.account,
                *some,
            )
        )
    had, stored, joined = set(known), set(known.values()), dict[int, int]()

    def root(thread: int) -> int:
        """Return the conversation into which this one was joined, or itself."""
        at = thread
        while at in joined:
            at = joined[at]
        while thread != at:  # the way is shorter for the next
            joined[thread], thread = at, joined[thread]
        return at

    placed: list[tuple[Heading, int]] = []
    for one in headings:
        found = {root(known[id_]) for id_ in one.ids if id_ in known}
        # ids are hashes of account and Message-ID, so a conversation has its number from its first message
        thread = min(found) if found else int.from_bytes(one.ids[0][:7], "big")
        joined.update(dict.fromkeys(found - {thread}, thread))
        known.update(dict.fromkeys(one.ids, thread))
        placed.append((one, thread))
    for other in stored & joined.keys():
        _join(tx, box.account, other, root(other))
    newest: dict[int, int] = {}
    lines: list[tuple[object, ...]] = []
    for one, before in placed:
        thread = root(before)
        lines.append((box.id, one.uid, one.who, one.subject, one.size, thread))
        newest[thread] = max(newest.get(thread, 0), one.at)
    tx.many(
        "INSERT INTO line (mailbox,uid,who,subject,size,thread) VALUES (?,?,?,?,?,?)"
        " ON CONFLICT (mailbox,uid) DO UPDATE SET who=excluded.who, subject=excluded.subject,"
        " size=excluded.size, thread=excluded.thread",
        lines,
    )
    tx.many(
        "INSERT INTO thread (mailbox,thread,at) VALUES (?,?,?)"
        " ON CONFLICT (mailbox,thread) DO UPDATE SET at=MAX(thread.at,excluded.at)",
        [(box.id, thread, at) for thread, at in newest.items()],
    )
    tx.many(
        "INSERT INTO thread_id (account_id,id,thread) VALUES (?,?,?)"
        " ON CONFLICT (account_id,id) DO UPDATE SET thread=excluded.thread",
        [(box.account, id_, root(thread)) for id_, thread in known.items() if id_ not in had],
    )


def _join(tx: Tx, account: AccountId, other: int, thread: int) -> None:
    tx.run("UPDATE thread_id SET thread=? WHERE account_id=? AND thread=?", thread, account, other)
    boxes = [row[0] for row in tx.rows("SELECT mailbox FROM thread WHERE thread=?", other)]
    tx.run("UPDATE line SET thread=? WHERE thread=?", thread, other)
    for mailbox in boxes:
        tx.run(
            "INSERT INTO thread (mailbox,thread,at) SELECT mailbox,?,at FROM thread WHERE mailbox=? AND thread=?"
            " ON CONFLICT (mailbox,thread) DO UPDATE SET at=MAX(thread.at,excluded.at)",
            thread,
            mailbox,
            other,
        )
    tx.run("DELETE FROM thread WHERE thread=?", other)
