"""Help cases: opened, answered, merged, closed, erased.

A ticket of a stranger waits until its address is confirmed.  Answers go out by mail from help+TOKEN@domain, so that what
is written back finds its ticket (services/tickets/ticket_inbox.py).  What the desk does to a ticket is seen by its
person, notes aside.
"""

import secrets
from collections.abc import Sequence

from mailcore.core import Core
from mailcore.domain import Account, AccountId, NewFile, Ticket, TicketMessage, TicketState
from mailcore.errors import AccountNotFound, InvalidName, NotAllowed, TicketNotFound, TicketRefused, TooMany
from mailcore.mail.reading import address as addresses
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.limits import mail_limits, tries
from mailcore.services.limits.mail_limits import Cause
from mailcore.services.limits.tries import Bound
from mailcore.services.tickets import case_files, first_notice, ticket_mail, ticket_text
from mailcore.store.engine.db import Tx
from mailcore.store.people import contact_addresses
from mailcore.store.people.accounts import get_account, get_role, list_staff
from mailcore.store.people.addresses import list_addresses
from mailcore.store.tickets import tickets as store

KINDS = (
    "question", "login", "password", "account", "client", "quota", "forwarding", "mail", "order", "recovery", "abuse",
    "postmaster", "other",
)  # fmt: skip
LIVE = (TicketState.OPEN, TicketState.ANSWERED)
MAX_SUBJECT = 200
PER_HOUR = 5  # new tickets of one stranger's address or network place
OWNER_PER_HOUR = 20  # of somebody who is logged in
MAILED_PER_HOUR = 100  # by mail from one place, which may be a large provider
SAID_PER_HOUR = 20  # by the person of one case
MAX_CASE_OCTETS = 60 * 2**20  # of files in one case
CONFIRM_SECONDS = 3 * 86_400
ANSWERED_SECONDS = 30 * 86_400  # an answer that is not contradicted closes its ticket


def open_ticket(
    core: Core,
    tx: Tx,
    *,
    kind: str,
    subject: str,
    text: str,
    reply_to: str,
    account: AccountId | None = None,
    language: str = "nb",
    files: Sequence[NewFile] = (),
    confirmed: bool = True,
    name: str = "",
    message_id: str = "",
    notify: bool = True,
    notify_to: str = "",
    header: str = "",
) -> Ticket:
    """Hand a case to the desk; the letter that tells its number is due then (first_notice.py).

    Args:
        reply_to: where answers go; "" for a case that nobody waits for.
        confirmed: False for a stranger, whose address must first confirm that it asked.
        name: of whoever wrote, for the desk.
        message_id: of the mail that it came with.
        notify: False when no mail may go out, for what came from a machine.
        notify_to: where its number is told, if not where answers go.
        header: of that mail, for the desk.

    Raises:
        InvalidName: `reply_to` is no e-mail address.
        TicketRefused: there is no text.
        TooMany: files of a whole day.
    """
    subject, text = " ".join(subject.split())[:MAX_SUBJECT], ticket_text.tidy_text(text)
    if not (subject or text):
        raise TicketRefused("there is nothing in it")
    case_files.count_files(core, tx, account, files)
    reply_to = check_address(reply_to) if reply_to else ""
    kind = kind if kind in KINDS else "other"

    now = core.clock.seconds()
    recipient = notify_to or (_own_address(core, tx, account, reply_to) if confirmed and not message_id else reply_to)
    number = store.add_ticket(
        tx,
        token=_new_token(),
        kind=kind,
        subject=subject or text.partition("\n")[0][:80],
        language=language,
        state=TicketState.OPEN if confirmed else TicketState.UNCONFIRMED,
        reply_to=reply_to,
        account=account,
        now=now,
    )
    store.add_message(
        tx,
        number,
        author="person",
        name=name,
        text=text,
        now=now,
        message_id=message_id,
        files=files,
        header=header,
    )
    ticket = _get_ticket(tx, number)
    if account is not None:
        audit.note(core, tx, account, Event.TICKET_OPENED, detail=str(number))
    if reply_to and notify:
        store.add_due_notice(tx, number, "ticket_opened" if confirmed else "ticket_confirm", recipient)
    return ticket


def _own_address(core: Core, tx: Tx, account: AccountId | None, reply_to: str) -> str:
    """Return the address to notify that a case is open.

    An answer by the desk goes wherever the owner wants; what a form sends by itself, with words of theirs in it, goes to
    nobody who has not asked.
    """
    if account is None or reply_to in contact_addresses.list_verified(tx, account):
        return reply_to
    own = list_addresses(tx, account)
    return reply_to if reply_to.lower() in own else get_account(tx, account).address(core.config.domain)


