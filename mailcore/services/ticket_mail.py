"""What a ticket says by mail: from help+TOKEN@domain, in its thread (RFC 5322 section 3.6.4)."""

from email.utils import format_datetime

from mailcore.core import Core
from mailcore.domain import Ticket
from mailcore.mail import header, trace
from mailcore.services import dkim, notices
from mailcore.store import tickets as store
from mailcore.store.db import Tx

AUTOMATIC = {"ticket_opened", "ticket_confirm"}


def address(core: Core, ticket: Ticket) -> str:
    """Where answers to this ticket go; bounces of what we send, too."""
    return f"help+{ticket.token}@{core.config.domain}"


def link(core: Core, ticket: Ticket) -> str:
    """Opens the ticket to whoever has the link."""
    return f"{core.config.url}/tickets/link/{ticket.token}"


def send(core: Core, tx: Tx, ticket: Ticket, name: str, *, text: str = "", to: str = "") -> str:
    """Queue the notice `name` to the person, or to another address of theirs; returns its Message-ID."""
    to = to or ticket.reply_to
    sent = f"<ticket.{ticket.id}.{trace.message_id(core.config.domain)[1:]}"
    before = store.message_ids(tx, ticket.id)
    subject, body = notices.words(
        core, name, ticket.language, number=str(ticket.id), subject=ticket.subject, text=text, link=link(core, ticket)
    )
    head = [
        f"From: Alumnimail <{address(core, ticket)}>",
        f"To: <{header.safe_value(to)}>",
        f"Subject: {header.encode_value(header.safe_value(subject))}",
        f"Date: {format_datetime(core.clock.now())}",
        f"Message-ID: {sent}",
    ]
    if before:
        head += [f"In-Reply-To: {before[-1]}", "References: " + "\n ".join([before[0], *before[1:][-9:]])]
    if name in AUTOMATIC:  # RFC 3834 section 5: nobody's vacation answers this
        head.append("Auto-Submitted: auto-replied")
    head += ["MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit"]
    octets = ("\n".join(head) + "\n\n" + body).replace("\r", "").replace("\n", "\r\n").encode("utf-8", "replace")
    core.queue.enqueue(
        tx, sender=address(core, ticket), recipients=[to],
        prepared=core.blobs.prepare(dkim.sign(core.config, octets) + octets), prefix=b"", account=ticket.account,
        origin="notice", now=core.clock.seconds(),
    )  # fmt: skip
    return sent
