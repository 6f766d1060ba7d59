"""Changes since a modseq, for clients that come back (RFC 7162), and the end of the change log.

Removals are read from the change log, all else from the messages; the other entries of the log say that there is
something to read (order 2).  The newest entry always stays, as its number must not be given again.  The log is cut now
and then; up to `mailbox.purged` it has forgotten, and then what is missing is told instead: every number that was
given and is there no more.  So no removal is ever lost.
"""

from mailcore.domain import AccountId, MailboxId
from mailcore.store.engine.db import Statement, Tx
from mailcore.store.mail import uidset
from mailcore.store.mail.uidset import Ranges

KEEP = 2000  # removals that a mailbox's log keeps at least
REMOVALS = "SELECT uids FROM change WHERE mailbox=? AND modseq>? AND kind='remove' ORDER BY modseq"
NEWS = 100_000  # entries that only wake others (store/mail/news.py), who look several times a second


def list_changed(tx: Tx, mailbox: MailboxId, ranges: Ranges, since: int) -> list[int]:
    """Return the UIDs of these messages with a modseq above `since`."""
    return [row[0] for rows in tx.ask(ask_for_changed(mailbox, ranges, since)) for row in rows]


def ask_for_changed(mailbox: MailboxId, ranges: Ranges, since: int) -> list[Statement]:
    """Return what to ask for UIDs with a modseq above `since`, for each range."""
    sql = "SELECT uid FROM message WHERE mailbox=? AND uid BETWEEN ? AND ? AND modseq>? ORDER BY uid"
    return [(sql, (mailbox, first, last, since)) for first, last in ranges]


def list_uids_of_modseq(tx: Tx, mailbox: MailboxId, modseq: int) -> list[int]:
    """Return the UIDs of the messages that got this modseq."""
    return [row[0] for row in tx.rows("SELECT uid FROM message WHERE mailbox=? AND modseq=?", mailbox, modseq)]


def is_log_cut(tx: Tx, mailbox: MailboxId, since: int) -> bool:
    """Has the log been cut after `since`?"""
    row = tx.row("SELECT purged FROM mailbox WHERE id=?", mailbox)
    return bool(row) and row is not None and row[0] > since


def list_removals(tx: Tx, mailbox: MailboxId, since: int) -> list[str]:
    """Return the sets of uids that were removed after `since`, oldest first, as far as the log is not cut."""
    return [row[0] for row in tx.rows(REMOVALS, mailbox, since)]


def list_vanished(tx: Tx, mailbox: MailboxId, since: int, known: Ranges) -> list[tuple[int, int]]:
    """Return the ranges within `known` (ascending) that were removed after `since`; where the log is cut, also older ones."""
    if is_log_cut(tx, mailbox, since):
        return _missing(tx, mailbox, known)
    gone: set[int] = set()
    for uids in list_removals(tx, mailbox, since):
        gone.update(uidset.numbers(uids))
    return uidset.ranges_of(filter(uidset.within(known), sorted(gone)))


def _missing(tx: Tx, mailbox: MailboxId, known: Ranges) -> list[tuple[int, int]]:
    """Return the UIDs in `known` that were once assigned and no longer exist."""
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


def cut_logs(tx: Tx) -> list[AccountId]:
    """Shorten the logs that have grown to twice KEEP; gives the accounts whose logs were cut."""
    tx.run("DELETE FROM change WHERE kind<>'remove' AND id<=(SELECT MAX(id) FROM change)-?", NEWS)
    cut_ones: list[AccountId] = []
    for mailbox, account in tx.rows(
        "SELECT mailbox, max(account_id) FROM change WHERE kind='remove' GROUP BY mailbox HAVING count(*)>? LIMIT 100",
        2 * KEEP,
    ):
        row = tx.row(
            "SELECT modseq FROM change WHERE mailbox=? AND kind='remove' ORDER BY modseq DESC LIMIT 1 OFFSET ?",
            mailbox,
            KEEP,
        )
        if row is None:
            continue
        tx.run("DELETE FROM change WHERE mailbox=? AND modseq<=? AND kind='remove'", mailbox, row[0])
        tx.run("UPDATE mailbox SET purged=max(purged,?) WHERE id=?", row[0], mailbox)
        cut_ones.append(account)
    return cut_ones


def find_highest_modseq(tx: Tx, mailbox: MailboxId, ranges: Ranges) -> int:
    """Return the highest modseq among these messages, or 0."""
    tops = (
        tx.row("SELECT max(modseq) FROM message WHERE mailbox=? AND uid BETWEEN ? AND ?", mailbox, first, last)
        for first, last in ranges
    )
    return max((row[0] or 0 for row in tops if row), default=0)
