"""The mail of all accounts: mailboxes, messages, flags.  SQL over whole sets, never row by row.

Every method runs inside `db.read(...)` or `db.write(...)` (see store/engine/db.py): the first argument is the
transaction `tx`.  Methods that change something need a writing transaction; others are woken after it.

A class, where the rest of the store is functions of `tx`: the clock, the blobs and the remembered answers are needed by
most of what appends, copies and reads, and would be three parameters of each.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice

from mailcore.domain import AccountId, Mailbox, MailboxId, MessageInfo
from mailcore.errors import MailboxNotFound, OverQuota
from mailcore.store.engine.db import Row, Statement, Tx
from mailcore.store.mail import flags as flag_bits
from mailcore.store.mail import uidset
from mailcore.store.mail.blobs import Prepared, Saved
from mailcore.store.mail.message_reader import MessageReader, ask_for_infos, read_info
from mailcore.store.mail.transfers import Measured, Transfer, find_headroom, measure
from mailcore.store.mail.uidset import Ranges
from mailcore.store.mail.uncounted import IS_UNCOUNTED

GRACE = 10 * 2**20  # one last message up to this size may cross the quota (S20)
# Of internal dates, in seconds: closer to the calendar's ends there are zones in which nobody could show them.
EARLIEST, LATEST = (int(datetime(*day, tzinfo=UTC).timestamp()) for day in ((1, 1, 3), (9999, 12, 29)))
_TAKE_SPACE = (
    "UPDATE account SET used=used+CASE WHEN EXISTS (SELECT 1 FROM uncounted_blob WHERE blob=?) THEN 0 ELSE ? END"
    " WHERE id=?"
)
_NEXT_UID = (
    "SELECT uidnext, modseq, keywords, EXISTS (SELECT 1 FROM uncounted_blob WHERE blob=?) FROM mailbox WHERE id=?"
)
_SIZES = f"SELECT uid,size,flags,{IS_UNCOUNTED} FROM message WHERE mailbox=? AND uid BETWEEN ? AND ?"  # noqa: S608
_UNSEEN = (
    "SELECT count(*) FROM message INDEXED BY message_unseen WHERE mailbox=? AND uid BETWEEN ? AND ? AND flags & 1 = 0"
)
_HAS_MODSEQ = "SELECT 1 FROM message WHERE mailbox=? AND uid BETWEEN ? AND ? AND modseq=? LIMIT 1"
_KEYWORDS = "SELECT DISTINCT keywords FROM message WHERE mailbox=? AND uid BETWEEN ? AND ?"
_MESSAGE = "mailbox,uid,flags,keywords,modseq,internal_date,size,blob,prefix,zone,saved_at"
_COPY = (
    f"INSERT INTO message ({_MESSAGE})"  # noqa: S608
    " SELECT ?, ?+row_number() OVER (ORDER BY uid)-1, flags, keywords, ?, internal_date, size, blob, prefix, zone, ?"
    " FROM message WHERE mailbox=? AND uid BETWEEN ? AND ? ORDER BY uid"
)
_ROOM = "SELECT used, quota FROM account WHERE id=?"


def fits(used: int, quota: int, size: int) -> bool:
    """Say if so many octets have room; one last message up to GRACE may cross the line (S20)."""
    return not quota or used + size <= quota or (used < quota and size <= GRACE)


def _zone(at: datetime) -> int:
    """Minutes east of Greenwich."""
    offset = at.utcoffset()
    return int(offset.total_seconds()) // 60 if offset else 0


class MailStore(MessageReader):
    """All that is done with messages and mailboxes; each change writes its row of the change log with it (order 2)."""

    def append(
        self,
        tx: Tx,
        account: AccountId,
        mailbox: MailboxId,
        prepared: Prepared | Saved,
        flags: frozenset[str],
        internal_date: datetime,
        *,
        prefix: bytes = b"",
        enforce_quota: bool = True,
        grace: bool = False,
    ) -> int:
        """Put a message in, and give its uid.

        Raises:
            OverQuota: used + size is above the quota (with `grace`, one last message may cross it).
        """
        tx.require_lock(account)
        size = prepared.size + len(prefix)
        counted = 0 if isinstance(prepared, Saved) and not prepared.counted else size
        self._take_space(tx, account, counted, enforce=enforce_quota and counted > 0, grace=grace)
        blob = prepared.id if isinstance(prepared, Saved) else self._blobs.save(tx, prepared, self._clock.seconds())
        row = tx.row(_NEXT_UID, blob, mailbox)
        if row is None:
            raise MailboxNotFound(f"mailbox {mailbox}")
        if row[3] and counted:  # the octets turn out to be those of a newsletter
            tx.run("UPDATE account SET used=used-? WHERE id=?", counted, account)
        known = row[0], row[1], frozenset(row[2].split())
        return self._insert_message(tx, account, mailbox, known, Saved(blob, size), flags, internal_date, prefix)

    def append_unasked(
        self,
        tx: Tx,
        box: Mailbox,
        room: tuple[int, int],
        message: Saved,
        flags: frozenset[str],
        internal_date: datetime,
        *,
        prefix: bytes = b"",
        grace: bool = True,
    ) -> int:
        """Put a message in as `append` does, without asking the database for anything.

        Args:
            box, room: the mailbox, and octets used and allowed, as they were read in this transaction under the lock of the
                account, since when nothing of its mail has been written (`Tx.changed`).

        Raises:
            OverQuota: as `append`.
        """
        tx.require_lock(box.account)
        size = message.size + len(prefix)
        if message.counted:
            used, quota = room
            if not (fits(used, quota, size) if grace else not quota or used + size <= quota):
                raise OverQuota("the mailbox is full")
            tx.run_later(_TAKE_SPACE, message.id, size, box.account)
        known = box.uidnext, box.modseq, box.keywords
        return self._insert_message(
            tx, box.account, box.id, known, Saved(message.id, size), flags, internal_date, prefix
        )

    def _insert_message(
        self,
        tx: Tx,
        account: AccountId,
        mailbox: MailboxId,
        known: tuple[int, int, frozenset[str]],
        message: Saved,
        flags: frozenset[str],
        internal_date: datetime,
        prefix: bytes,
    ) -> int:
        """Write the rows of a message for which there is room.

        Args:
            known: uidnext, modseq and keywords of the mailbox as they are.
            message: its size counts the prefix.
        """
        uid, modseq, words = known[0], known[1] + 1, known[2]
        bits, keywords = flag_bits.split_flags(flags)
        tx.run_later(
            f"INSERT INTO message ({_MESSAGE}) VALUES (?,?,?,?,?,?,?,?,?,?,?)",  # noqa: S608
            mailbox,
            uid,
            bits,
            keywords,
            modseq,
            min(max(int(internal_date.timestamp()), EARLIEST), LATEST),
            message.size,
            message.id,
            prefix,
            _zone(internal_date),
            self._clock.seconds(),
        )
        self._learn(tx, mailbox, words, keywords)
        tx.run_later(
            "UPDATE mailbox SET uidnext=uidnext+1, modseq=?, messages=messages+1, unseen=unseen+?, octets=octets+?"
            " WHERE id=?",
            modseq,
            0 if bits & flag_bits.SEEN else 1,
            message.size,
            mailbox,
        )
        self._log(tx, account, mailbox, modseq, "add")
        return uid

    def set_flags(self, tx: Tx, mailbox: MailboxId, ranges: Ranges, how: str, flags: frozenset[str]) -> int:
        """Change flags of a set by a few statements; only messages that change get the new modseq, which is given."""
        return self.change_flags(tx, self.get(tx, mailbox), ranges, how, flags)[0]

    def change_flags(
        self, tx: Tx, box: Mailbox, ranges: Ranges, how: str, flags: frozenset[str], *, with_infos: bool = False
    ) -> tuple[int, list[MessageInfo]]:
        """The same in a mailbox as it was just read, under the lock of its account; with the messages as they are then."""
        tx.require_lock(box.account)
        modseq = box.modseq + 1
        bits, keywords = flag_bits.split_flags(flags)
        count = [(_UNSEEN, (box.id, *one)) for one in ranges] if bits & flag_bits.SEEN or how == "replace" else []
        changing = self._changing(tx, box, ranges, how, (bits, keywords), modseq)
        touching = [(_HAS_MODSEQ, (box.id, min(ranges)[0], max(last for _, last in ranges), modseq))] if ranges else []
        asking = ask_for_infos(box.id, ranges) if with_infos else []
        answers = iter(tx.ask([*count, *changing, *touching, *count, *asking]))
        before, _, touched, after = (
            [row for rows in islice(answers, len(asked)) for row in rows]
            for asked in (count, changing, touching, count)
        )
        infos = [read_info(row) for rows in answers for row in rows]
        if not touched:
            return box.modseq, infos
        unseen = sum(row[0] for row in after) - sum(row[0] for row in before)
        tx.run_later("UPDATE mailbox SET modseq=?, unseen=unseen+? WHERE id=?", modseq, unseen, box.id)
        if how != "remove":
            self._learn(tx, box.id, box.keywords, keywords)
        self._log(tx, box.account, box.id, modseq, "flag")
        return modseq, infos

    def _changing(
        self, tx: Tx, box: Mailbox, ranges: Ranges, how: str, flags: tuple[int, str], modseq: int
    ) -> list[Statement]:
        """Return the statements that change the messages."""
        bits, keywords = flags
        expression = {"add": "flags|?", "remove": "flags & ~?", "replace": "?"}[how]
        where = "mailbox=? AND uid BETWEEN ? AND ?"
        sql = f"UPDATE message SET flags={expression}, modseq=? WHERE {where} AND flags<>{expression}"  # noqa: S608
        changing: list[Statement] = [(sql, (bits, modseq, box.id, *one, bits)) for one in ranges]
        if how == "replace":
            sql = f"UPDATE message SET keywords=?, modseq=? WHERE {where} AND keywords<>?"  # noqa: S608
            changing += [(sql, (keywords, modseq, box.id, *one, keywords)) for one in ranges]
        elif words := keywords.split():
            sql = f"UPDATE message SET keywords=?, modseq=? WHERE {where} AND keywords=?"  # noqa: S608
            # by combination that is in use, of which a mailbox has few
            combinations = tx.ask([(_KEYWORDS, (box.id, *one)) for one in ranges])
            for one, rows in zip(ranges, combinations, strict=True):
                for (old,) in rows:
                    if (new := flag_bits.change_keywords(old, how, words)) is not None:
                        changing.append((sql, (new, modseq, box.id, *one, old)))
        return changing

    def copy(
        self, tx: Tx, account: AccountId, source: MailboxId, ranges: Ranges, target: MailboxId
    ) -> tuple[list[int], list[int]]:
        """Copy messages; give their uids there and here.

        Raises:
            OverQuota: unless the target is Trash and its headroom suffices (S21).
        """
        questions = self.ask_for_transfer(account, source, ranges, self.ask_for_one(target))
        transfer = self.read_transfer(tx.ask(questions), ranges)
        return transfer.measured.uids, self.carry_out_copy(tx, transfer)

    def move(self, tx: Tx, source: MailboxId, ranges: Ranges, target: MailboxId) -> tuple[list[int], list[int]]:
        """Move messages (RFC 6851).  Never over quota: nothing grows."""
        questions = self.ask_for_transfer(None, source, ranges, self.ask_for_one(target))
        transfer = self.read_transfer(tx.ask(questions), ranges)
        return transfer.measured.uids, self.carry_out_move(tx, transfer)

    def ask_for_room(self, account: AccountId) -> Statement:
        """Return what to ask for octets used and allowed."""
        return _ROOM, (account,)

    def ask_for_transfer(
        self, account: AccountId | None, source: MailboxId, ranges: Ranges, there: Statement
    ) -> list[Statement]:
        """Return what to ask before messages are copied or moved (`Tx.ask`, `read_transfer`).

        Args:
            account: None where no room is needed.
            there: what to ask for the target.
        """
        return [
            self.ask_for_one(source),
            there,
            *((f"{_SIZES} ORDER BY uid", (source, *one)) for one in ranges),
            *([self.ask_for_room(account)] if account is not None else []),
        ]

    def read_transfer(self, answers: Sequence[Sequence[Row]], ranges: Ranges) -> Transfer:
        """Read what is answered to `ask_for_transfer`.  Raises MailboxNotFound: there is no target."""
        targets, end = self.read_mailboxes(answers[1]), 2 + len(ranges)
        if not targets:
            raise MailboxNotFound("the target")
        # a source that is gone has no messages
        source = next(iter(self.read_mailboxes(answers[0])), targets[0])
        room = next(iter(answers[end]), (0, 0)) if len(answers) > end else (0, 0)
        return Transfer(source, targets[0], (room[0], room[1]), ranges, measure(answers[2:end]))

    def carry_out_copy(self, tx: Tx, transfer: Transfer) -> list[int]:
        """Copy what was read in this transaction under the lock of the account, and give the new uids.

        Raises:
            OverQuota: as `copy`.
        """
        here = transfer.measured
        if not here.uids:
            return []
        if here.counted:
            used, quota = transfer.room
            if quota and used + here.counted > quota + find_headroom(transfer.target, quota):
                raise OverQuota("the mailbox is full")
            tx.run_later("UPDATE account SET used=used+? WHERE id=?", here.counted, transfer.target.account)
        return self._put_all(tx, transfer)

    def carry_out_move(self, tx: Tx, transfer: Transfer) -> list[int]:
        """The same for `move`."""
        if not transfer.measured.uids:
            return []
        new = self._put_all(tx, transfer)
        source = transfer.source
        if source.id == transfer.target.id:
            source = replace(source, modseq=source.modseq + 1)
        self._remove(tx, source, transfer.measured)
        return new

    def expunge(self, tx: Tx, mailbox: MailboxId, ranges: Ranges | None, *, only_deleted: bool = True) -> list[int]:
        """Remove messages for good; blobs that nothing names are swept later (order 1)."""
        condition = f" AND flags&{flag_bits.DELETED}<>0" if only_deleted else ""
        sql = f"{_SIZES}{condition} ORDER BY uid"
        boxes, *sizes = tx.ask(
            [
                self.ask_for_one(mailbox),
                *((sql, (mailbox, *one)) for one in ([(1, 2**32)] if ranges is None else ranges)),
            ]
        )
        measured = measure(sizes)
        if measured.uids:
            [box] = self.read_mailboxes(boxes)
            self._remove(tx, box, measured)
            tx.run_later("UPDATE account SET used=used-? WHERE id=?", measured.counted, box.account)
        return measured.uids

    def _put_all(self, tx: Tx, transfer: Transfer) -> list[int]:
        source, box, measured = transfer.source, transfer.target, transfer.measured
        modseq, at, now = box.modseq + 1, box.uidnext, self._clock.seconds()
        inserts: list[tuple[object, ...]] = []
        for (first, last), count in zip(transfer.ranges, measured.counts, strict=True):
            inserts.append((box.id, at, modseq, now, source.id, first, last))
            at += count
        tx.run_many_later(_COPY, inserts)
        tx.run_later(
            "UPDATE mailbox SET uidnext=?, modseq=?, messages=messages+?, unseen=unseen+?, octets=octets+? WHERE id=?",
            at,
            modseq,
            len(measured.uids),
            measured.unseen,
            measured.size,
            box.id,
        )
        if source.keywords:
            self._learn(tx, box.id, box.keywords, f" {' '.join(sorted(source.keywords))} ")
        self._log(tx, box.account, box.id, modseq, "add")
        return list(range(box.uidnext, at))

    def _learn(self, tx: Tx, mailbox: MailboxId, known: frozenset[str], keywords: str) -> None:
        """Save the keywords in use, which SELECT sends without a walk; one that went out of use stays in the list."""
        words = frozenset(keywords.split())
        if not words <= known:
            tx.run_later("UPDATE mailbox SET keywords=? WHERE id=?", " ".join(sorted(known | words)), mailbox)

    def _remove(self, tx: Tx, box: Mailbox, measured: Measured) -> None:
        tx.run_many_later(
            "DELETE FROM message WHERE mailbox=? AND uid BETWEEN ? AND ?",
            [(box.id, first, last) for first, last in uidset.ranges_of(measured.uids)],
        )
        tx.run_later(
            "UPDATE mailbox SET modseq=?, messages=messages-?, unseen=unseen-?, octets=octets-? WHERE id=?",
            box.modseq + 1,
            len(measured.uids),
            measured.unseen,
            measured.size,
            box.id,
        )
        self._log(tx, box.account, box.id, box.modseq + 1, "remove", uidset.text(measured.uids))

    def _take_space(self, tx: Tx, account: AccountId, size: int, *, enforce: bool, grace: bool = False) -> None:
        """Count `size` octets against the quota.  One conditional update: parallel deliveries cannot both pass."""
        has_room = "quota=0 OR used+?<=quota"
        if grace and size <= GRACE:
            has_room = f"({has_room}) OR used<quota"
        if not enforce:
            has_room = "?>=0"
        if not tx.run(f"UPDATE account SET used=used+? WHERE id=? AND ({has_room})", size, account, size):  # noqa: S608
            raise OverQuota("the mailbox is full")
