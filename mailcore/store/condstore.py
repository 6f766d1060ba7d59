"""What changed since a modseq, for clients that come back (RFC 7162), and the end of the change log.

Removals are read from the change log.  The log is cut now and then; up to `mailbox.purged` it has forgotten, and then
what is missing is told instead: every number that was given and is there no more.  So no removal is ever lost.
"""

from mailcore.domain import AccountId, MailboxId
from mailcore.store import uidset
from mailcore.store.db import Tx
from mailcore.store.uidset import Ranges

KEEP = 2000  # entries of the log that a mailbox keeps at least


def changed(tx: Tx, mailbox: MailboxId, ranges: Ranges, since: int) -> list[int]:
    """Which of these messages have a modseq above `since`."""
    return [
        row[0]
        for first, last in ranges
        for row in tx.rows(
            "SELECT uid FROM message WHERE mailbox=? AND uid BETWEEN ? AND ? AND modseq>? ORDER BY uid",
            mailbox, first, last, since,
        )
    ]  # fmt: skip


def forgotten(tx: Tx, mailbox: MailboxId, since: int) -> bool:
    """Has the log been cut after `since`?"""
    row = tx.row("SELECT purged FROM mailbox WHERE id=?", mailbox)
    return bool(row) and row is not None and row[0] > since


def vanished(tx: Tx, mailbox: MailboxId, since: int, known: Ranges) -> list[tuple[int, int]]:
    """Ranges within `known` (ascending) that were removed after `since`; where the log is cut, also older ones."""
    if forgotten(tx, mailbox, since):
        return _missing(tx, mailbox, known)
    gone: set[int] = set()
    for (uids,) in tx.rows("SELECT uids FROM change WHERE mailbox=? AND modseq>? AND kind='remove'", mailbox, since):
        gone.update(uidset.numbers(uids))
    return uidset.ranges(uid for uid in sorted(gone) if any(low <= uid <= high for low, high in known))


def _missing(tx: Tx, mailbox: MailboxId, known: Ranges) -> list[tuple[int, int]]:
    """What was given once, lies in `known` and is not there."""
    top = tx.row("SELECT uidnext FROM mailbox WHERE id=?", mailbox)
    found: list[tuple[int, int]] = []
    for first, last in known:
        at, end = first, min(last, top[0] - 1 if top else 0)
        for (uid,) in tx.rows(
            "SELECT uid FROM message WHERE mailbox=? AND uid BETWEEN ? AND ? ORDER BY uid", mailbox, first, end
        ):
            if uid > at:
                found.append((at, uid - 1))
            at = uid + 1
        if at <= end:
            found.append((at, end))
    return found


def cut(tx: Tx) -> list[AccountId]:
    """Shorten the logs that have grown to twice KEEP; gives the accounts whose logs were cut."""
    cut_ones: list[AccountId] = []
    for mailbox, account in tx.rows(
        "SELECT mailbox, max(account) FROM change GROUP BY mailbox HAVING count(*)>? LIMIT 100", 2 * KEEP
    ):
        row = tx.row("SELECT modseq FROM change WHERE mailbox=? ORDER BY modseq DESC LIMIT 1 OFFSET ?", mailbox, KEEP)
        if row is None:
            continue
        tx.run("DELETE FROM change WHERE mailbox=? AND modseq<=?", mailbox, row[0])
        tx.run("UPDATE mailbox SET purged=max(purged,?) WHERE id=?", row[0], mailbox)
        cut_ones.append(account)
    return cut_ones


def highest(tx: Tx, mailbox: MailboxId, ranges: Ranges) -> int:
    """The highest modseq among these messages."""
    tops = (
        tx.row("SELECT max(modseq) FROM message WHERE mailbox=? AND uid BETWEEN ? AND ?", mailbox, first, last)
        for first, last in ranges
    )
    return max((row[0] or 0 for row in tops if row), default=0)
