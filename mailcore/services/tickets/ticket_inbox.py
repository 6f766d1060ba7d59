"""Mail to the help desk: joins its thread or opens a ticket.

`help@` and its tokens have no mailbox: the ticket is all that is saved, text, header and the files that may be.  `postmaster@`
and `abuse@` (RFC 2142) are filed in their mailbox as well, since reports must be saved as they came; those of machines (DMARC,
TLS) open no ticket, as hundreds come a day.  Nothing is ever answered to a machine (RFC 3834 section 2): not to the null sender,
not to what says Auto-Submitted, not to lists.

What opens no ticket is never lost in silence: it is a note in the ticket whose answer it is, or is listed in the trace of
`postmaster@` with the reason, or is refused in the session.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from mailcore.core import Core
from mailcore.domain import AccountId, Disposition, Envelope, NewFile, Outcome, Refusal, Ticket, TicketState, Verdict
from mailcore.errors import InvalidName, TicketNotFound, TooMany
from mailcore.log import log_for
from mailcore.mail.reading import automatic
from mailcore.mail.reading.fields import Header
from mailcore.mail.reading.message import Message
from mailcore.mail.showing import machine_report
from mailcore.services.tickets import ticket_text, tickets
from mailcore.store.delivery import records
from mailcore.store.engine.db import Tx
from mailcore.store.people.accounts import get_account
from mailcore.store.people.addresses import find_address_owner
from mailcore.store.tickets import tickets as store
from sieve.addrspec import comparable, read_addr_spec

log = log_for(__name__)
DESK = ("help", "hjelp")
ROLES = ("postmaster", "abuse")
MAX_OCTETS = 25 * 2**20
MAX_HEADER = 16_384  # octets of a mail's header that the desk can look at
LATER = "Too many messages to the help desk; try again in an hour"
NOTES_PER_HOUR = 5  # in one case, of what machines answer
_MESSAGE_ID = re.compile(r"<[^<>\s]{3,250}>")
_OURS = re.compile(r"<ticket\.(\d{1,15})\.")  # as ticket_mail.send makes them
_SAME_DAYS = 2 * 86_400
_DAEMON = ("mailer-daemon",)
_SILENT = ("noreply", "no-reply", "donotreply", "do-not-reply")  # nobody reads there, but somebody may have written


@dataclass(frozen=True, slots=True)
class Letter:
    """A message to the desk, read before the transaction.

    Attributes:
        machine: it was written by a machine, and nobody waits for an answer.
        report: one of those that machines write to postmaster@ and abuse@ by the hundred.
        writer: the author's address, or what stands for it.
        answer_to: where answers go: Reply-To if there is one (RFC 5322 section 3.6.2); "" if there is nothing to answer to.
        threads: message ids that it answers or refers to.
        shown: its header, for the desk.
    """

    machine: bool
    report: bool
    writer: str
    answer_to: str
    subject: str
    text: str
    files: tuple[NewFile, ...]
    message_id: str
    threads: tuple[str, ...]
    shown: str


@dataclass(frozen=True, slots=True)
class Filed:
    """The desk sees the message.

    Attributes:
        opened: the case whose first letter is due now.
    """

    opened: int | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The message is refused in the session, with this reason."""

    reason: str
    refusal: Refusal = Refusal.RULE


@dataclass(frozen=True, slots=True)
class SetAside:
    """The message is accepted and becomes no ticket, for this reason."""

    reason: str


Received = Filed | Refused | SetAside


def is_desk(localpart: str) -> bool:
    """Say if the local part is the desk's own, which has no mailbox."""
    return localpart.lower() in DESK


def read_letter(core: Core, message: Message, sender: str, trace: bytes = b"") -> Letter:
    """Read a message, before the transaction that accepts it; asks no database, and raises nothing whatever the octets are.

    Args:
        sender: of the envelope.
        trace: fields of ours that come before it.
    """
    fields = message.header
    machine = is_from_machine(sender, fields)
    text, files = ("", ()) if machine else _text_and_files(message)
    written = _addresses(fields, "from")
    writer = written[0] if written else sender
    answer_to = _first_answerable(core, (*_addresses(fields, "reply-to"), writer, sender))
    return Letter(
        machine,
        not machine and machine_report.is_report(message),
        writer,
        answer_to,
        fields.text("subject"),
        text or "-",
        files,
        next(iter(_message_ids(fields, "message-id")), ""),
        tuple(_message_ids(fields, "in-reply-to", "references")[:20]),
        (trace + fields.block)[:MAX_HEADER].decode("utf-8", "replace").replace("\r\n", "\n").strip(),
    )


