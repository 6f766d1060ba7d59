"""Mail about a ticket: from help+TOKEN@domain, in its thread (RFC 5322 section 3.6.4)."""

from dataclasses import dataclass

from mailcore.core import Core
from mailcore.domain import Ticket
from mailcore.mail.reading import trace
from mailcore.mail.writing import composer, entities, fields_out
from mailcore.mail.writing.composer import Heading
from mailcore.mail.writing.fields_out import NameAddr
from mailcore.services.mailauth import dkim
from mailcore.services.notices import notices
from mailcore.store.engine.db import Tx
from mailcore.store.mail.blobs import Prepared
from mailcore.store.queue.items import enqueue_mail
from mailcore.store.tickets import tickets as store

AUTOMATIC = {"ticket_opened", "ticket_confirm"}


def reply_address(core: Core, ticket: Ticket) -> str:
    """Return the address for answers to this ticket; bounces of what we send go there, too."""
    return f"help+{ticket.token}@{core.config.domain}"


def format_link(core: Core, ticket: Ticket) -> str:
    """Return the URL that opens the ticket to whoever has it."""
    return f"{core.config.url}/tickets/link/{ticket.token}"


@dataclass(frozen=True, slots=True)
class TicketNotice:
    """A notice about a ticket, signed and ready to be queued."""

    to: str
    message_id: str
    octets: Prepared


def write_notice(core: Core, tx: Tx, ticket: Ticket, name: str, *, text: str = "", to: str = "") -> TicketNotice:
    """Write the notice `name` to the person, or to another address of theirs; before the write that queues it."""
    to = to or ticket.reply_to
    message_id = f"<ticket.{ticket.id}.{trace.message_id(core.config.domain)[1:]}"
    earlier_ids = store.list_message_ids(tx, ticket.id)
    subject, body = notices.render(
        core,
        name,
        ticket.language,
        number=str(ticket.id),
        subject=ticket.subject,
        text=text,
        link=format_link(core, ticket),
    )
    heading = Heading(
        NameAddr(reply_address(core, ticket), "Alumnimail"),
        (NameAddr(to),),
        subject,
        core.clock.now(),
        message_id,
        answers=fields_out.references(" ".join(earlier_ids[:-1]), "".join(earlier_ids[-1:])),
        auto="auto-replied" if name in AUTOMATIC else "",  # RFC 3834 section 5: nobody's vacation answers this
    )
    octets = composer.compose(heading, entities.text(body))
    return TicketNotice(to, message_id, core.blobs.prepare(dkim.sign(core.config, octets) + octets))


def queue_notice(core: Core, tx: Tx, ticket: Ticket, notice: TicketNotice) -> None:
    """Queue a notice that was written before."""
    enqueue_mail(
        tx,
        core.blobs,
        sender=reply_address(core, ticket),
        recipients=[notice.to],
        prepared=notice.octets,
        prefix=b"",
        account=ticket.account,
        origin="notice",
        now=core.clock.seconds(),
    )
