"""Tickets as SQL; the rules stand in services/tickets/tickets.py."""

from collections.abc import Sequence

from mailcore.clock import to_time
from mailcore.domain import AccountId, NewFile, Ticket, TicketFile, TicketMessage, TicketState
from mailcore.store.engine.db import Row, Tx

_COLUMNS = "id,token,kind,subject,state,language,reply_to,account_id,assignee_id,merged_into,created_at,changed_at"


def _ticket(row: Row) -> Ticket:
    account, assignee = (AccountId(value) if value is not None else None for value in row[7:9])
    number, token, kind, subject, state, language, reply_to, _, _, merged_into, created, changed = row
    times = to_time(created), to_time(changed)
    return Ticket(
        number, token, kind, subject, TicketState(state), language, reply_to, account, assignee, merged_into, *times
    )


def add_ticket(
    tx: Tx,
    *,
    token: str,
    kind: str,
    subject: str,
    state: TicketState,
    language: str,
    reply_to: str,
    account: AccountId | None,
    now: int,
) -> int:
    return tx.insert(
        "INSERT INTO ticket (token,kind,subject,state,language,reply_to,account_id,created_at,changed_at)"
        " VALUES (?,?,?,?,?,?,?,?,?)",
        token,
        kind,
        subject,
        state,
        language,
        reply_to,
        account,
        now,
        now,
    )


def find_ticket(tx: Tx, ticket: int) -> Ticket | None:
    row = tx.row(f"SELECT {_COLUMNS} FROM ticket WHERE id=?", ticket)  # noqa: S608
    return _ticket(row) if row else None


def find_ticket_by_token(tx: Tx, token: str) -> Ticket | None:
    row = tx.row(f"SELECT {_COLUMNS} FROM ticket WHERE token=?", token)  # noqa: S608
    return _ticket(row) if row else None


def find_ticket_by_message_id(tx: Tx, message_ids: Sequence[str]) -> Ticket | None:
    """Return the ticket in which one of these messages was written or read."""
    if not message_ids:
        return None
    marks = ",".join("?" * len(message_ids))
    row = tx.row(
        f"SELECT ticket_id FROM ticket_message WHERE message_id<>'' AND message_id IN ({marks}) ORDER BY id DESC",  # noqa: S608
        *message_ids,
    )
    return find_ticket(tx, row[0]) if row else None


def find_newest_ticket(tx: Tx, reply_to: str, subject: str, since: int) -> Ticket | None:
    """Return an open ticket of the same writer about the same."""
    row = tx.row(
        f"SELECT {_COLUMNS} FROM ticket WHERE reply_to=? AND subject=? AND state IN ('unconfirmed','open','answered')"  # noqa: S608
        " AND created_at>? ORDER BY id DESC",
        reply_to,
        subject,
        since,
    )
    return _ticket(row) if row else None


def list_tickets(tx: Tx, states: Sequence[TicketState], words: str = "", limit: int = 500) -> list[Ticket]:
    """Return the tickets in these states, those that wait longest first."""
    if not states:
        return []
    marks = ",".join("?" * len(states))
    like = "%" + words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    return [
        _ticket(row)
        for row in tx.rows(
            f"SELECT {_COLUMNS} FROM ticket WHERE state IN ({marks}) AND (?='' OR lower(subject) LIKE lower(?) ESCAPE '\\'"  # noqa: S608
            " OR lower(reply_to) LIKE lower(?) ESCAPE '\\' OR CAST(id AS TEXT)=?) ORDER BY changed_at, id LIMIT ?",
            *states,
            words,
            like,
            like,
            words,
            limit,
        )
    ]


def count_by_state(tx: Tx) -> dict[str, int]:
    return dict(tx.rows("SELECT state, count(*) FROM ticket GROUP BY state"))


def list_tickets_of(tx: Tx, account: AccountId) -> list[Ticket]:
    """Return the account's tickets, newest first, without those that were joined to another."""
    return [
        _ticket(row)
        for row in tx.rows(
            f"SELECT {_COLUMNS} FROM ticket WHERE account_id=? AND state NOT IN ('merged','erased') ORDER BY id DESC",  # noqa: S608
            account,
        )
    ]


