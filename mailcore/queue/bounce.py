"""Bounces and delay warnings to the sender (RFC 3464, as asked by RFC 3461), and what else becomes of mail that fails.

Reports are written before the write that saves an outcome, and only queued within it.

A forwarding's target never appears in anything that goes to the sender: what it refuses is filed in its owner's INBOX,
so the sender needs no report.
"""

import contextlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from mailcore.core import Core
from mailcore.domain import QueueItem
from mailcore.errors import Busy
from mailcore.mail.reading import header, trace
from mailcore.mail.reading.lines import one_line
from mailcore.mail.writing import dsn
from mailcore.queue.client import Answer
from mailcore.queue.schedule import GIVE_UP_AFTER
from mailcore.services.forwarding import bounces
from mailcore.services.notices import notices
from mailcore.services.tickets import ticket_text, tickets
from mailcore.store.engine.db import Tx
from mailcore.store.forwarding import onward
from mailcore.store.mail.blobs import Prepared, Saved
from mailcore.store.people.accounts import get_account
from mailcore.store.queue.items import domain_of, enqueue_mail, read_octets
from mailcore.store.tickets import tickets as ticket_store

MOST_RETURNED = 512 * 1024  # octets of the message itself, where RET=FULL asks for it
TICKET_EVERY, MOST_IN_CASE = timedelta(days=1), 20  # for one domain; what comes after tells nothing new
_ENHANCED = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}")
_WANTS = {"failed": "FAILURE", "delayed": "DELAY", "relayed": "SUCCESS"}


def make_status(answer: Answer) -> str:
    """Return the enhanced code of the reply, or one that says as much as we know.

    A host's own counts only if it is of the form and of the class of its reply (RFC 3463 section 2, RFC 2034 section 4).
    """
    word = answer.text.split(" ", 1)[0]
    if _ENHANCED.fullmatch(word) and (not answer.code or word[0] == str(answer.code)[0]):
        return word
    if answer.ok:
        return "2.0.0"
    return "5.0.0" if answer.permanent else "4.4.1"


def is_wanted(item: QueueItem, kind: str) -> bool:
    """Say if the sender wants this report; by default those of failures and delays (RFC 3461 section 4.1)."""
    if not item.sender or item.origin in ("forward", "dsn", "vacation"):
        return False
    requested = {word.strip() for word in item.dsn.notify.upper().split(",") if word.strip()}
    return _WANTS[kind] in requested if requested else kind != "relayed"


def write_report(core: Core, tx: Tx, item: QueueItem, answer: Answer, *, kind: str, now: datetime) -> Prepared | None:
    """Write a report to the sender; a null sender gets none (RFC 5321 section 6.1)."""
    if not is_wanted(item, kind):
        return None
    octets = b""
    with contextlib.suppress(Busy):  # octets that are missing on our side must not keep the sender from hearing
        octets = read_octets(tx, core.blobs, item)
    block = header.split(octets or item.prefix + core.blobs.header(tx, item.blob))[0]
    language = get_account(tx, item.account).language if item.account else "en"
    diagnostic = f"{answer.code} {answer.text}" if answer.code else answer.text
    until = item.created_at + GIVE_UP_AFTER
    subject, words = notices.render(
        core,
        f"dsn_{kind}",
        language,
        recipient=item.recipient,
        diagnostic=one_line(diagnostic)[:500],
        until=f"{until:%Y-%m-%d %H:%M} UTC",
        subject=one_line(header.text(block, "subject"))[:200],
    )
    returns_whole = item.dsn.ret.upper() == "FULL" and kind == "failed" and 0 < len(octets) <= MOST_RETURNED
    # A report with an 8-bit message in it does not reach every host; here it does.
    returns_whole = returns_whole and (octets.isascii() or domain_of(item.sender) in core.config.mail_domains)
    report = dsn.build(
        kind=kind,
        reporting_mta=core.config.host,
        sender=item.sender,
        recipient=item.recipient,
        original_recipient=item.dsn.orcpt,
        envelope_id=item.dsn.envid,
        status=make_status(answer),
        diagnostic=diagnostic,
        remote=answer.host,
        arrival=item.created_at,
        now=now,
        subject=subject,
        words=words,
        original=octets if returns_whole else block,
        whole=returns_whole,
        message_id=trace.message_id(core.config.domain),
        will_retry_until=until if kind == "delayed" else None,
    )
    return core.blobs.prepare(report)


def queue_report(core: Core, tx: Tx, item: QueueItem, report: Prepared, now: datetime) -> None:
    """Queue a report that was written before."""
    enqueue_mail(
        tx,
        core.blobs,
        sender="",
        recipients=[item.sender],
        prepared=report,
        prefix=b"",
        account=item.account,
        origin="dsn",
        now=int(now.timestamp()),
    )


def return_to_owner(core: Core, tx: Tx, item: QueueItem) -> None:
    """File a message whose forwarding failed for good in its owner's INBOX, so that it is never lost (S25)."""
    if item.account is None:
        return
    if core.mail.has_blob(tx, item.account, item.blob):
        return
    content = onward.find_content(tx, item.id) or b""
    queued = Saved(item.blob, core.blobs.size(tx, item.blob))
    bounces.file_for_owner(core, tx, item.account, content, queued, item.prefix)


@dataclass(frozen=True, slots=True)
class UndeliveredReport:
    """A delivery report that could not be delivered, as the postmaster's ticket tells of it."""

    subject: str
    text: str


def describe_undelivered(core: Core, tx: Tx, item: QueueItem, answer: Answer) -> UndeliveredReport:
    """Describe a report that cannot be delivered (RFC 5321 section 6.1)."""
    octets = item.prefix + core.blobs.header(tx, item.blob)
    block = header.split(octets)[0].decode("utf-8", "replace")[:4000]
    text = f"To: {item.recipient}\nThe answer of {answer.host}: {answer.code} {answer.text}\n\n{block}"
    subject = f"A delivery report to {domain_of(item.recipient)} could not be delivered"
    return UndeliveredReport(subject, ticket_text.tidy_text(text))


def notify_postmaster(core: Core, tx: Tx, report: UndeliveredReport, now: datetime) -> None:
    """Add it to the postmaster's ticket, one a domain and day."""
    case = ticket_store.find_newest_ticket(tx, "", report.subject, int((now - TICKET_EVERY).timestamp()))
    if case is None:
        tickets.open_ticket(
            core,
            tx,
            kind="postmaster",
            subject=report.subject,
            text=report.text,
            reply_to="",
            language="en",
            notify=False,
        )
    elif len(ticket_store.list_messages(tx, case.id)) < MOST_IN_CASE:
        tickets.add_message(core, tx, case.id, report.text)
