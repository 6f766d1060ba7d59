"""Mail to the help desk: joins its thread or opens a ticket.

`help@` and its tokens have no mailbox: the ticket is all that is kept, text, header and the files that may be.  `postmaster@`
and `abuse@` (RFC 2142) are filed in their mailbox as well, since reports must be kept as they came; those of machines (DMARC,
TLS) open no ticket, as hundreds come a day.  Nothing is ever answered to a machine (RFC 3834 section 2): not to the null sender,
not to what says Auto-Submitted, not to lists.
"""

import re

from mailcore.core import Core
from mailcore.domain import AccountId, Disposition, Envelope, NewFile, Ticket, Verdict
from mailcore.errors import InvalidName, TicketNotFound, TooMany
from mailcore.log import log_for
from mailcore.mail import address, header, machine_report
from mailcore.services import ticket_text, tickets
from mailcore.store import tickets as store
from mailcore.store.db import Tx

log = log_for(__name__)
DESK = ("help", "hjelp")
ROLES = ("postmaster", "abuse")
MAX_OCTETS = 25 * 2**20
MAX_HEADER = 16_384  # octets of a mail's header that the desk can look at
_MESSAGE_ID = re.compile(r"<[^<>\s]{3,250}>")
_OURS = re.compile(r"<ticket\.(\d{1,15})\.")  # as ticket_mail.send makes them
_BULK = ("bulk", "list", "junk")
_SAME_DAYS = 2 * 86_400


def is_desk(localpart: str) -> bool:
    return localpart.lower() in DESK


def receive(
    core: Core, tx: Tx, envelope: Envelope, to: str, octets: bytes, block: bytes, verdict: Verdict, trace: bytes = b""
) -> str:
    """Take in a message for the desk, inside the transaction that accepts it.

    Args:
        block: its header.
        trace: fields of ours that come before it.

    Returns:
        Why it was refused, or "".
    """
    localpart = to.rpartition("@")[0].lower()
    name, _, token = localpart.partition("+")
    if is_from_machine(envelope.sender, block):
        _note_bounce(core, tx, token, envelope, block)
        return ""
    if name in ROLES and machine_report.is_report(octets, block):
        return ""  # it is filed in their mailbox; hundreds come a day, and nobody waits
    if verdict.disposition is Disposition.JUNK:
        return "The help desk does not take this message; please use the form on our page"
    message_id = next(iter(_ids(block, "message-id")), "")
    if store.has_message(tx, message_id):
        return ""
    writer = next(iter(a for value in header.raw_values(block, "from") for a in address.addr_specs(value)), envelope.sender)
    vouched = not verdict.outside or verdict.dmarc == "pass" or verdict.dkim_aligned or verdict.spf_aligned
    ticket = _thread(core, tx, token, block, writer)
    text, files = _content(octets)
    author = "person" if vouched else "unverified"
    shown = (trace + block)[:MAX_HEADER].decode("utf-8", "replace").replace("\r\n", "\n").strip()
    try:
        if ticket is not None:
            tickets.say(
                core, ticket.id, text or "-", author=author, name=writer, files=files, message_id=message_id, header=shown
            )
            return ""
        tickets.count(core, writer.lower(), limited=True)
        return _open(core, tx, name, writer, vouched, block, text, files, message_id, shown)
    except TooMany:
        return "Too many messages to the help desk; try again in an hour"


def _open(
    core: Core, tx: Tx, name: str, writer: str, vouched: bool, block: bytes, text: str, files: list[NewFile], message_id: str,
    shown: str,
) -> str:  # fmt: skip
    subject = " ".join(header.values(block, "subject")[:1])
    same = store.newest_of(tx, writer, " ".join(subject.split())[: tickets.MAX_SUBJECT], core.clock.seconds() - _SAME_DAYS)
    if same is not None:  # written twice
        author = "person" if vouched else "unverified"
        tickets.say(
            core, same.id, text or "-", author=author, name=writer, files=files, message_id=message_id, header=shown
        )
        return ""
    account = _account(core, tx, writer) if vouched else None
    language = core.people.account(tx, account).language if account else "nb"
    try:
        reply_to = tickets.check_address(writer)
    except InvalidName:
        reply_to = ""
    tickets.open_ticket(
        core, kind=name if name in ROLES else "mail", subject=subject, text=text or "-", reply_to=reply_to, account=account,
        language=ticket_text.language_of(f"{subject}\n{text}", language), files=files, name=writer, message_id=message_id,
        tell=vouched and name not in ROLES, header=shown,
    )  # fmt: skip
    return ""


def is_from_machine(sender: str, block: bytes) -> bool:
    """A bounce, an automatic reply, a list: nobody waits for an answer."""
    if not sender or sender.partition("@")[0].lower() in ("mailer-daemon", "noreply", "no-reply"):
        return True
    automatic = any(value.strip().lower() not in ("no", "") for value in header.values(block, "auto-submitted"))
    bulk = any(value.strip().lower() in _BULK for value in header.values(block, "precedence"))
    replied = bool(header.raw_values(block, "x-autoreply") or header.raw_values(block, "x-autorespond"))
    return automatic or bulk or replied or bool(header.raw_values(block, "list-id"))


def _note_bounce(core: Core, tx: Tx, token: str, envelope: Envelope, block: bytes) -> None:
    """What we sent came back: the desk sees it, nobody is written to."""
    ticket = store.by_token(tx, token) if token else None
    if ticket is None or envelope.sender or ticket.state == "erased":
        log.info("mail of a machine to the help desk was dropped")
        return
    subject = " ".join(header.values(block, "subject")[:1])[:200]
    store.add_message(
        tx, ticket.merged_into or ticket.id, author="note", name="", text=f"Returned mail: {subject}", now=core.clock.seconds()
    )


def _ids(block: bytes, *names: str) -> list[str]:
    return [found for name in names for value in header.values(block, name) for found in _MESSAGE_ID.findall(value)]


def _thread(core: Core, tx: Tx, token: str, block: bytes, writer: str) -> Ticket | None:
    """By the token of the address; else by the thread, if the same person writes."""
    if token:
        try:
            return tickets.by_token(core, token)
        except TicketNotFound:
            return None
    named = _ids(block, "in-reply-to", "references")[:20]
    ours = [int(m[1]) for one in named if (m := _OURS.match(one))]
    ticket = store.by_message_id(tx, named) if named else None
    if ticket is None and ours:
        ticket = store.get(tx, ours[0])
    if ticket is None or ticket.state == "erased":
        return None
    same = ticket.reply_to.lower() == writer.lower() or (ticket.account and _account(core, tx, writer) == ticket.account)
    return ticket if same else None


def _account(core: Core, tx: Tx, writer: str) -> AccountId | None:
    """Whose address this is: one of ours, or the contact address of one account."""
    localpart, _, domain = writer.lower().rpartition("@")
    if domain == core.config.domain.lower():
        return core.people.find_address(tx, localpart.partition("+")[0], domain)
    return store.account_with_contact(tx, writer)


def _content(octets: bytes) -> tuple[str, list[NewFile]]:
    """Text and files; files that are refused are named in the text."""
    text = ticket_text.of_mail(octets[:MAX_OCTETS])
    files, refused = ticket_text.files_of_mail(octets) if len(octets) <= MAX_OCTETS else ([], ["(message too large)"])
    return text + "".join(f"\n[not kept: {name}]" for name in refused), files