def _new_token() -> str:
    """Create the token of a ticket: 80 bits in one case, as it stands in addresses."""
    return "".join(secrets.choice("abcdefghijkmnpqrstuvwxyz23456789") for _ in range(16))


def check_address(written: str) -> str:
    """Return an e-mail address as it is saved.  Raises InvalidName."""
    written = written.strip()
    parsed = addresses.addr_specs(written)
    is_one_address = (
        len(parsed) == 1
        and parsed[0] == written
        and len(written) <= 254
        and written.isascii()
        and len(written.split()) == 1
    )
    if not is_one_address or "." not in written.rpartition("@")[2]:
        raise InvalidName(f"{written!r} is not an e-mail address")
    return written


def submit_form(
    core: Core,
    *,
    kind: str,
    subject: str,
    text: str,
    reply_to: str,
    owner: Account | None,
    peer: str,
    language: str,
    files: Sequence[NewFile] = (),
    name: str = "",
) -> Ticket:
    """Open a case by the portal's form.  A person who is not logged in confirms by mail; nobody asks without end.

    Raises:
        InvalidName, TicketRefused, TooMany.
    """
    subject = subject.strip()
    if owner is not None:
        reply_to = reply_to.strip() or owner.address(core.config.domain)
    else:
        check_address(reply_to)
    language = ticket_text.detect_language(f"{subject}\n{text}", language)
    if owner is None:
        core.db.write(lambda tx: count_ticket(core, tx, reply_to, peer=peer))
    elif core.db.write(lambda tx: tries.is_over_limit(core, tx, "help", f"owner {owner.id}", limit=OWNER_PER_HOUR)):
        raise TooMany("too many cases in an hour")

    def write(tx: Tx) -> Ticket:
        ticket = open_ticket(
            core,
            tx,
            kind=kind,
            subject=subject,
            text=text,
            reply_to=reply_to,
            account=owner.id if owner else None,
            language=language,
            files=files,
            confirmed=owner is not None,
            name=name,
        )
        if owner is None:
            mail_limits.count_mail(core, tx, Cause(None, peer), ticket.reply_to)
        return ticket

    ticket = core.db.write(write)
    first_notice.send_notice(core, ticket.id)
    return ticket


def count_ticket(core: Core, tx: Tx, writer: str, *, peer: str, of_place: int = PER_HOUR) -> None:
    """Note that somebody who is not logged in wrote, from a network place that may do so `of_place` times an hour.

    Raises:
        TooMany: nothing is counted then.
    """
    bounds = [
        Bound(f"writer {mail_limits.canonical_address(writer)}", PER_HOUR),
        *tries.bounds_of_place(core, peer, of_place),
    ]
    if not tries.count_if_allowed(core, tx, "help", bounds):
        raise TooMany("too many cases in an hour")


def confirm_ticket(core: Core, token: str) -> Ticket:
    """Open a case that waited for its address to confirm it.  Raises TicketNotFound."""

    def write(tx: Tx) -> Ticket:
        ticket = _find_by_token(tx, token)
        if ticket.state == TicketState.UNCONFIRMED:
            store.save_state(tx, ticket.id, TicketState.OPEN, core.clock.seconds())
        return _get_ticket(tx, ticket.id)

    return core.db.write(write)


# Looking


def _get_ticket(tx: Tx, number: int) -> Ticket:
    """Find a ticket, or the one that it was merged into.  Raises TicketNotFound."""
    ticket = store.find_ticket(tx, number)
    if ticket is not None and ticket.merged_into is not None:
        ticket = store.find_ticket(tx, ticket.merged_into)
    if ticket is None or ticket.state == TicketState.ERASED:
        raise TicketNotFound(f"there is no ticket {number}")
    return ticket


def _find_by_token(tx: Tx, token: str) -> Ticket:
    ticket = store.find_ticket_by_token(tx, token.lower())
    if ticket is None:
        raise TicketNotFound("no such ticket")
    return _get_ticket(tx, ticket.id)


def get_ticket(core: Core, number: int) -> Ticket:
    """Get a ticket by number.  Raises TicketNotFound."""
    return core.db.read(lambda tx: _get_ticket(tx, number))


def find_by_token(core: Core, token: str) -> Ticket:
    """Find a ticket by its token.  Raises TicketNotFound."""
    return core.db.read(lambda tx: _find_by_token(tx, token))


