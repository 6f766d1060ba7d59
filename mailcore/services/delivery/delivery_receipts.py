"""Reports to the sender of a message that was delivered here (RFC 3461).

They tell of success where the sender asked, and of one recipient's refusal where others accepted the message and SMTP had a
single reply for all.

Only a sender who is vouched for is sent one: whoever's address was forged gets no mail from us.
"""

from dataclasses import dataclass

from mailcore.core import Core
from mailcore.domain import Dsn, Envelope, Verdict
from mailcore.mail.reading import header, trace
from mailcore.mail.reading.lines import lines_of, one_line
from mailcore.mail.writing import dsn
from mailcore.services.notices import notices
from mailcore.store.engine.db import Tx
from mailcore.store.mail.blobs import Prepared
from mailcore.store.people.accounts import get_account
from mailcore.store.queue.items import enqueue_mail

_NOTHING = Dsn()


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message as it came in."""

    envelope: Envelope
    verdict: Verdict
    prepared: Prepared


def is_vouched_for(came: Arrived) -> bool:
    """Is the envelope sender who they say?  SPF speaks of exactly that; a message of our own is."""
    return bool(came.envelope.sender) and (not came.verdict.outside or came.verdict.spf == "pass")


def of_success(core: Core, tx: Tx, came: Arrived, recipient: str, *, relayed: bool) -> bool:
    """Report a delivery, or that the message went on, if the sender asked for it."""
    asked = came.envelope.dsn.get(recipient, _NOTHING).notify.upper()
    if "SUCCESS" not in asked.split(",") or not is_vouched_for(came):
        return False
    _tell(
        core, tx, came, recipient, kind="relayed" if relayed else "delivered", status="2.0.0", diagnostic="250 2.0.0 OK"
    )
    return True


def of_refusal(core: Core, tx: Tx, came: Arrived, recipient: str, *, reply: str) -> bool:
    """Report that this recipient refused; True where the sender is notified, or asked not to be.

    Args:
        reply: an SMTP reply with its codes.
    """
    if not is_vouched_for(came):
        return False
    asked = came.envelope.dsn.get(recipient, _NOTHING).notify.upper()
    if not asked or "FAILURE" in asked.split(","):
        line = lines_of(reply)[0].replace("-", " ", 1) if reply[3:4] == "-" else reply
        _tell(core, tx, came, recipient, kind="failed", status=line.split(" ")[1], diagnostic=line)
    return True


def _tell(core: Core, tx: Tx, came: Arrived, recipient: str, *, kind: str, status: str, diagnostic: str) -> None:
    said, now = came.envelope.dsn.get(recipient, _NOTHING), core.clock.now()
    block = came.prepared.message.header.block
    author = came.envelope.authenticated
    language = get_account(tx, author).language if author else "en"
    subject, words = notices.render(
        core,
        f"dsn_{kind}",
        language,
        recipient=recipient,
        diagnostic=one_line(diagnostic)[:500],
        subject=one_line(" ".join(header.values(block, "subject")[:1]))[:200],
    )
    report = dsn.build(
        kind=kind,
        reporting_mta=core.config.host,
        sender=came.envelope.sender,
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
    enqueue_mail(
        tx,
        core.blobs,
        sender="",
        recipients=[came.envelope.sender],
        prepared=core.blobs.prepare(report),
        prefix=b"",
        account=author,
        origin="dsn",
        now=core.clock.seconds(),
    )
