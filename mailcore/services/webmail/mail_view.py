"""One message for reading: its content (message_content.py), what to be careful about, and what belongs with it."""

from dataclasses import dataclass, replace
from datetime import datetime

from mailcore.core import Core
from mailcore.domain import AccountId, Mailbox, MessageInfo
from mailcore.errors import MailboxNotFound
from mailcore.mail.reading import header
from mailcore.mail.reading.fields import Header
from mailcore.mail.reading.message import Message
from mailcore.mail.reading.octets import Octets
from mailcore.mail.showing import invitation, protection, wrapped
from mailcore.mail.showing.invitation import Invitation
from mailcore.services.webmail import cautions, invitations, list_leaving, list_lines, message_content
from mailcore.services.webmail.cautions import Caution
from mailcore.services.webmail.list_leaving import Ways
from mailcore.services.webmail.mail_list import Line, line_of
from mailcore.services.webmail.message_content import Content
from mailcore.store.engine.db import Tx
from mailcore.store.people.addresses import list_addresses
from mailcore.store.webmail import lists as store

MAX_RELATED = 50


@dataclass(frozen=True, slots=True)
class Related:
    """Another message of the conversation, and where it is."""

    mailbox: Mailbox
    line: Line


@dataclass(frozen=True, slots=True)
class Reading:
    """A message for reading, and its place: `newer` and `older` are uids in the same mailbox, 0 at the ends.

    `inside` is the path (inside.py) of what the content is of: "" but for a message that S/MIME wrapped whole.
    """

    mailbox: Mailbox
    uid: int
    content: Content
    at: datetime
    size: int
    flagged: bool
    warnings: tuple[Caution, ...]
    related: tuple[Related, ...]
    newer: int
    older: int
    leaving: Ways = Ways()  # off the mailing list that it came by
    has_left: bool = False
    meeting: Invitation | None = None
    answered: str = ""  # the answer to it that was given from here
    inside: str = ""


def read_message(
    core: Core, account: AccountId, name: str, uid: int, known: tuple[str, ...] = (), portion: int = 1
) -> Reading:
    """One message, and mark it as seen.

    Args:
        known: domains that the reader has written to; a sender's that only looks like one is told of.
        portion: of a very large text.

    Raises:
        MailboxNotFound: for a message that is gone, too.
    """
    list_lines.update_list_if_short(core, account, name)

    def read(tx: Tx) -> tuple[Mailbox, MessageInfo, bytes, Octets, tuple[int, int], list[Related], tuple[str, ...]]:
        box = core.mail.mailbox(tx, account, name)
        infos = core.mail.infos(tx, box.id, [(uid, uid)])
        trace, octets = core.mail.pieces(tx, box.id, uid) if infos else (b"", b"")
        if not octets:
            raise MailboxNotFound(f"message {uid} of {name}")
        near = store.find_neighbours(tx, box.id, uid)
        return box, infos[0], trace, octets, near, _related(core, tx, box, uid), tuple(list_addresses(tx, account))

    box, info, trace, octets, (newer, older), related, own = core.db.read(read)
    if "\\Seen" not in info.flags:
        core.db.write(
            lambda tx: core.mail.set_flags(tx, box.id, [(uid, uid)], "add", frozenset({"\\Seen"})), of=(account,)
        )
    message = Message(octets)
    root, fields = message.root, Header(trace + message.header.block)
    opened = wrapped.unwrap(octets, root)
    path = "" if opened.root is root else "0"
    content = message_content.read_content(opened.octets, opened.root, fields, portion)
    if path:
        content = replace(content, protection=protection.find_protection(root))
    return Reading(
        box,
        uid,
        content,
        info.internal_date,
        info.size,
        "\\Flagged" in info.flags,
        cautions.find_cautions(core, fields, content.html, known),
        tuple(related),
        newer,
        older,
        list_leaving.find_ways(core, fields),
        list_leaving.has_left(info.flags),
        invitation.find_invitation(opened.octets, opened.root, own),
        invitations.given_answer(info.flags),
        path,
    )


def _related(core: Core, tx: Tx, box: Mailbox, uid: int) -> list[Related]:
    """The rest of the conversation, without what lies in Trash or Junk."""
    rows = store.list_conversation(tx, box.account, box.id, uid, MAX_RELATED)
    if len(rows) < 2:
        return []
    boxes = {one.id: one for one in core.mail.mailboxes(tx, box.account)}
    return [
        Related(boxes[row[0]], line_of(row[1:]))
        for row in rows
        if row[0] in boxes
        and (row[0], row[1]) != (box.id, uid)
        and (row[0] == box.id or boxes[row[0]].special_use not in ("\\Trash", "\\Junk"))
    ]


def all_fields(core: Core, account: AccountId, name: str, uid: int) -> tuple[tuple[str, str], ...]:
    """Every field of the header, decoded.  Raises MailboxNotFound."""

    def read(tx: Tx) -> bytes:
        found = core.mail.fetch(tx, core.mail.mailbox(tx, account, name).id, [(uid, uid)], frozenset({"header"}))
        return found[0].header if found else b""

    block = core.db.read(read)
    if not block:
        raise MailboxNotFound(f"message {uid} of {name}")
    return tuple((field, header.unfolded(value)) for field, value in Header(block))