def get_owned_ticket(core: Core, account: AccountId, number: int) -> Ticket:
    """Get a ticket of this account.  Raises TicketNotFound, for somebody else's too."""
    ticket = get_ticket(core, number)
    if ticket.account != account:
        raise TicketNotFound(f"there is no ticket {number}")
    return ticket


def list_own(core: Core, account: AccountId) -> list[Ticket]:
    """List the tickets of an account."""
    return core.db.read(lambda tx: store.list_tickets_of(tx, account))


def list_tickets(core: Core, states: Sequence[TicketState] = LIVE, words: str = "") -> list[Ticket]:
    """List tickets, those that wait longest first; `words` of subject or address, or a number."""
    return core.db.read(lambda tx: store.list_tickets(tx, states, words.strip()))


def count_by_state(core: Core) -> dict[str, int]:
    """Count the tickets in each state."""
    return core.db.read(store.count_by_state)


def list_similar(core: Core, ticket: Ticket) -> list[Ticket]:
    """List other open cases of the same person, which this one may be merged into."""

    def same(other: Ticket) -> bool:
        if ticket.account is not None and other.account is not None:
            return other.account == ticket.account
        return bool(ticket.reply_to) and other.reply_to == ticket.reply_to

    return [other for other in list_tickets(core, (*LIVE, TicketState.CLOSED)) if other.id != ticket.id and same(other)]


def list_messages(core: Core, ticket: Ticket, *, notes: bool) -> list[TicketMessage]:
    """List the messages of a ticket, oldest first; `notes` for the desk alone."""
    messages = core.db.read(lambda tx: store.list_messages(tx, ticket.id))
    return [message for message in messages if notes or message.author != "note"]


def load_file(core: Core, ticket: Ticket, number: int, *, notes: bool) -> NewFile:
    """Load a file of a ticket.  Raises TicketNotFound."""
    ticket_file = core.db.read(lambda tx: store.find_file(tx, ticket.id, number, notes=notes))
    if ticket_file is None:
        raise TicketNotFound("no such file")
    return ticket_file


def load_header(core: Core, ticket: Ticket, message: int) -> str:
    """Return the header of the mail that a message of the case came with, for the desk.  Raises TicketNotFound."""
    block = core.db.read(lambda tx: store.find_header(tx, ticket.id, message))
    if not block:
        raise TicketNotFound("it came by no mail")
    return block


# Speaking


def post_message(core: Core, number: int, text: str, *, files: Sequence[NewFile] = ()) -> Ticket:
    """Add what the person writes on the web.  Raises as `add_message` does."""
    return core.db.write(lambda tx: add_message(core, tx, number, text, files=files))


def add_message(
    core: Core,
    tx: Tx,
    number: int,
    text: str,
    *,
    author: str = "person",
    name: str = "",
    files: Sequence[NewFile] = (),
    message_id: str = "",
    header: str = "",
) -> Ticket:
    """Add what the person writes to the case, on the web or by mail (`author` "unverified": nobody vouches for the sender).

    Raises:
        TicketNotFound, TicketRefused.
        TooMany: whoever has the link of a case could fill the disk.
    """
    text = ticket_text.tidy_text(text)
    if not text and not files:
        raise TicketRefused("there is nothing in it")

    ticket, now = _get_ticket(tx, number), core.clock.seconds()
    room = MAX_CASE_OCTETS - store.measure_files(tx, ticket.id) - sum(len(file.octets) for file in files)
    if store.count_messages(tx, ticket.id, now - 3600) >= SAID_PER_HOUR or (files and room < 0):
        raise TooMany("too much in one case")
    case_files.count_files(core, tx, ticket.account, files)
    store.add_message(
        tx,
        ticket.id,
        author=author,
        name=name,
        text=text,
        now=now,
        message_id=message_id,
        files=files,
        header=header,
    )
    store.save_state(tx, ticket.id, TicketState.OPEN, now)
    return _get_ticket(tx, ticket.id)


def send_reply(core: Core, number: int, text: str, *, agent: Account | None, close: bool = False) -> Ticket:
    """Answer for the desk, on the web and by mail.  Raises TicketNotFound, TicketRefused."""
    text = ticket_text.tidy_text(text)
    if not text:
        raise TicketRefused("there is nothing in it")

    def write_letter(tx: Tx) -> ticket_mail.TicketNotice | None:
        ticket = _get_ticket(tx, number)
        return ticket_mail.write_notice(core, tx, ticket, "ticket_answer", text=text) if ticket.reply_to else None

    letter = core.db.read(write_letter)

    def write(tx: Tx) -> Ticket:
        ticket, now = _get_ticket(tx, number), core.clock.seconds()
        sent = ""
        if letter is not None:
            ticket_mail.queue_notice(core, tx, ticket, letter)
            sent = letter.message_id
        name = (agent.display_name or agent.name) if agent else ""
        store.add_message(tx, ticket.id, author="desk", name=name, text=text, now=now, message_id=sent)
        store.save_state(tx, ticket.id, TicketState.CLOSED if close else TicketState.ANSWERED, now)
        if agent and ticket.assignee is None:
            store.save_assignee(tx, ticket.id, agent.id)
        return _get_ticket(tx, ticket.id)

    return core.db.write(write)


