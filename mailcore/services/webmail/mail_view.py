"""One message for reading: decoded fields, text, files, what to be careful about, and what belongs with it."""

import re
from dataclasses import dataclass
from datetime import datetime

from mailcore.core import Core
from mailcore.domain import AccountId, Mailbox, MessageInfo
from mailcore.errors import MailboxNotFound
from mailcore.mail.reading import header, text
from mailcore.mail.reading.fields import Header
from mailcore.mail.reading.message import Message
from mailcore.mail.reading.octets import Octets
from mailcore.mail.showing import body, invitation, protection
from mailcore.mail.showing.invitation import Invitation
from mailcore.services.webmail import attachments, cautions, html_mail, invitations, list_leaving, list_lines
from mailcore.services.webmail.attachments import MailFile
from mailcore.services.webmail.cautions import Caution
from mailcore.services.webmail.list_leaving import Ways
from mailcore.services.webmail.mail_list import Line, line_of
from mailcore.store.engine.db import Tx
from mailcore.store.people.addresses import list_addresses
from mailcore.store.webmail import lists as store

MAX_SHOWN = 300_000  # characters of text on the page; the whole is in the source
MAX_RELATED = 50
_SPECIAL = re.compile(r'[,;:<>@"()\[\]\\]')  # of RFC 5322 section 3.2.3; a dot alone is read rightly
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Related:
    """Another message of the conversation, and where it is."""

    mailbox: Mailbox
    line: Line


@dataclass(frozen=True, slots=True)
class Reading:
    """A message for reading.  `html` tells whether there is a designed version, `thin` that the text says too little.

    `newer` and `older` are uids in the same mailbox, 0 at the ends.  `sent` is what the author's clock said.
    """

    mailbox: Mailbox
    uid: int
    subject: str
    sender: str
    reply_to: str
    to: str
    cc: str
    at: datetime
    sent: datetime | None
    size: int
    flagged: bool
    body: str
    cut: bool
    files: tuple[MailFile, ...]
    html: bool
    thin: bool
    remote: bool  # does the designed version ask for pictures from the network?
    warnings: tuple[Caution, ...]
    related: tuple[Related, ...]
    newer: int
    older: int
    leaving: Ways = Ways()  # off the mailing list that it came by
    has_left: bool = False
    protection: str = ""  # of mail/showing/protection.py
    meeting: Invitation | None = None
    answered: str = ""  # the answer to it that was given from here


def read_message(core: Core, account: AccountId, name: str, uid: int, known: tuple[str, ...] = ()) -> Reading:
    """One message, and mark it as seen.

    Args:
        known: domains that the reader has written to; a sender's that only looks like one is told of.

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
    found = body.read(octets, root)
    html = "\n".join(text.part_text(octets, part) for part in found.designed if part.subtype == "html")
    texts = [body.shown(octets, part, MAX_SHOWN) for part in found.written]
    plain = "\n\n".join(texts)
    is_thin = bool(found.designed) and (not texts or found.written[0].subtype == "html" or _is_thin(texts[0], html))
    return Reading(
        box,
        uid,
        fields.text("subject"),
        _people(fields, "from"),
        _people(fields, "reply-to"),
        _people(fields, "to"),
        _people(fields, "cc"),
        info.internal_date,
        fields.sent_at,
        info.size,
        "\\Flagged" in info.flags,
        plain[:MAX_SHOWN],
        len(plain) > MAX_SHOWN,
        attachments.list_files(octets, root),
        bool(found.designed),
        is_thin,
        html_mail.has_remote(html),
        cautions.find_cautions(core, fields, html, known),
        tuple(related),
        newer,
        older,
        list_leaving.find_ways(core, fields),
        list_leaving.has_left(info.flags),
        protection.find_protection(root),
        invitation.find_invitation(octets, root, own),
        invitations.given_answer(info.flags),
    )


def _people(fields: Header, name: str) -> str:
    """Everybody in the fields of that name: names with their addresses in brackets, addresses alone without.

    A name may not turn the reading direction of the address behind it.
    """
    written = (
        f"{phrase(_TURNS.sub('', one.name))} <{one.spec}>" if one.name and one.spec else one.shown
        for one in fields.addresses(name)
    )
    return ", ".join(written) or fields.text(name)


def phrase(name: str) -> str:
    """A name as one types it before an address: one that looks like more than a name is quoted."""
    return '"' + name.replace("\\", "").replace('"', "'") + '"' if _SPECIAL.search(name) else name


def _is_thin(written: str, html: str) -> bool:
    """No text, or only a line that sends the reader to the designed version."""
    return not written.strip() or (len(written.strip()) < 120 and len(html) > 3000)


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
