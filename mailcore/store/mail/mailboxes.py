"""Mailboxes: names, hierarchy with "/", special use (RFC 6154), subscriptions."""

import json
from collections.abc import Collection, Sequence

from mailcore.clock import Clock
from mailcore.domain import AccountId, Mailbox, MailboxId
from mailcore.errors import InvalidName, MailboxExists, MailboxNotFound
from mailcore.saying import Saying
from mailcore.store.engine.db import Row, Statement, Tx
from mailcore.store.mail import annotations, mailbox_facts, uidset
from mailcore.store.mail.uncounted import IS_UNCOUNTED

EXPLICITLY = 2  # subscribed by SUBSCRIBE: it outlives the mailbox; 1 = because it was made
MAX_NAME, MAX_DEPTH, MAX_MAILBOXES = 255, 16, 5000

_COLUMNS = "id,account_id,name,uidvalidity,uidnext,modseq,messages,unseen,octets,special_use,subscribed,keywords,recent"
_ONE = f"SELECT {_COLUMNS} FROM mailbox WHERE account_id=? AND name=?"  # noqa: S608 - our own columns
_BY_ID = f"SELECT {_COLUMNS} FROM mailbox WHERE id=?"  # noqa: S608
_MANY = f"SELECT {_COLUMNS} FROM mailbox WHERE account_id IN (SELECT value FROM json_each(?)) AND name IN (%s)"  # noqa: S608
_TO_DELETE = (
    "SELECT subscribed, (SELECT COALESCE(SUM(size),0) FROM message WHERE message.mailbox=mailbox.id"  # noqa: S608
    f" AND NOT {IS_UNCOUNTED}) FROM mailbox WHERE account_id=? AND name=?"
)


def _mailbox(row: Row) -> Mailbox:
    keywords = frozenset(row[11].split()) if row[11] else frozenset[str]()
    return Mailbox(
        row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8], row[9], bool(row[10]), keywords, row[12]
    )


def canonical(name: str) -> str:
    """INBOX in any case is INBOX (RFC 9051 section 5.1); other names are as written."""
    head, slash, rest = name.partition("/")
    return "INBOX" + slash + rest if head.upper() == "INBOX" else name


def check_name(name: str) -> str:
    """Return the name as it is saved; raises InvalidName."""
    name = canonical(name.rstrip("/"))
    if not name or len(name.encode()) > MAX_NAME:
        raise InvalidName(
            Saying("The name of a mailbox is empty or too long (at most %(most)s octets).", most=MAX_NAME)
        )
    levels = name.split("/")
    if len(levels) > MAX_DEPTH:
        raise InvalidName(Saying("Mailboxes may be at most %(most)s levels deep.", most=MAX_DEPTH))
    if any(level in ("", ".", "..") for level in levels):
        raise InvalidName(Saying("A level of a mailbox name may not be empty, . or .."))
    if any(ord(c) < 32 or ord(c) == 127 or c in "*%" or 0xD800 <= ord(c) < 0xE000 for c in name):
        raise InvalidName(Saying("A mailbox name may not hold control characters, * or %%."))
    return name


def _parents(name: str) -> list[str]:
    """Return the names of those that it is in, the outermost first."""
    levels = name.split("/")
    return ["/".join(levels[:depth]) for depth in range(1, len(levels))]


