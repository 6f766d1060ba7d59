"""Reading messages: UIDs, rows for FETCH, octets, and the changes after a modseq."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from mailcore.clock import Clock
from mailcore.domain import AccountId, Mailbox, MailboxId, MessageInfo
from mailcore.mail.reading.octets import Octets
from mailcore.store.engine.db import Row, Statement, Tx
from mailcore.store.mail import condstore, uidset
from mailcore.store.mail import flags as flag_bits
from mailcore.store.mail.answers import Answers
from mailcore.store.mail.blobs import Blobs
from mailcore.store.mail.mailboxes import Mailboxes
from mailcore.store.mail.uidset import Ranges


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes of a mailbox after a modseq: new uids, removed uids, uids whose flags changed."""

    modseq: int
    added: tuple[int, ...]
    removed: tuple[int, ...]
    flagged: tuple[tuple[int, frozenset[str], int], ...]  # uid, flags now, modseq
    recent: int = 0  # the first uid that no session has claimed as \\Recent
    uidvalidity: int = 0  # of the mailbox; 0 = it is gone
    is_cut: bool = False  # the log is cut after the modseq: removals may be missing


@dataclass(frozen=True, slots=True)
class Fetched:
    """One message with the derived parts that were asked for (else b'')."""

    info: MessageInfo
    prefix: bytes  # our trace header; precedes the blob's octets and counts in size
    header: bytes  # prefix + header block
    envelope: bytes
    body: bytes
    structure: bytes


REMEMBERED = 1000  # messages; the UIDs of a smaller mailbox are read anew
_STATE = "SELECT modseq, recent, uidvalidity, purged FROM mailbox WHERE id=?"
_CHANGED = "SELECT uid, flags, keywords, modseq FROM message WHERE mailbox=? AND modseq>? ORDER BY uid"
_UIDS_FROM = "SELECT uid FROM message WHERE mailbox=? AND uid>=? ORDER BY uid"
# SQLite's planner prefers the primary key, and would walk all that is seen
_FIRST_UNSEEN = (
    "SELECT uid FROM message INDEXED BY message_unseen WHERE mailbox=? AND flags & 1 = 0 ORDER BY uid LIMIT 1"
)
_INFO = "m.uid,m.flags,m.keywords,m.modseq,m.internal_date,m.size,m.blob,m.zone"
_PARTS = {
    "header": "b.header",
    "envelope": "b.envelope",
    "body": "b.body",
    "structure": "b.structure",
    # mail/asking/summary.py; or the whole header, of the few messages whose fields could not be cut apart
    "usual": "s.usual,CASE WHEN s.usual IS NULL THEN (SELECT h.header FROM blob h WHERE h.id=m.blob) END",
}
DERIVED = frozenset(_PARTS)  # parts that may be long
_OF_BLOB = frozenset({"header", "envelope", "body", "structure"})
# Columns of `rows`: FETCH of 10,000 messages makes no object but octets of each.
UID, FLAGS, KEYWORDS, MODSEQ, AT, SIZE, BLOB, ZONE, PREFIX, HEADER, ENVELOPE, BODY, STRUCTURE, USUAL, UNCUT = range(15)


def ask_for_infos(mailbox: MailboxId, ranges: Ranges) -> list[Statement]:
    sql = f"SELECT {_INFO} FROM message m WHERE mailbox=? AND uid BETWEEN ? AND ? ORDER BY uid"  # noqa: S608
    return [(sql, (mailbox, first, last)) for first, last in ranges]


def _first(rows: Sequence[Row]) -> int:
    return int(rows[0][0]) if rows else 0


def read_info(row: Row) -> MessageInfo:
    zone = timezone(timedelta(minutes=row[7])) if row[7] else UTC
    return MessageInfo(
        row[0], flag_bits.join_flags(row[1], row[2]), row[3], datetime.fromtimestamp(row[4], zone), row[5], row[6]
    )