def save_state(tx: Tx, ticket: int, state: TicketState, now: int) -> None:
    tx.run("UPDATE ticket SET state=?, changed_at=? WHERE id=?", state, now, ticket)


def save_assignee(tx: Tx, ticket: int, assignee: AccountId | None) -> None:
    tx.run("UPDATE ticket SET assignee_id=? WHERE id=?", assignee, ticket)


def merge_ticket(tx: Tx, ticket: int, into: int, now: int) -> None:
    """Move all messages into the other ticket; answers to the old one follow it."""
    tx.run("UPDATE ticket_message SET ticket_id=? WHERE ticket_id=?", into, ticket)
    tx.run("UPDATE ticket SET merged_into=? WHERE merged_into=?", into, ticket)
    tx.run("UPDATE ticket SET state='merged', merged_into=?, changed_at=? WHERE id=?", into, now, ticket)


# The first letter


def add_due_notice(tx: Tx, ticket: int, name: str, recipient: str) -> None:
    tx.run("INSERT INTO ticket_notice (ticket_id,name,recipient) VALUES (?,?,?)", ticket, name, recipient)


def find_due_notice(tx: Tx, ticket: int) -> tuple[str, str] | None:
    """Return name and recipient of the ticket's first letter; None where it is not due, or not any more."""
    row = tx.row("SELECT name, recipient FROM ticket_notice WHERE ticket_id=?", ticket)
    return (row[0], row[1]) if row else None


def take_due_notice(tx: Tx, ticket: int) -> bool:
    """Say if the letter is still due, and have it due no more."""
    return bool(tx.run("DELETE FROM ticket_notice WHERE ticket_id=?", ticket))


def list_due_notices(tx: Tx, limit: int) -> list[int]:
    return [row[0] for row in tx.rows("SELECT ticket_id FROM ticket_notice ORDER BY ticket_id LIMIT ?", limit)]


# What was said


def add_message(
    tx: Tx,
    ticket: int,
    *,
    author: str,
    name: str,
    text: str,
    now: int,
    message_id: str = "",
    files: Sequence[NewFile] = (),
    header: str = "",
) -> int:
    message = tx.insert(
        "INSERT INTO ticket_message (ticket_id,at,author,name,text,message_id,header) VALUES (?,?,?,?,?,?,?)",
        ticket,
        now,
        author,
        name,
        text,
        message_id,
        header,
    )
    tx.many(
        "INSERT INTO ticket_file (message_id,name,type,size,octets) VALUES (?,?,?,?,?)",
        [(message, file.name, file.type, len(file.octets), file.octets) for file in files],
    )
    return message


def has_message(tx: Tx, message_id: str, writer: str, text: str) -> bool:
    """Is this message here?  An id alone proves nothing: programs give one id to many messages."""
    if not message_id:
        return False
    row = tx.row("SELECT 1 FROM ticket_message WHERE message_id=? AND name=? AND text=?", message_id, writer, text)
    return row is not None


def has_written(tx: Tx, ticket: int, writer: str) -> bool:
    """Did this address, in lower case, write in the ticket?"""
    row = tx.row(
        "SELECT 1 FROM ticket_message WHERE ticket_id=? AND lower(name)=? AND author IN ('person','unverified')",
        ticket,
        writer,
    )
    return row is not None


def count_notes(tx: Tx, ticket: int, since: int) -> int:
    """Count the automatic messages since then: unlike the desk's own notes, they have a header."""
    row = tx.row(
        "SELECT count(*) FROM ticket_message WHERE ticket_id=? AND at>? AND author='note' AND header<>''", ticket, since
    )
    return int(row[0]) if row else 0


def save_first_message_id(tx: Tx, ticket: int, message_id: str) -> None:
    """Give this Message-ID to the ticket's messages that have none of their own (RFC 5322 section 3.6.4)."""
    tx.run("UPDATE ticket_message SET message_id=? WHERE ticket_id=? AND message_id=''", message_id, ticket)


