"""Messages by the room they take, as SQL: largest, oldest, forwarded copies, newsletters; and removal of those chosen.

A message is named by the UIDVALIDITY of its mailbox, which no other mailbox ever had, and its uid.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from mailcore.domain import AccountId, MailboxId
from mailcore.store.engine.db import Row, Tx
from mailcore.store.mail.uncounted import IS_UNCOUNTED

Name = tuple[int, int]  # UIDVALIDITY, uid
KEEP_BITS = 2 | 4 | 16  # answered, flagged, draft: somebody's work or wish

_SIZE = f"CASE WHEN m.{IS_UNCOUNTED} THEN 0 ELSE m.size END"  # what removing a message frees
_FIELDS = f"x.uidvalidity,m.uid,x.name,x.special_use,{_SIZE},m.internal_date,m.flags,m.keywords,c.header"


@dataclass(frozen=True, slots=True)
class Takes:
    """One message that takes room; `at` in seconds since 1970."""

    uidvalidity: int
    uid: int
    mailbox: str
    special_use: str
    size: int
    at: int
    flags: int
    keywords: str
    header: bytes


def _takes(row: Row) -> Takes:
    return Takes(row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], bytes(row[8]))


def _ordered(tx: Tx, account: AccountId, order: str, limit: int) -> list[Takes]:
    # headers are long: only those of the messages that are shown are read
    rows = tx.rows(
        f"SELECT {_FIELDS} FROM (SELECT m.mailbox, m.uid FROM mailbox x JOIN message m ON m.mailbox=x.id WHERE x.account_id=?"  # noqa: S608
        f" AND m.flags&16=0 ORDER BY {order} LIMIT ?) f JOIN message m ON m.mailbox=f.mailbox AND m.uid=f.uid"
        f" JOIN mailbox x ON x.id=m.mailbox JOIN blob c ON c.id=m.blob ORDER BY {order}",
        account,
        limit,
    )
    return [_takes(row) for row in rows]


def list_largest(tx: Tx, account: AccountId, limit: int) -> list[Takes]:
    return _ordered(tx, account, "m.size DESC, m.internal_date", limit)


def list_oldest(tx: Tx, account: AccountId, limit: int) -> list[Takes]:
    return _ordered(tx, account, "m.internal_date, m.uid", limit)


_FORWARDED = (
    " FROM onward o JOIN blob c ON c.name=o.content JOIN message m ON m.blob=c.id"
    " JOIN mailbox x ON x.id=m.mailbox WHERE o.account_id=? AND o.state='delivered' AND x.account_id=o.account_id"
    f" AND m.internal_date<? AND m.flags&{KEEP_BITS}=0 AND x.special_use NOT IN ('\\Sent','\\Drafts')"
    " GROUP BY m.mailbox, m.uid, x.uidvalidity"
)


def list_forwarded(tx: Tx, account: AccountId, before: int) -> dict[Name, int]:
    """Return the octets of kept copies, older than `before`, of messages that another server took; none flagged or answered."""
    rows = tx.rows(f"SELECT x.uidvalidity,m.uid,{_SIZE}{_FORWARDED}", account, before)  # noqa: S608
    return {(uidvalidity, uid): size for uidvalidity, uid, size in rows}


def list_oldest_forwarded(tx: Tx, account: AccountId, before: int, limit: int) -> list[Takes]:
    """Return the first of them; the headers of the others are not read."""
    rows = tx.rows(
        f"SELECT {_FIELDS} FROM (SELECT m.mailbox, m.uid, m.internal_date{_FORWARDED} ORDER BY m.internal_date, m.uid LIMIT ?) f"  # noqa: S608
        " JOIN message m ON m.mailbox=f.mailbox AND m.uid=f.uid JOIN mailbox x ON x.id=m.mailbox JOIN blob c ON c.id=m.blob"
        " ORDER BY m.internal_date, m.uid",
        account,
        before,
        limit,
    )
    return [_takes(row) for row in rows]


def list_newsletters(tx: Tx, account: AccountId) -> list[Takes]:
    """Return messages with a List-Id or List-Unsubscribe field, other than flagged and answered ones."""
    rows = tx.rows(
        f"SELECT {_FIELDS} FROM mailbox x JOIN message m ON m.mailbox=x.id JOIN blob c ON c.id=m.blob WHERE x.account_id=?"  # noqa: S608
        f" AND m.flags&{KEEP_BITS}=0 AND (instr(c.header, ?) > 0 OR instr(c.header, ?) > 0)",
        account,
        b"\nList-",
        b"\nlist-",
    )
    return [_takes(row) for row in rows]


def get_sizes(tx: Tx, account: AccountId, names: Sequence[Name]) -> dict[Name, int]:
    """Return the octets of those messages that are (still) the account's."""
    found: dict[Name, int] = {}
    for uidvalidity, mailbox, uids in _by_mailbox(tx, account, names):
        for start in range(0, len(uids), 500):
            some = uids[start : start + 500]
            marks = ",".join("?" * len(some))
            for uid, size in tx.rows(
                f"SELECT m.uid, {_SIZE} FROM message m WHERE m.mailbox=? AND m.uid IN ({marks})",  # noqa: S608
                mailbox,
                *some,
            ):
                found[uidvalidity, uid] = size
    return found


def list_places(tx: Tx, account: AccountId, names: Sequence[Name]) -> list[tuple[MailboxId, list[int]]]:
    """Return the uids of those messages by mailbox."""
    return [(mailbox, uids) for _uidvalidity, mailbox, uids in _by_mailbox(tx, account, names)]


def _by_mailbox(tx: Tx, account: AccountId, names: Sequence[Name]) -> list[tuple[int, MailboxId, list[int]]]:
    wanted: dict[int, list[int]] = {}
    for uidvalidity, uid in names:
        wanted.setdefault(uidvalidity, []).append(uid)
    found = []
    for uidvalidity, uids in wanted.items():
        row = tx.row("SELECT id FROM mailbox WHERE account_id=? AND uidvalidity=?", account, uidvalidity)
        if row:
            found.append((uidvalidity, MailboxId(row[0]), sorted(set(uids))))
    return found
