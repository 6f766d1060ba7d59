"""The notification that a script sends by mail (RFC 5436)."""

from dataclasses import replace
from email.utils import formatdate

import sieve
from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.mail import automatic, header, trace
from mailcore.store.db import Tx

_PRIORITY = {"1": ("1 (Highest)", "High"), "2": ("3 (Normal)", "Normal"), "3": ("5 (Lowest)", "Low")}


def may_notify(block: bytes) -> bool:
    """Nobody is told of what a machine wrote: two such machines would never end (section 2.2)."""
    return not automatic.is_auto_submitted(block)


def sender(action: sieve.Notify, *, trigger: str, own: str) -> str:
    """MAIL FROM: null for a null sender, so that reports make no more of themselves (section 2.2)."""
    return (sieve.one_address(action.from_address) or own) if trigger else ""


def queue(
    core: Core, tx: Tx, action: sieve.Notify, *, block: bytes, own: str, known: frozenset[str], trigger: str,
    account: AccountId,
) -> bytes:  # fmt: skip
    """Queue the notification and give it; b"" when none may go out.

    Args:
        known: the account's addresses; nobody sends as somebody else.
        trigger: the sender of the message that is told of.
    """
    if not may_notify(block):
        return b""
    if sieve.one_address(action.from_address).lower() not in known:
        action = replace(action, from_address="")
    now = core.clock.seconds()
    recipients, octets = compose(action, block=block, own=own, domain=core.config.domain, now=now)
    core.queue.enqueue(
        tx, sender=sender(action, trigger=trigger, own=own), recipients=list(recipients),
        prepared=core.blobs.prepare(octets), prefix=b"", account=account, origin="vacation", now=now,
    )  # fmt: skip
    return octets


def _addresses(name: str, shown: tuple[str, ...]) -> list[str]:
    """A field of addresses; display names are encoded where they must be."""
    found = []
    for text in shown:
        phrase, angle, rest = text.rpartition("<")
        safe = header.encode_value(header.safe_value(phrase.strip())) if angle else ""
        found.append(f"{safe} <{header.safe_value(rest)}" if safe else header.safe_value(text))
    return [f"{name}: {', '.join(found)}"] if found else []


def compose(action: sieve.Notify, *, block: bytes, own: str, domain: str, now: int) -> tuple[tuple[str, ...], bytes]:
    """Recipients and the whole message.

    Args:
        block: the header of the message that is told of.
        own: the address of the script's owner.
        now: seconds since 1970.
    """
    read = sieve.read_mailto(action.method)
    if read is None:
        return (), b""
    read = read.without(action.told)
    original = " ".join(header.values(block, "subject")[:1])
    subject = action.message.partition("\n")[0].strip() or read.subject or original or "New message"
    priority, importance = _PRIORITY.get(action.importance, _PRIORITY["2"])
    lines = [
        f"From: {header.safe_value(action.from_address) or f'<{own}>'}",
        *_addresses("To", read.to),
        *_addresses("Cc", read.cc),
        f"Subject: {header.encode_value(header.safe_value(subject))}",
        f"Date: {formatdate(now)}",
        f"Message-ID: {trace.message_id(domain)}",
        f'Auto-Submitted: auto-notified; owner-email="{header.safe_value(own)}"',
        f"X-Priority: {priority}",
        f"Importance: {importance}",
        *(f"{name.title()}: {header.encode_value(header.safe_value(value))}" for name, value in read.fields),
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
    ]
    author = " ".join(header.values(block, "from")[:1])
    body = read.body or "\n".join(filter(None, [action.message, f"From: {author}", f"Subject: {original}"]))
    text = body.replace("\r\n", "\n").replace("\n", "\r\n")
    return read.addresses, ("\r\n".join(lines) + "\r\n\r\n" + text + "\r\n").encode("utf-8", "replace")
