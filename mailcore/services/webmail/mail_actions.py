"""Actions on messages in the portal.  All of them work over quota (S21)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from mailcore.core import Core
from mailcore.domain import AccountId, Mailbox
from mailcore.errors import MailboxNotFound, NotAllowed
from mailcore.mail.reading.octets import Octets, blocks
from mailcore.services.delivery import imapsieve
from mailcore.services.delivery.imapsieve import MailboxEvent
from mailcore.services.filtering import learning
from mailcore.store.engine.db import Tx

_FLAGS = {
    "read": ("add", "\\Seen"),
    "unread": ("remove", "\\Seen"),
    "flag": ("add", "\\Flagged"),
    "unflag": ("remove", "\\Flagged"),
}
_PLACES = {"junk": "\\Junk", "archive": "\\Archive", "delete": "\\Trash"}


@dataclass(frozen=True, slots=True)
class ActionResult:
    """The number of messages changed; `target` and `uids` are where a move can be taken back from."""

    count: int
    target: str = ""
    uids: tuple[int, ...] = ()


def _ranges(uids: Sequence[int]) -> list[tuple[int, int]]:
    return [(uid, uid) for uid in sorted(set(uids))]


def get_special_mailbox(core: Core, tx: Tx, account: AccountId, use: str) -> Mailbox:
    """Return the mailbox of a special use, created when the owner has none.  `use` such as `\\Trash`."""
    for box in core.mail.mailboxes(tx, account):
        if box.special_use == use:
            return box
    return core.mail.create(tx, account, use.lstrip("\\"), special_use=use)


def apply_action(
    core: Core, account: AccountId, mailbox: str, uids: Sequence[int], action: str, target: str = ""
) -> ActionResult:
    """Do `action` to messages: read, unread, flag, unflag, junk, not-junk, archive, delete, move (to `target`).

    Deleting in Trash is for good; elsewhere it moves to Trash.  What is no junk goes to INBOX.

    Raises:
        MailboxNotFound, NotAllowed: no such action.
    """
    ranges = _ranges(uids)

    def write(tx: Tx) -> tuple[ActionResult, MailboxEvent | None]:
        box = core.mail.mailbox(tx, account, mailbox)
        if action in _FLAGS:
            how, flag = _FLAGS[action]
            core.mail.set_flags(tx, box.id, ranges, how, frozenset({flag}))
            return ActionResult(len(ranges)), None
        if action == "delete" and box.special_use == "\\Trash":
            return ActionResult(len(core.mail.expunge(tx, box.id, ranges, only_deleted=False))), None
        if action == "move":
            there = core.mail.mailbox(tx, account, target)
        elif action == "not-junk" and box.special_use == "\\Junk":
            there = core.mail.mailbox(tx, account, "INBOX")
        elif action in _PLACES:
            there = get_special_mailbox(core, tx, account, _PLACES[action])
        else:
            raise NotAllowed("no such action")
        if there.id == box.id:
            return ActionResult(0), None
        learning.record_move(core, tx, box, ranges, there)
        _, new = core.mail.move(tx, box.id, ranges, there.id)
        event = imapsieve.find_event(core, tx, account, there.id, new, "COPY")
        return ActionResult(len(new), there.name, tuple(new)), event

    if not ranges:
        return ActionResult(0)
    done, event = core.db.write(write, of=(account,))
    imapsieve.run_scripts(core, event)
    return done


def add_keyword(core: Core, account: AccountId, mailbox: str, uid: int, keyword: str) -> None:
    """Add a keyword to a message, where it still is."""

    def write(tx: Tx) -> None:
        box = core.mail.mailbox(tx, account, mailbox)
        core.mail.set_flags(tx, box.id, [(uid, uid)], "add", frozenset({keyword}))

    core.db.write(write, of=(account,))


def mark_all_read(core: Core, account: AccountId, mailbox: str) -> int:
    """Mark all of a mailbox as read, and return how many were unread.  Raises MailboxNotFound."""

    def write(tx: Tx) -> int:
        box = core.mail.mailbox(tx, account, mailbox)
        core.mail.set_flags(tx, box.id, [(1, 2**32)], "add", frozenset({"\\Seen"}))
        return box.unseen

    return core.db.write(write, of=(account,))


def empty_mailbox(core: Core, account: AccountId, mailbox: str) -> int:
    """Delete all messages of Trash or Junk for good, and return how many.  Raises NotAllowed for other mailboxes."""

    def write(tx: Tx) -> int:
        box = core.mail.mailbox(tx, account, mailbox)
        if box.special_use not in ("\\Trash", "\\Junk"):
            raise NotAllowed("only Trash and Junk can be emptied")
        return len(core.mail.expunge(tx, box.id, None, only_deleted=False))

    return core.db.write(write, of=(account,))


def open_message(core: Core, account: AccountId, mailbox: str, uid: int) -> tuple[bytes, Octets]:
    """Return our trace header, and the message after it, which is a map of its file if it is large.  Raises MailboxNotFound."""

    def read(tx: Tx) -> tuple[bytes, Octets]:
        return core.mail.pieces(tx, core.mail.mailbox(tx, account, mailbox).id, uid)

    trace, octets = core.db.read(read)
    if not octets:
        raise MailboxNotFound(f"message {uid} of {mailbox}")
    return trace, octets


def open_source(core: Core, account: AccountId, mailbox: str, uid: int) -> tuple[int, Iterator[bytes]]:
    """Return how many octets a message has, and they themselves, piece by piece.  Raises MailboxNotFound."""
    trace, octets = open_message(core, account, mailbox, uid)
    return len(trace) + len(octets), chain([trace], blocks(octets))
