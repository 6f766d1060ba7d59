"""The notification that a script sends by mail (RFC 5436)."""

from collections.abc import Sequence
from email.utils import formatdate

import sieve
from mailcore.mail import header, trace

_PRIORITY = {"1": "1 (Highest)", "3": "5 (Lowest)"}


def may_notify(block: bytes) -> bool:
    """A notification of a notification would never end (section 2.2)."""
    return not any(value.strip().lower().startswith("auto-notified") for value in header.values(block, "auto-submitted"))


def compose(action: sieve.Notify, *, block: bytes, own: str, domain: str, now: int) -> tuple[Sequence[str], bytes]:
    """Recipients and the whole message.

    Args:
        block: the header of the message that is told of.
        own: the address of the script's owner.
        now: seconds since 1970.
    """
    read = sieve.read_mailto(action.method)
    if read is None:
        return (), b""
    recipients, wished = read
    original = " ".join(header.values(block, "subject")[:1])
    subject = action.message.partition("\n")[0].strip() or wished.get("subject") or original or "New message"
    lines = [
        f"From: {header.safe_value(action.from_address) or f'<{own}>'}",
        f"To: {', '.join(header.safe_value(address) for address in recipients)}",
        f"Subject: {header.encode_value(header.safe_value(subject))}",
        f"Date: {formatdate(now)}",
        f"Message-ID: {trace.message_id(domain)}",
        f'Auto-Submitted: auto-notified; owner-email="{header.safe_value(own)}"',
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
    ]
    if action.importance in _PRIORITY:
        lines.append(f"X-Priority: {_PRIORITY[action.importance]}")
        lines.append(f"Importance: {'High' if action.importance == '1' else 'Low'}")
    author = " ".join(header.values(block, "from")[:1])
    body = wished.get("body") or "\n".join(filter(None, [action.message, f"From: {author}", f"Subject: {original}"]))
    text = body.replace("\r\n", "\n").replace("\n", "\r\n")
    return recipients, ("\r\n".join(lines) + "\r\n\r\n" + text + "\r\n").encode("utf-8", "replace")