def receive_letter(
    core: Core,
    tx: Tx,
    envelope: Envelope,
    to: str,
    letter: Letter,
    verdict: Verdict,
    about: records.About,
    *,
    may_refuse: bool = True,
) -> Received:
    """Take in a message for the desk, inside the transaction that accepts it.  What becomes no ticket is listed.

    Args:
        may_refuse: the session tells the sender, as nobody else takes the message.

    Raises:
        TooMany: where it may not refuse; all of it comes again later.
    """
    localpart = to.rpartition("@")[0].lower()
    name, _, token = localpart.partition("+")
    received = _file_letter(core, tx, envelope, name, token, letter, verdict, may_refuse=may_refuse)
    match received:
        case Filed():
            pass
        case Refused() | SetAside():
            if name not in ROLES:  # those have their mailbox, and its owner a trace
                _list_aside(core, tx, envelope, to, received, about)
        case _:
            assert_never(received)
    return received


def _file_letter(
    core: Core,
    tx: Tx,
    envelope: Envelope,
    name: str,
    token: str,
    letter: Letter,
    verdict: Verdict,
    *,
    may_refuse: bool,
) -> Received:
    if letter.machine:
        return _note_answer(core, tx, token, envelope, letter)
    if name in ROLES and letter.report:
        return SetAside("a report of a machine")
    if verdict.disposition is Disposition.JUNK and may_refuse:  # else its sender would hear a 250, and it be gone
        return Refused("The help desk does not take this message; please use the form on our page")
    if store.has_message(tx, letter.message_id, letter.writer, ticket_text.tidy_text(letter.text)):
        return SetAside("a case has it already")
    is_authentic = not verdict.outside or verdict.dmarc == "pass" or verdict.dkim_aligned or verdict.spf_aligned
    ticket = _find_ticket(core, tx, token, letter)
    opened: int | None = None
    try:
        if ticket is None:
            tickets.count_ticket(core, tx, letter.writer, peer=envelope.peer, of_place=tickets.MAILED_PER_HOUR)
            ticket = _find_duplicate(core, tx, letter)
        if ticket is not None:
            _add_to_ticket(core, tx, ticket, letter, is_authentic)
        else:
            opened = _open_ticket(core, tx, name, letter, is_authentic)
    except TooMany:
        if not may_refuse:
            raise
        return Refused(LATER, Refusal.LATER)
    return Filed(opened)


def _add_to_ticket(core: Core, tx: Tx, ticket: Ticket, letter: Letter, is_authentic: bool) -> None:
    tickets.add_message(
        core,
        tx,
        ticket.id,
        letter.text,
        author="person" if is_authentic else "unverified",
        name=letter.writer,
        files=letter.files,
        message_id=letter.message_id,
        header=letter.shown,
    )


def _open_ticket(core: Core, tx: Tx, name: str, letter: Letter, is_authentic: bool) -> int:
    account = _find_account(core, tx, letter.writer) if is_authentic else None
    language = get_account(tx, account).language if account else "nb"
    # What nobody has read goes to nobody but its author: a Reply-To may name anyone.
    author = (
        _first_answerable(core, (letter.writer,))
        if is_authentic and name not in ROLES and not _is_silent(letter.writer)
        else ""
    )
    ticket = tickets.open_ticket(
        core,
        tx,
        kind=name if name in ROLES else "mail",
        subject=letter.subject,
        text=letter.text,
        reply_to=letter.answer_to,
        account=account,
        language=ticket_text.detect_language(f"{letter.subject}\n{letter.text}", language),
        files=letter.files,
        name=letter.writer,
        message_id=letter.message_id,
        notify=bool(author),
        notify_to=author,
        header=letter.shown,
    )
    return ticket.id


# Machines


def is_from_machine(sender: str, fields: Header) -> bool:
    """Say if it is a bounce, an automatic reply or from a list, so that nobody waits for an answer."""
    if not sender or sender.partition("@")[0].lower() in _DAEMON:
        return True
    if any(map(fields.has, ("x-autoreply", "x-autorespond", "list-id"))):
        return True
    return automatic.is_auto_submitted(fields) or automatic.is_bulk(fields)


def _note_answer(core: Core, tx: Tx, token: str, envelope: Envelope, letter: Letter) -> Received:
    """Add a machine's answer to what we sent as a note for the desk; nobody is answered."""
    ticket = store.find_ticket_by_token(tx, token) if token else None
    if ticket is None or ticket.state == TicketState.ERASED:
        return SetAside("written by a machine")
    number, now = ticket.merged_into or ticket.id, core.clock.seconds()
    if store.count_notes(tx, number, now - 3600) >= NOTES_PER_HOUR:
        return SetAside("written by a machine that goes on answering")
    kind = "Automatic reply" if envelope.sender else "Returned mail"
    store.add_message(
        tx, number, author="note", name="", text=f"{kind}: {letter.subject[:200]}", now=now, header=letter.shown
    )
    return Filed()


