"""The first letter of a case: it tells the case's number, or asks a stranger to confirm it.

That it is due commits with the case.  It is written and signed after that, outside of any write, and whoever opened the case
has it sent at once; what a process that was killed has left, a job sends.  Whoever queues it first has it due no more, so it
goes out once.
"""

from mailcore.core import Core
from mailcore.domain import Ticket
from mailcore.errors import MailError
from mailcore.log import log_for
from mailcore.services.tickets import ticket_mail
from mailcore.store.engine.db import Tx
from mailcore.store.tickets import tickets as store

log = log_for(__name__)
AT_ONCE = 200  # letters of one turn of the job


def send_notice(core: Core, number: int) -> None:
    """Send the first letter of a case if it is due.  Where that fails it stays due, and nobody is told: the case is saved."""
    try:
        _send(core, number)
    except MailError as problem:
        log.warning("the first letter of case %d waits: %s", number, problem)
    except Exception:  # the job tries it again
        log.exception("the first letter of case %d waits", number)


def send_due_notices(core: Core) -> None:
    """Send what is due still; a job."""
    for number in core.db.read(lambda tx: store.list_due_notices(tx, AT_ONCE)):
        send_notice(core, number)


def _send(core: Core, number: int) -> None:
    def write_letter(tx: Tx) -> tuple[Ticket, ticket_mail.TicketNotice] | None:
        due, ticket = store.find_due_notice(tx, number), store.find_ticket(tx, number)
        if due is None or ticket is None:
            return None
        name, recipient = due
        return ticket, ticket_mail.write_notice(core, tx, ticket, name, to=recipient)

    written = core.db.read(write_letter)
    if written is None:
        return
    ticket, letter = written

    def queue(tx: Tx) -> None:
        if not store.take_due_notice(tx, number):
            return
        ticket_mail.queue_notice(core, tx, ticket, letter)
        # where it came by the form, the thread begins for mail programs with what we say of it
        store.save_first_message_id(tx, number, letter.message_id)

    core.db.write(queue)
