"""What the sender hears of mail that waits or fails (RFC 3464), and what becomes of a forwarding's refusal."""

from datetime import datetime

from mailcore.core import Core
from mailcore.domain import AccountId, QueueItem
from mailcore.mail import dsn, header, trace
from mailcore.queue.client import Answer
from mailcore.queue.schedule import GIVE_UP_AFTER
from mailcore.store.db import Tx


def status_of(answer: Answer) -> str:
    """The enhanced code of the reply (RFC 3463), or one that says as much as we know."""
    word = answer.text.split(" ", 1)[0]
    if word.count(".") == 2 and word.replace(".", "").isdigit():
        return word
    return "5.0.0" if answer.permanent else "4.4.1"


def notify(core: Core, tx: Tx, item: QueueItem, answer: Answer, *, kind: str, now: datetime) -> None:
    """Queue a notice to the sender; a null sender gets none (RFC 5321 section 6.1)."""
    if not item.sender:
        return
    recipient, diagnostic = item.recipient, f"{answer.code} {answer.text}" if answer.code else answer.text
    if item.origin == "forward" and item.account is not None:
        # The private target never reaches the sender, nor do the target's own words.
        recipient = next(iter(core.people.addresses(tx, item.account)), item.recipient)
        diagnostic = "its owner forwards mail, and that waits" if kind == "delayed" else "its owner's forwarding failed"
    octets = dsn.build(
        kind=kind, reporting_mta=core.config.host, sender=item.sender, recipient=recipient, original_recipient=None,
        status=status_of(answer), diagnostic=diagnostic, arrival=item.created_at, now=now,
        header_block=header.split(core.queue.octets(tx, item))[0], message_id=trace.message_id(core.config.domain),
        will_retry_until=item.created_at + GIVE_UP_AFTER if kind == "delayed" else None,
    )  # fmt: skip
    core.queue.enqueue(
        tx, sender="", recipients=[item.sender], prepared=core.blobs.prepare(octets), prefix=b"", account=item.account,
        origin="dsn", now=int(now.timestamp()),
    )  # fmt: skip


def keep_for_owner(core: Core, tx: Tx, item: QueueItem, now: datetime) -> None:
    """A forwarding that failed for good: the message comes back into its owner's INBOX, so it is never lost (S25)."""
    if item.account is None:
        return
    octets = core.queue.octets(tx, item)
    if _stands_there(core, tx, item.account, item.blob):
        return
    box = core.mail.mailbox(tx, item.account, "INBOX")
    core.mail.append(tx, item.account, box.id, core.blobs.prepare(octets), frozenset(), now, enforce_quota=False)


def _stands_there(core: Core, tx: Tx, account: AccountId, blob: int) -> bool:
    """Was a copy kept?"""
    return core.mail.has_blob(tx, account, blob)