def _list_aside(
    core: Core, tx: Tx, envelope: Envelope, to: str, received: Refused | SetAside, about: records.About
) -> None:
    """Record for the administrator what became no ticket: in the log, and in the trace of postmaster@."""
    log.warning("mail to the help desk became no ticket: %s", received.reason)
    account = find_address_owner(tx, "postmaster", core.config.domain.lower())
    if account is not None:
        outcome = "refused" if isinstance(received, Refused) else Outcome.DISCARDED.value
        records.save_record(tx, account, core.clock.seconds(), envelope.sender, to, outcome, received.reason, about)


# Who wrote, and where it belongs


def _addresses(fields: Header, name: str) -> list[str]:
    """List the addresses of a field that can be answered: one of raw octets outside UTF-8 can not."""
    specs = [address.spec for address in fields.addresses(name) if address.localpart and address.host]
    return [spec for spec in specs if spec.isprintable()]


def _first_answerable(core: Core, specs: Iterable[str]) -> str:
    """Return the first address that can be answered, or ""."""
    for spec in specs:
        try:
            address = tickets.check_address(spec)
        except InvalidName:
            continue
        if not is_desk_address(core, address):
            return address
    return ""


def is_desk_address(core: Core, spec: str) -> bool:
    """Say if mail to this address comes to the desk."""
    address = read_addr_spec(spec)
    if address is None or address.domain.lower() not in core.config.our_domains:
        return False
    return address.local.partition("+")[0].lower() in (*DESK, *ROLES)


def _is_silent(spec: str) -> bool:
    return spec.partition("@")[0].lower() in _SILENT


def _message_ids(fields: Header, *names: str) -> list[str]:
    return [message_id for name in names for value in fields.values(name) for message_id in _MESSAGE_ID.findall(value)]


def _find_ticket(core: Core, tx: Tx, token: str, letter: Letter) -> Ticket | None:
    """Find the case by the token of the address; else by the thread, if the same person writes."""
    if token:
        try:
            return tickets.find_by_token(core, token)
        except TicketNotFound:
            return None
    message_ids = letter.threads
    ticket_numbers = [int(m[1]) for message_id in message_ids if (m := _OURS.match(message_id))]
    ticket = store.find_ticket_by_message_id(tx, message_ids) if message_ids else None
    if ticket is None and ticket_numbers:
        ticket = store.find_ticket(tx, ticket_numbers[0])
    if ticket is None or ticket.state == TicketState.ERASED:
        return None
    return ticket if _is_theirs(core, tx, ticket, letter.writer) else None


def _find_duplicate(core: Core, tx: Tx, letter: Letter) -> Ticket | None:
    """Find an open case of the same person with the same subject: people write twice."""
    subject = " ".join(letter.subject.split())[: tickets.MAX_SUBJECT]
    ticket = store.find_newest_ticket(tx, letter.answer_to, subject, core.clock.seconds() - _SAME_DAYS)
    return ticket if ticket is not None and _is_theirs(core, tx, ticket, letter.writer) else None


def _is_theirs(core: Core, tx: Tx, ticket: Ticket, writer: str) -> bool:
    """Say if this author wrote in the case, or is answered there.  A Reply-To alone makes nobody another person."""
    if comparable(ticket.reply_to) == comparable(writer) or store.has_written(tx, ticket.id, comparable(writer)):
        return True
    return ticket.account is not None and _find_account(core, tx, writer) == ticket.account


def _find_account(core: Core, tx: Tx, writer: str) -> AccountId | None:
    """Find the account of an address: one of ours, or the contact address of one account."""
    localpart, _, domain = comparable(writer).rpartition("@")
    if domain in core.config.mail_domains:
        return find_address_owner(tx, localpart.partition("+")[0], domain)
    return store.find_account_by_contact(tx, writer)


def _text_and_files(message: Message) -> tuple[str, tuple[NewFile, ...]]:
    """Return text and files; files that are refused are named in the text."""
    large = message.size > MAX_OCTETS
    text = ticket_text.extract_text(Message(message.octets[:MAX_OCTETS]) if large else message)
    files, refused = ([], ["(message too large)"]) if large else ticket_text.extract_files(message)
    return text + "".join(f"\n[not kept: {name}]" for name in refused), tuple(files)
