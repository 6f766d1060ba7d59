"""Out-of-office replies: to whom one may go, and how it looks (RFC 5230, RFC 3834)."""

from email.utils import formatdate

import sieve
from mailcore.core import Core
from mailcore.domain import Envelope, Recipient
from mailcore.mail import address, header, trace
from mailcore.store import deliveries
from mailcore.store.blobs import Prepared
from mailcore.store.db import Tx

_NEVER_TO = ("mailer-daemon", "listserv", "majordomo", "noreply", "no-reply", "postmaster")
_BULK = ("list-id", "list-unsubscribe", "list-post", "list-help", "list-subscribe", "list-owner", "list-archive")


def may_answer(envelope: Envelope, block: bytes, own: frozenset[str]) -> bool:
    """RFC 5230 sections 4.5 and 4.6: a person wrote, and wrote to us."""
    sender = envelope.sender.lower()
    localpart = sender.partition("@")[0]
    if not sender or sender in own:
        return False
    if localpart.startswith(("owner-", *_NEVER_TO)) or localpart.endswith(("-request", "-owner", "-bounces")):
        return False
    if any(header.values(block, name) for name in _BULK):
        return False
    if any(value.strip().lower() != "no" for value in header.values(block, "auto-submitted")):
        return False
    if any(value.strip().lower() in ("bulk", "list", "junk") for value in header.values(block, "precedence")):
        return False
    named = {
        spec.lower()
        for name in ("to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc")
        for value in header.raw_values(block, name)
        for spec in address.addr_specs(value)
    }
    return bool(named & own)


def answer(
    core: Core, tx: Tx, envelope: Envelope, recipient: Recipient, prepared: Prepared, action: sieve.Vacation
) -> bytes:
    """Queue the reply and give it; b"" when a rule forbids it or this sender had it lately."""
    block = prepared.derived.header
    name, _, domain = recipient.address.rpartition("@")
    own = {recipient.address.lower(), f"{name.partition('+')[0]}@{domain}".lower()}
    own |= {spec.lower() for spec in action.addresses}
    if not may_answer(envelope, block, frozenset(own)):
        return b""
    now = core.clock.seconds()
    handle = action.handle or f"{action.subject}|{action.from_address}|{action.reason}"
    sender = envelope.sender.lower()
    if deliveries.was_answered(tx, recipient.account, handle, sender, now - (action.seconds or action.days * 86_400)):
        return b""
    deliveries.remember_answer(tx, recipient.account, handle, sender, now)
    octets = compose(
        action, block=block, sender=envelope.sender, own=recipient.address, domain=core.config.domain, now=now
    )
    core.queue.enqueue(
        tx, sender="", recipients=[envelope.sender], prepared=core.blobs.prepare(octets), prefix=b"",
        account=recipient.account, origin="vacation", now=now,
    )  # fmt: skip
    return octets


def compose(
    action: sieve.Vacation, *, block: bytes, sender: str, own: str, domain: str, now: int, default_subject: str = "Auto: %$"
) -> bytes:
    """The reply to `sender`; `%$` in the default subject stands for the subject of what is answered."""
    subject = action.subject or default_subject.replace("%$", " ".join(header.values(block, "subject")[:1]))
    lines = [
        f"From: {header.safe_value(action.from_address or own)}",
        f"To: <{header.safe_value(sender)}>",
        f"Subject: {header.encode_value(header.safe_value(subject))}",
        f"Date: {formatdate(now)}",
        f"Message-ID: {trace.message_id(domain)}",
        "Auto-Submitted: auto-replied (vacation)",
        "MIME-Version: 1.0",
    ]
    for original in header.values(block, "message-id")[:1]:
        lines.append(f"In-Reply-To: {header.safe_value(original)}")
        before = " ".join(header.values(block, "references")[:1])
        lines.append(f"References: {header.safe_value((before + ' ' + original).strip())[-900:]}")
    if action.mime:
        text = action.reason
    else:
        lines += ["Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", ""]
        text = action.reason
    body = text.replace("\r\n", "\n").replace("\n", "\r\n")
    return ("\r\n".join(lines) + "\r\n" + body + "\r\n").encode()
