"""Out-of-office replies: to whom one may go, and how it looks (RFC 5230, RFC 3834)."""

from dataclasses import replace
from email.utils import formatdate

import sieve
from mailcore.core import Core
from mailcore.domain import Envelope, Recipient
from mailcore.mail import address, automatic, header, trace
from mailcore.store import deliveries
from mailcore.store.blobs import Prepared
from mailcore.store.db import Tx
from sieve.addrspec import comparable

_NEVER_TO = ("mailer-daemon", "listserv", "majordomo", "noreply", "no-reply", "postmaster")
MAX_SUBJECT = 256  # characters
_BULK = ("list-id", "list-unsubscribe", "list-post", "list-help", "list-subscribe", "list-owner", "list-archive")


def may_answer(envelope: Envelope, block: bytes, own: frozenset[str]) -> str:
    """RFC 5230 sections 4.5 and 4.6: a person wrote, and wrote to one of our addresses: which, or "" for no answer.

    Args:
        own: our addresses in lower case.
    """
    sender = comparable(envelope.sender)
    localpart = sender.partition("@")[0]
    if not sender or sender in own:
        return ""
    if localpart.startswith(("owner-", *_NEVER_TO)) or localpart.endswith(("-request", "-owner", "-bounces")):
        return ""
    if any(header.values(block, name) for name in _BULK):
        return ""
    if automatic.is_auto_submitted(block) or automatic.is_bulk(block):
        return ""
    for value in header.values(block, "x-auto-response-suppress"):  # Microsoft's way to say the same
        if not {"all", "oof"}.isdisjoint(word.strip().lower() for word in value.split(",")):
            return ""
    for name in ("to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc"):
        for raw in header.raw_values(block, name):
            for spec in address.addr_specs(raw):
                if comparable(spec) in own:
                    return spec
    return ""


def answer(
    core: Core, tx: Tx, envelope: Envelope, recipient: Recipient, prepared: Prepared, action: sieve.Vacation
) -> bytes:
    """Queue the reply and give it; b"" when a rule forbids it or this sender had it lately."""
    block = prepared.derived.header
    name, _, domain = recipient.address.rpartition("@")
    own = {recipient.address.lower(), f"{name.partition('+')[0]}@{domain}".lower()}
    own |= {spec.lower() for spec in core.people.addresses(tx, recipient.account)}
    named = may_answer(envelope, block, frozenset((*own, *map(comparable, action.addresses))))
    if not named:
        return b""
    # a script may say whom it likes; nobody writes in another's name
    named = named if named.lower() in own else recipient.address
    author = action.from_address if sieve.one_address(action.from_address).lower() in own else ""
    now = core.clock.seconds()
    handle = action.handle or f"{action.subject}|{action.from_address}|{action.reason}"
    sender = envelope.sender.lower()
    if deliveries.was_answered(tx, recipient.account, handle, sender, now - (action.seconds or action.days * 86_400)):
        return b""
    deliveries.remember_answer(tx, recipient.account, handle, sender, now)
    octets = compose(
        replace(action, from_address=author), block=block, sender=envelope.sender, own=named, domain=core.config.domain, now=now
    )
    core.queue.enqueue(
        tx, sender="", recipients=[envelope.sender], prepared=core.blobs.prepare(octets), prefix=b"",
        account=recipient.account, origin="vacation", now=now,
    )  # fmt: skip
    return octets


def _subject(block: bytes) -> str:
    return " ".join(header.values(block, "subject")[:1])


def _person(block: bytes, sender: str) -> str:
    """The return path, with the name that goes with it in the message if there is one."""
    for name in ("sender", "resent-from", "from", "reply-to"):
        for raw in header.raw_values(block, name)[:1]:
            text = header.safe_value(raw.decode("utf-8", "replace"))
            found = [spec.lower() for spec in address.addr_specs(raw)]
            if found == [sender.lower()] and "<" in text and len(text) < MAX_SUBJECT:
                return text
    return f"<{header.safe_value(sender)}>"


def compose(
    action: sieve.Vacation, *, block: bytes, sender: str, own: str, domain: str, now: int, default_subject: str = "Auto: %$"
) -> bytes:
    """The reply to `sender`; `%$` in the default subject stands for the subject of what is answered."""
    subject = action.subject or default_subject.replace("%{subject}", "%$").replace("%$", _subject(block))
    if len(subject) > MAX_SUBJECT:
        subject = subject[: MAX_SUBJECT - 1] + "…"
    lines = [
        f"From: {header.safe_value(action.from_address or own)}",
        f"To: {_person(block, sender)}",
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