class MessageReader(Mailboxes):
    """Messages as they are; mailboxes come from the parent."""

    def __init__(self, clock: Clock, blobs: Blobs, answers: Answers) -> None:
        super().__init__(clock)
        self._blobs, self._answers = blobs, answers

    def uids(self, tx: Tx, mailbox: MailboxId) -> list[int]:
        return [row[0] for row in tx.rows("SELECT uid FROM message WHERE mailbox=? ORDER BY uid", mailbox)]

    def uids_and_first_unseen(self, tx: Tx, box: Mailbox) -> "tuple[array[int], int]":
        """Return the UIDs of a mailbox as it was just read, and the first of them that is not \\Seen, or 0.

        The UIDs of large mailboxes are remembered: as long as uidnext and the number of messages are the same, so are the
        UIDs, for each change of them changes one of the two for good.
        """
        state = array("I", (box.uidnext, box.messages))
        known = array("I", self._answers.get(("uids", box.id)) or b"")
        if known[:2] == state:
            [unseen] = tx.ask([(_FIRST_UNSEEN, (box.id,))])
            return known[2:], _first(unseen)
        is_older = len(known) > 0 and known[0] <= box.uidnext
        rows, unseen = tx.ask([(_UIDS_FROM, (box.id, known[0] if is_older else 0)), (_FIRST_UNSEEN, (box.id,))])
        uids = array("I", [row[0] for row in rows])
        if is_older and known[1] + len(uids) == box.messages:  # nothing was removed meanwhile
            uids = known[2:] + uids
        elif is_older:
            uids = array("I", self.uids(tx, box.id))
        if len(uids) > REMEMBERED and (not len(known) or is_older):
            self._answers.put(("uids", box.id), (state + uids).tobytes())
        return uids, _first(unseen)

    def infos(self, tx: Tx, mailbox: MailboxId, ranges: Ranges) -> list[MessageInfo]:
        return [read_info(row) for rows in tx.ask(ask_for_infos(mailbox, ranges)) for row in rows]

    def rows(
        self, tx: Tx, mailbox: MailboxId, ranges: Ranges, parts: frozenset[str], *, lean: bool = False
    ) -> list[Row]:
        """Return messages with the derived parts asked for (else None), as plain rows: see the columns above.

        Args:
            lean: columns of the message itself only if they are among the parts, too, and rows end with the last of them.
        """
        columns = [one if one in parts or not lean else "NULL" for one in _INFO.split(",")]
        columns[UID] = "m.uid"
        columns.append("m.prefix" if parts & {"header", "prefix"} else "NULL")  # long rows cost time
        columns += [column if part in parts else "NULL" for part, column in _PARTS.items()]
        while lean and columns[-1].endswith("NULL"):
            columns.pop()
        join = "JOIN blob b ON b.id=m.blob" if parts & _OF_BLOB else ""
        join += " LEFT JOIN summary s ON s.blob=m.blob" if "usual" in parts else ""
        sql = (
            f"SELECT {','.join(columns)} FROM message m {join}"  # noqa: S608 - names of our own columns
            " WHERE m.mailbox=? AND m.uid BETWEEN ? AND ? ORDER BY m.uid"
        )
        if len(ranges) == 1:
            return tx.rows(sql, mailbox, *ranges[0])
        return [row for first, last in ranges for row in tx.rows(sql, mailbox, first, last)]

    def fetch(self, tx: Tx, mailbox: MailboxId, ranges: Ranges, parts: frozenset[str]) -> list[Fetched]:
        """Return the same as values; the header begins with the message's own trace fields."""
        return [
            Fetched(
                read_info(row),
                row[PREFIX] or b"",
                (row[PREFIX] or b"") + (row[HEADER] or b""),
                row[ENVELOPE] or b"",
                row[BODY] or b"",
                row[STRUCTURE] or b"",
            )
            for row in self.rows(tx, mailbox, ranges, parts)
        ]

    def next_uids(self, tx: Tx, mailbox: MailboxId, first: int, limit: int) -> list[int]:
        """Return the next uids from `first` on."""
        rows = tx.rows("SELECT uid FROM message WHERE mailbox=? AND uid>=? ORDER BY uid LIMIT ?", mailbox, first, limit)
        return [row[0] for row in rows]

    def sizes(self, tx: Tx, mailbox: MailboxId, ranges: Ranges) -> list[Row]:
        """Return uid and octets of these messages."""
        sql = "SELECT uid, size FROM message WHERE mailbox=? AND uid BETWEEN ? AND ? ORDER BY uid"
        return [row for first, last in ranges for row in tx.rows(sql, mailbox, first, last)]

    def measure(self, tx: Tx, mailbox: MailboxId, ranges: Ranges) -> tuple[int, int]:
        """Return octets of these messages together, and of the largest."""
        sql = (
            "SELECT COALESCE(SUM(size), 0), COALESCE(MAX(size), 0) FROM message WHERE mailbox=? AND uid BETWEEN ? AND ?"
        )
        rows = [row for first, last in ranges for row in tx.rows(sql, mailbox, first, last)]
        return sum(int(row[0]) for row in rows), max((int(row[1]) for row in rows), default=0)

    def sizes_and_times(self, tx: Tx, mailbox: MailboxId) -> list[Row]:
        """Return uid, octets and internal date (seconds) of all messages."""
        return tx.rows("SELECT uid, size, internal_date FROM message WHERE mailbox=?", mailbox)

    def content(self, tx: Tx, mailbox: MailboxId, uid: int) -> bytes | None:
        """Return the SHA-256 of a message's shared octets, without its own trace fields; None if it was removed."""
        row = tx.row(
            "SELECT b.name FROM message m JOIN blob b ON b.id=m.blob WHERE m.mailbox=? AND m.uid=?", mailbox, uid
        )
        return bytes(row[0]) if row else None

    def places_of(self, tx: Tx, account: AccountId, content: bytes) -> list[tuple[str, int]]:
        """Return mailbox and uid of every message of these octets."""
        rows = tx.rows(
            "SELECT x.name, m.uid FROM blob b JOIN message m ON m.blob=b.id JOIN mailbox x ON x.id=m.mailbox"
            " WHERE b.name=? AND x.account_id=? ORDER BY x.name, m.uid",
            content,
            account,
        )
        return [(row[0], row[1]) for row in rows]

    def has_blob(self, tx: Tx, account: AccountId, blob: int) -> bool:
        """Does the account have a message of these octets?"""
        return (
            tx.row(
                "SELECT 1 FROM message m JOIN mailbox b ON b.id=m.mailbox WHERE m.blob=? AND b.account_id=?",
                blob,
                account,
            )
            is not None
        )

    def octets(self, tx: Tx, mailbox: MailboxId, uid: int) -> bytes:
        """Return the whole message, or b"" if it was removed."""
        row = tx.row("SELECT blob, prefix FROM message WHERE mailbox=? AND uid=?", mailbox, uid)
        return bytes(row[1]) + self._blobs.octets(tx, row[0]) if row else b""

    def pieces(self, tx: Tx, mailbox: MailboxId, uid: int) -> tuple[bytes, Octets]:
        """Return the trace header and the octets after it, mapped from their file if large; empty if it was removed."""
        row = tx.row("SELECT blob, prefix FROM message WHERE mailbox=? AND uid=?", mailbox, uid)
        return (bytes(row[1]), self._blobs.mapped(tx, row[0])) if row else (b"", b"")

    def changes(self, tx: Tx, mailbox: MailboxId, since: int, known: int) -> Changes:
        """Return the changes after the modseq `since`, for one who knows messages up to the uid `known`."""
        return self.read_changes(tx.ask(self.ask_for_changes(mailbox, since)), since, known)

    def ask_for_changes(self, mailbox: MailboxId, since: int) -> list[Statement]:
        """Return what to ask for the changes after a modseq (`Tx.ask`, `read_changes`)."""
        return [(_STATE, (mailbox,)), (condstore.REMOVALS, (mailbox, since)), (_CHANGED, (mailbox, since))]

    def read_changes(self, answers: Sequence[Sequence[Row]], since: int, known: int) -> Changes:
        """Read what is answered to `ask_for_changes`."""
        states, removals, messages = answers
        removed = [uid for (uids,) in removals for uid in uidset.numbers(uids)]
        added: list[int] = []
        flagged: list[tuple[int, frozenset[str], int]] = []
        for uid, bits, keywords, modseq in messages:
            if uid > known:
                added.append(uid)
            else:
                flagged.append((uid, flag_bits.join_flags(bits, keywords), modseq))
        modseq, recent, uidvalidity, purged = states[0] if states else (since, 0, 0, 0)
        return Changes(modseq, tuple(added), tuple(removed), tuple(flagged), recent, uidvalidity, purged > since)