class Mailboxes:
    """The mailboxes of all accounts."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def mailboxes(self, tx: Tx, account: AccountId) -> list[Mailbox]:
        rows = tx.rows(f"SELECT {_COLUMNS} FROM mailbox WHERE account_id=? ORDER BY name<>'INBOX', name", account)  # noqa: S608
        return [_mailbox(row) for row in rows]

    def mailbox(self, tx: Tx, account: AccountId, name: str) -> Mailbox:
        row = tx.row(_ONE, account, canonical(name))
        if row is None:
            raise MailboxNotFound(name)
        return _mailbox(row)

    def ask_for(self, accounts: Sequence[AccountId], names: Collection[str]) -> Statement:
        """Return what to ask for the mailboxes of these names, of all these accounts (`Tx.ask`, `read_mailboxes`)."""
        if len(accounts) == len(names) == 1:
            return _ONE, (*accounts, *names)
        return _MANY % ",".join("?" * len(names)), (json.dumps(list(accounts)), *names)

    def ask_for_one(self, mailbox: MailboxId) -> Statement:
        """Return what to ask for a mailbox (`Tx.ask`, `read_mailboxes`)."""
        return _BY_ID, (mailbox,)

    def read_mailboxes(self, rows: Sequence[Row]) -> list[Mailbox]:
        """Read what is answered to `ask_for`."""
        return [_mailbox(row) for row in rows]

    def get(self, tx: Tx, mailbox: MailboxId) -> Mailbox:
        row = tx.row(_BY_ID, mailbox)
        if row is None:
            raise MailboxNotFound(f"mailbox {mailbox}")
        return _mailbox(row)

    def modseq(self, tx: Tx, mailbox: MailboxId) -> int:
        """Return the highest modseq of the mailbox; 0 if it was deleted."""
        row = tx.row("SELECT modseq FROM mailbox WHERE id=?", mailbox)
        return row[0] if row else 0

    def create(self, tx: Tx, account: AccountId, name: str, special_use: str = "") -> Mailbox:
        """Create a mailbox and its missing parents; raises MailboxExists, InvalidName."""
        name = check_name(name)
        wanted = [*_parents(name), name]
        marks = ",".join("?" * len(wanted))
        there, counted = tx.ask(
            [
                (f"SELECT name FROM mailbox WHERE account_id=? AND name IN ({marks})", (account, *wanted)),  # noqa: S608
                ("SELECT count(*) FROM mailbox WHERE account_id=?", (account,)),
            ]
        )
        existing, count = {row[0] for row in there}, counted[0][0]
        if name in existing:
            raise MailboxExists(name)
        if count >= MAX_MAILBOXES:
            raise InvalidName(Saying("You can have at most %(most)s mailboxes.", most=MAX_MAILBOXES))
        return self._insert(tx, account, [one for one in wanted if one not in existing], special_use)[-1]

    def delete(self, tx: Tx, account: AccountId, name: str) -> MailboxId:
        """Delete a mailbox with its messages; children stay."""
        asked = (account, canonical(name))
        rows, more = tx.ask([(_ONE, asked), (_TO_DELETE, asked)])
        if not rows:
            raise MailboxNotFound(name)
        box, (subscribed, counted_octets) = _mailbox(rows[0]), more[0]
        if box.name == "INBOX":
            raise InvalidName(Saying("The inbox cannot be deleted."))
        if subscribed == EXPLICITLY:
            mailbox_facts.add_lost_subscription(tx, account, box.name)
        annotations.delete_entries(tx, account, box.id)
        self._log(tx, account, box.id, box.modseq + 1, "delete")  # stays, as the newest entry (store/mail/condstore.py)
        tx.run_later("UPDATE account SET used=used-? WHERE id=?", counted_octets, account)
        tx.run_later("DELETE FROM message WHERE mailbox=?", box.id)
        tx.run_later("DELETE FROM change WHERE mailbox=? AND kind='remove'", box.id)
        tx.run_later("DELETE FROM mailbox WHERE id=?", box.id)
        return box.id

    def rename(self, tx: Tx, account: AccountId, old: str, new: str) -> None:
        """Rename a mailbox and its children; INBOX gives its messages to the new one (RFC 3501 section 6.3.5)."""
        boxes = {box.name: box for box in self.mailboxes(tx, account)}
        box = boxes.get(canonical(old))
        if box is None:
            raise MailboxNotFound(old)
        new = check_name(new)
        if new in boxes:
            raise MailboxExists(new)
        if new.startswith(box.name + "/") and box.name != "INBOX":
            raise InvalidName(Saying("A mailbox cannot be moved into itself."))
        if box.name == "INBOX":
            self._empty_into(tx, box, self.create(tx, account, new))
            return
        prefix = box.name + "/"
        # shorter names first: they may make room for longer ones
        moved = sorted((one for one in boxes if one == box.name or one.startswith(prefix)), key=len)
        staying = boxes.keys() - set(moved)
        names = {one: check_name(new + one[len(box.name) :]) for one in moved}
        for name in names.values():
            if name in staying:
                raise MailboxExists(name)
        if missing := [parent for parent in _parents(new) if parent not in boxes]:
            self._insert(tx, account, missing, "")
        for one, name in names.items():
            tx.run_later("UPDATE mailbox SET name=? WHERE id=?", name, boxes[one].id)
            mailbox_facts.forget_lost_subscription(tx, account, name)
            self._log(tx, account, boxes[one].id, boxes[one].modseq, "rename")

    def subscribe(self, tx: Tx, account: AccountId, name: str, on: bool) -> None:
        """Raises MailboxNotFound: nothing of that name can be subscribed.

        A subscription that outlived its mailbox can be ended.  To end one that there is not is done already: mail
        programs end that of the old name after each RENAME.
        """
        asked: list[Statement] = [(_ONE, (account, canonical(name)))]
        if not on:
            asked.append(mailbox_facts.ask_to_delete_lost_subscription(account, canonical(name)))
        rows, *lost = tx.ask(asked)
        if not on and (not rows or any(lost)):
            return
        if not rows:
            raise MailboxNotFound(name)
        box = _mailbox(rows[0])
        tx.run_later("UPDATE mailbox SET subscribed=? WHERE id=?", EXPLICITLY if on else 0, box.id)
        self._log(tx, account, box.id, box.modseq, "subscribe" if on else "unsubscribe")

    def subscriptions(self, tx: Tx, account: AccountId) -> list[str]:
        """Return the subscribed names, also those whose mailbox is deleted (RFC 9051 section 6.3.7)."""
        there = [box.name for box in self.mailboxes(tx, account) if box.subscribed]
        return there + [name for name in mailbox_facts.list_lost_subscriptions(tx, account) if name not in there]

    def _insert(self, tx: Tx, account: AccountId, names: Sequence[str], special_use: str) -> list[Mailbox]:
        """Create mailboxes of these names, the last of them with the use."""
        ids, validities = self._numbers(tx, len(names))
        uses = [""] * (len(names) - 1) + [special_use]
        created = [
            Mailbox(MailboxId(number), account, name, uidvalidity, 1, 1, 0, 0, 0, use, True)
            for number, name, uidvalidity, use in zip(ids, names, validities, uses, strict=True)
        ]
        for box in created:
            mailbox_facts.forget_lost_subscription(tx, account, box.name)
            tx.run_later(
                "INSERT INTO mailbox (id,account_id,name,uidvalidity,uidnext,modseq,messages,unseen,octets,special_use,"
                "subscribed,keywords) VALUES (?,?,?,?,1,1,0,0,0,?,1,'')",
                box.id,
                account,
                box.name,
                box.uidvalidity,
                box.special_use,
            )
            self._log(tx, account, box.id, 1, "create")
        return created

    def _numbers(self, tx: Tx, count: int) -> tuple[range, range]:
        """Return ids and UIDVALIDITYs that were never used before.

        What sessions, caches and the change log know of a deleted mailbox is of no other one, and a new one of the same name is
        another (RFC 9051 section 2.3.1.1).
        """
        rows = tx.rows(
            "INSERT INTO setting (key,value) VALUES ('mailbox',CAST((SELECT COALESCE(max(id),0) FROM mailbox)+? AS TEXT)),"
            "('uidvalidity',CAST(? AS TEXT)) ON CONFLICT (key) DO UPDATE SET"
            " value=CAST(max(CAST(setting.value AS INTEGER)+?,CAST(excluded.value AS INTEGER)) AS TEXT) RETURNING key,value",
            count,
            self._clock.seconds() + count - 1,
            count,
        )
        last = {key: int(value) for key, value in rows}
        ids, validities = last["mailbox"] + 1, last["uidvalidity"] + 1
        return range(ids - count, ids), range(validities - count, validities)

    def _empty_into(self, tx: Tx, box: Mailbox, target: Mailbox) -> None:
        uids = [row[0] for row in tx.rows("SELECT uid FROM message WHERE mailbox=? ORDER BY uid", box.id)]
        if not uids:
            return
        now = self._clock.seconds()
        tx.run_later("UPDATE message SET mailbox=?, modseq=2, saved_at=? WHERE mailbox=?", target.id, now, box.id)
        tx.run_later(
            "UPDATE mailbox SET uidnext=?, modseq=2, messages=?, unseen=?, octets=?, keywords=?, recent=? WHERE id=?",
            box.uidnext,
            box.messages,
            box.unseen,
            box.octets,
            " ".join(sorted(box.keywords)),
            box.recent,
            target.id,
        )
        tx.run_later("UPDATE mailbox SET modseq=modseq+1, messages=0, unseen=0, octets=0 WHERE id=?", box.id)
        self._log(tx, box.account, target.id, 2, "add")
        self._log(tx, box.account, box.id, box.modseq + 1, "remove", uidset.text(uids))

    def _log(self, tx: Tx, account: AccountId, mailbox: MailboxId, modseq: int, kind: str, uids: str = "") -> None:
        """The Change row of a change, in the same transaction (order 2); others wake after the commit (order 4)."""
        tx.require_lock(account)
        tx.run_later(
            "INSERT INTO change (account_id,mailbox,modseq,kind,uids) VALUES (?,?,?,?,?)",
            account,
            mailbox,
            modseq,
            kind,
            uids,
        )
        tx.changed.add(account)