def list_message_ids(tx: Tx, ticket: int) -> list[str]:
    rows = tx.rows("SELECT message_id FROM ticket_message WHERE ticket_id=? AND message_id<>'' ORDER BY id", ticket)
    return [row[0] for row in rows]


def list_messages(tx: Tx, ticket: int) -> list[TicketMessage]:
    """Return the ticket's messages in the order of time, without the octets of files."""
    files: dict[int, list[TicketFile]] = {}
    for file, message, name, kind, size in tx.rows(
        "SELECT f.id,f.message_id,f.name,f.type,f.size FROM ticket_file f JOIN ticket_message m ON m.id=f.message_id"
        " WHERE m.ticket_id=? ORDER BY f.id",
        ticket,
    ):
        files.setdefault(message, []).append(TicketFile(file, name, kind, size))
    return [
        TicketMessage(row[0], to_time(row[1]), row[2], row[3], row[4], tuple(files.get(row[0], ())), bool(row[5]))
        for row in tx.rows(
            "SELECT id,at,author,name,text,header<>'' FROM ticket_message WHERE ticket_id=? ORDER BY at,id", ticket
        )
    ]


def find_header(tx: Tx, ticket: int, message: int) -> str:
    row = tx.row("SELECT header FROM ticket_message WHERE ticket_id=? AND id=?", ticket, message)
    return str(row[0]) if row else ""


def find_file(tx: Tx, ticket: int, file: int, *, notes: bool) -> NewFile | None:
    """Return a file of the ticket; `notes`: those of internal notes, too."""
    row = tx.row(
        "SELECT f.name,f.type,f.octets FROM ticket_file f JOIN ticket_message m ON m.id=f.message_id"
        " WHERE f.id=? AND m.ticket_id=? AND (?<>0 OR m.author<>'note')",
        file,
        ticket,
        notes,
    )
    return NewFile(row[0], row[1], bytes(row[2])) if row else None


def find_account_by_contact(tx: Tx, contact: str) -> AccountId | None:
    """Return the one active account with this contact address; None when there are several."""
    found = tx.rows("SELECT id FROM account WHERE lower(contact)=? AND state='active' LIMIT 2", contact.lower())
    return AccountId(found[0][0]) if len(found) == 1 else None


# Time and amounts


def count_messages(tx: Tx, ticket: int, since: int) -> int:
    """Count the messages since then by the ticket's person, or by somebody who claims to be that person."""
    row = tx.row(
        "SELECT count(*) FROM ticket_message WHERE ticket_id=? AND at>? AND author IN ('person','unverified')",
        ticket,
        since,
    )
    return int(row[0]) if row else 0


def measure_files(tx: Tx, ticket: int) -> int:
    row = tx.row(
        "SELECT coalesce(sum(f.size),0) FROM ticket_file f JOIN ticket_message m ON m.id=f.message_id WHERE m.ticket_id=?",
        ticket,
    )
    return int(row[0]) if row else 0


def list_silent(tx: Tx, state: TicketState, before: int) -> list[int]:
    """Return the tickets in which nothing happened since `before`."""
    return [row[0] for row in tx.rows("SELECT id FROM ticket WHERE state=? AND changed_at<?", state, before)]


def erase_ticket(tx: Tx, ticket: int, now: int) -> None:
    """Erase the ticket; only its number is left."""
    tx.run("DELETE FROM ticket_file WHERE message_id IN (SELECT id FROM ticket_message WHERE ticket_id=?)", ticket)
    tx.run("DELETE FROM ticket_message WHERE ticket_id=?", ticket)
    tx.run("DELETE FROM ticket_notice WHERE ticket_id=?", ticket)
    tx.run(
        "UPDATE ticket SET state='erased', subject='', reply_to='', account_id=NULL, assignee_id=NULL, changed_at=?,"
        " token='erased-' || id WHERE id=?",
        now,
        ticket,
    )
