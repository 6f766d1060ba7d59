"""Reports to the sender of a message that was delivered here (RFC 3461).

They tell of success where the sender asked, and of one recipient's refusal where others accepted the message and SMTP had a
single reply for all.

Only a sender who is vouched for is sent one: whoever's address was forged gets no mail from us.
"""

from mailcore.core import Core
from mailcore.domain import Dsn
from mailcore.mail.reading import header, trace
from mailcore.mail.reading.lines import one_line
from mailcore.mail.writing import dsn
from mailcore.services.delivery.arrival import Arrival
from mailcore.services.notices import notices
from mailcore.store.engine.db import Tx
from mailcore.store.mail.blobs import Prepared
from mailcore.store.people.accounts import get_account
from mailcore.store.queue.items import enqueue_mail

_NOTHING = Dsn()


def is_vouched_for(arrival: Arrival) -> bool:
    """Is the envelope sender who they say?  SPF speaks of exactly that; a message of our own is."""
    return bool(arrival.envelope.sender) and (not arrival.verdict.outside or arrival.verdict.spf == "pass")


def _asked(arrival: Arrival, recipient: str) -> str:
    return arrival.envelope.dsn.get(recipient, _NOTHING).notify.upper()


def wants_success(arrival: Arrival, recipient: str) -> bool:
    """Say if the sender is to hear of a delivery, or that the message went on."""
    return "SUCCESS" in _asked(arrival, recipient).split(",") and is_vouched_for(arrival)


def report_success(core: Core, tx: Tx, arrival: Arrival, recipient: str, *, relayed: bool) -> Prepared:
    """Write the report of it."""
    kind = "relayed" if relayed else "delivered"
    return _write(core, tx, arrival, recipient, kind=kind, status="2.0.0", diagnostic="250 2.0.0 OK")


def report_refusal(core: Core, tx: Tx, arrival: Arrival, recipient: str, *, reply: str) -> Prepared | None:
    """Write the report that this recipient refused; None where the sender asked not to hear of it.

    Args:
        reply: an SMTP reply with its codes.
    """
    asked = _asked(arrival, recipient)
    if asked and "FAILURE" not in asked.split(","):
        return None
    return _write(core, tx, arrival, recipient, kind="failed", status=reply.split(" ")[1], diagnostic=reply)


def send(core: Core, tx: Tx, arrival: Arrival, report: Prepared, now: int) -> None:
    """Queue a report to the sender."""
    enqueue_mail(
        tx,
        core.blobs,
        sender="",
        recipients=[arrival.envelope.sender],
        prepared=report,
        prefix=b"",
        account=arrival.envelope.authenticated,
        origin="dsn",
        now=now,
    )


def _write(
    core: Core, tx: Tx, arrival: Arrival, recipient: str, *, kind: str, status: str, diagnostic: str
) -> Prepared:
    said, now = arrival.envelope.dsn.get(recipient, _NOTHING), core.clock.now()
    block = arrival.prepared.message.header.block
    author = arrival.envelope.authenticated
    language = get_account(tx, author).language if author else "en"
    subject, words = notices.render(
        core,
        f"dsn_{kind}",
        language,
        recipient=recipient,
        diagnostic=one_line(diagnostic)[:500],
        subject=one_line(header.text(block, "subject"))[:200],
    )
    report = dsn.build(
        kind=kind,
        reporting_mta=core.config.host,
        sender=arrival.envelope.sender,
        recipient=recipient,
        original_recipient=said.orcpt,
        envelope_id=said.envid,
        status=status,
        diagnostic=diagnostic,
        remote="",
        arrival=now,
        now=now,
        subject=subject,
        words=words,
        original=block,
        whole=False,
        message_id=trace.message_id(core.config.domain),
    )
    return core.blobs.prepare(report)
