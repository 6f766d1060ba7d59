"""Mail as the portal shows it: mailboxes with counts, pages of a list, one message as plain text."""

from dataclasses import dataclass
from datetime import datetime
from email.utils import getaddresses

from mailcore.core import Core
from mailcore.domain import Account, AccountId, Mailbox
from mailcore.errors import MailboxNotFound
from mailcore.mail import header, text
from mailcore.services import mail_files
from mailcore.services.html_mail import page_of
from mailcore.services.mail_files import MailFile
from mailcore.store.db import Tx
from mailcore.store.mail import Fetched

PAGE = 50


@dataclass(frozen=True, slots=True)
class Line:
    """A message in a list; people by their names where they have one."""

    uid: int
    subject: str
    sender: str
    recipient: str
    at: datetime
    size: int
    seen: bool
    flagged: bool
    answered: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a mailbox, newest first; `number` counts from 1."""

    mailbox: Mailbox
    lines: tuple[Line, ...]
    number: int
    pages: int


@dataclass(frozen=True, slots=True)
class Reading:
    """A message for reading: decoded header fields and its text."""

    mailbox: Mailbox
    uid: int
    subject: str
    sender: str
    to: str
    cc: str
    at: datetime
    size: int
    body: str
    files: tuple[MailFile, ...]
    html: bool  # is there a version to be shown in the frame?
    blocked: int  # remote pictures that were left out of it
    doubtful: bool  # our own checks say that the author may be somebody else


def mailboxes(core: Core, account: AccountId) -> list[Mailbox]:
    """INBOX first, then by name."""
    return core.db.read(lambda tx: core.mail.mailboxes(tx, account))


def account(core: Core, account_id: AccountId) -> Account:
    """As it stands now, with what is used."""
    return core.db.read(lambda tx: core.people.account(tx, account_id))


def _first(block: bytes, name: str) -> str:
    return " ".join((header.values(block, name) or [""])[0].split())


def _people(text: str) -> str:
    return ", ".join(name or address for name, address in getaddresses([text]) if name or address) or text


def line_of(f: Fetched) -> Line:
    """One that was fetched with its header."""
    flags = f.info.flags
    return Line(
        f.info.uid, _first(f.header, "subject"), _people(_first(f.header, "from")), _people(_first(f.header, "to")),
        f.info.internal_date, f.info.size, "\\Seen" in flags, "\\Flagged" in flags, "\\Answered" in flags,
    )  # fmt: skip


def page(core: Core, account_id: AccountId, name: str, number: int) -> Page:
    """A page of the list; a number outside it means the nearest page.  Raises MailboxNotFound."""

    def read(tx: Tx) -> Page:
        box = core.mail.mailbox(tx, account_id, name)
        uids = core.mail.uids(tx, box.id)
        pages = max(1, -(-len(uids) // PAGE))
        here = min(max(1, number), pages)
        shown = uids[::-1][(here - 1) * PAGE : here * PAGE]
        if not shown:
            return Page(box, (), here, pages)
        wanted = set(shown)
        found = core.mail.fetch(tx, box.id, [(shown[-1], shown[0])], frozenset({"header"}))
        lines = [line_of(f) for f in reversed(found) if f.info.uid in wanted]
        return Page(box, tuple(lines), here, pages)

    return core.db.read(read)


def _doubtful(core: Core, block: bytes) -> bool:
    """Did DMARC fail?  Only our own field counts; others could have written theirs."""
    ours = f"{core.config.host};".lower()
    return any(
        value.lower().startswith(ours) and "dmarc=fail" in value.lower()
        for value in header.values(block, "authentication-results")
    )


def read_message(core: Core, account_id: AccountId, name: str, uid: int) -> Reading:
    """One message, and mark it as seen.  Raises MailboxNotFound for a message that is gone, too."""

    def read(tx: Tx) -> tuple[Reading, bool]:
        box = core.mail.mailbox(tx, account_id, name)
        infos = core.mail.infos(tx, box.id, [(uid, uid)])
        octets = core.mail.octets(tx, box.id, uid) if infos else b""
        if not infos or not octets:
            raise MailboxNotFound(f"message {uid} of {name}")
        block = octets[: header.split(octets)[1]]
        safe = page_of(octets)
        reading = Reading(
            box, uid, _first(block, "subject"), _first(block, "from"), _first(block, "to"), _first(block, "cc"),
            infos[0].internal_date, infos[0].size, text.plain(octets), mail_files.listing(octets),
            safe is not None, safe.blocked if safe else 0, _doubtful(core, block),
        )  # fmt: skip
        return reading, "\\Seen" in infos[0].flags

    reading, seen = core.db.read(read)
    if not seen:
        box = reading.mailbox.id
        core.db.write(lambda tx: core.mail.set_flags(tx, box, [(uid, uid)], "add", frozenset({"\\Seen"})))
    return reading