def add_note(core: Core, number: int, text: str, *, agent: Account | None = None) -> Ticket:
    """Add a note for the desk alone."""
    return _add_event(core, number, "note", ticket_text.tidy_text(text), agent)


def _add_event(core: Core, number: int, author: str, text: str, agent: Account | None) -> Ticket:
    if not text:
        raise TicketRefused("there is nothing in it")

    def write(tx: Tx) -> Ticket:
        ticket = _get_ticket(tx, number)
        name = (agent.display_name or agent.name) if agent else ""
        store.add_message(tx, ticket.id, author=author, name=name, text=text, now=core.clock.seconds())
        return _get_ticket(tx, ticket.id)

    return core.db.write(write)


def assign_ticket(core: Core, number: int, assignee: AccountId | None) -> Ticket:
    """Assign the case to somebody of the desk; None = nobody.  Raises NotAllowed."""

    def write(tx: Tx) -> Ticket:
        if assignee is not None and get_role(tx, assignee) not in ("desk", "admin"):
            raise NotAllowed("not of the desk")
        ticket = _get_ticket(tx, number)
        store.save_assignee(tx, ticket.id, assignee)
        return _get_ticket(tx, ticket.id)

    return core.db.write(write)


def close_ticket(core: Core, number: int) -> Ticket:
    """Close a ticket.  Raises TicketNotFound."""
    return _set_state(core, number, TicketState.CLOSED)


def reopen_ticket(core: Core, number: int) -> Ticket:
    """Open a closed ticket again.  Raises TicketNotFound."""
    return _set_state(core, number, TicketState.OPEN)


def _set_state(core: Core, number: int, state: TicketState) -> Ticket:
    def write(tx: Tx) -> Ticket:
        ticket = _get_ticket(tx, number)
        store.save_state(tx, ticket.id, state, core.clock.seconds())
        return _get_ticket(tx, ticket.id)

    return core.db.write(write)


def merge_tickets(core: Core, number: int, into: int) -> Ticket:
    """Merge a case into another; answers to either reach the one that stays.

    Raises:
        TicketNotFound: one of them is not there.
        NotAllowed: they belong to different people, who would read each other.
    """

    def write(tx: Tx) -> Ticket:
        merged, target = _get_ticket(tx, number), _get_ticket(tx, into)
        if merged.id == target.id:
            raise TicketRefused("a case cannot be joined to itself")
        is_same_person = (
            merged.account == target.account
            if merged.account and target.account
            else merged.reply_to == target.reply_to
        )
        if not is_same_person:
            raise NotAllowed("the two cases belong to different people")
        now = core.clock.seconds()
        store.merge_ticket(tx, merged.id, target.id, now)
        store.save_state(tx, target.id, TicketState.OPEN, now)
        return _get_ticket(tx, target.id)

    return core.db.write(write)


def list_agents(core: Core) -> list[Account]:
    """List the accounts that a case may be given to."""
    return core.db.read(list_staff)


def find_owner(core: Core, ticket: Ticket) -> Account | None:
    """Find the account that a ticket belongs to, None if there is none."""
    if ticket.account is None:
        return None
    owner = ticket.account
    try:
        return core.db.read(lambda tx: get_account(tx, owner))
    except AccountNotFound:
        return None


# Forgetting


def expire_tickets(core: Core) -> None:
    """Erase unconfirmed and long closed cases, and close answered ones that were not contradicted; a job."""

    def write(tx: Tx) -> None:
        now = core.clock.seconds()
        for number in store.list_silent(tx, TicketState.UNCONFIRMED, now - CONFIRM_SECONDS):
            store.erase_ticket(tx, number, now)
        for number in store.list_silent(tx, TicketState.ANSWERED, now - ANSWERED_SECONDS):
            store.save_state(tx, number, TicketState.CLOSED, now)
        for number in store.list_silent(tx, TicketState.CLOSED, now - core.config.help.keep_days * 86_400):
            store.erase_ticket(tx, number, now)

    core.db.write(write)
