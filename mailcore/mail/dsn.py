"""Delivery status notifications (RFC 3464, RFC 6522): written for our senders, read when others return our mail."""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from mailcore.mail import header
from mailcore.mail.header import safe_value


def build(
    *, kind: str, reporting_mta: str, sender: str, recipient: str, original_recipient: str, envelope_id: str, status: str,
    diagnostic: str, remote: str, arrival: datetime, now: datetime, subject: str, words: str, original: bytes, whole: bool,
    message_id: str, will_retry_until: datetime | None = None,
) -> bytes:  # fmt: skip
    """The whole notice.

    Args:
        kind: "failed", "delayed", "relayed" or "delivered".
        sender: to whom the notice goes.
        original_recipient: `rfc822;address` as the sender named it (ORCPT), or empty.
        words: for people.
        original: its header block, returned as text/rfc822-headers; or, `whole`, all of it.
    """
    boundary = "=_" + secrets.token_hex(12)
    report = [
        *([f"Original-Envelope-Id: {safe_value(envelope_id)}"] if envelope_id else []),
        f"Reporting-MTA: dns; {reporting_mta}",
        f"Arrival-Date: {format_datetime(arrival)}",
        "",
        *([f"Original-Recipient: {safe_value(original_recipient)}"] if original_recipient else []),
        f"Final-Recipient: {'rfc822' if recipient.isascii() else 'utf-8'}; {_ascii(recipient)}",
        f"Action: {kind}",
        f"Status: {safe_value(status)}",
        *([f"Remote-MTA: dns; {safe_value(remote)}"] if remote else []),
        f"Diagnostic-Code: smtp; {_ascii(diagnostic)[:900]}",
        *([f"Will-Retry-Until: {format_datetime(will_retry_until)}"] if will_retry_until else []),
    ]
    lines = [
        f"From: Mail Delivery System <MAILER-DAEMON@{reporting_mta}>",
        f"To: <{safe_value(sender)}>",
        f"Subject: {header.encode_value(safe_value(subject))}",
        f"Date: {format_datetime(now)}",
        f"Message-ID: {message_id}",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
        "",
        *words.splitlines(),
        f"--{boundary}",
        "Content-Type: message/delivery-status",
        "",
        *report,
        "",
        f"--{boundary}",
        "Content-Type: message/rfc822" if whole else "Content-Type: text/rfc822-headers",
        "",
    ]
    head = "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n"
    body = original if whole else original.rstrip(b"\r\n") + b"\r\n"
    return head + body + f"\r\n--{boundary}--\r\n".encode()


def _ascii(text: str) -> str:
    """As the fields of a report must be (RFC 3464 section 2.1.1); other letters as RFC 6533 section 3 writes them."""
    return "".join(c if c.isascii() else f"\\x{{{ord(c):X}}}" for c in safe_value(text))


@dataclass(frozen=True, slots=True)
class Returned:
    """What a report of another server says of the first recipient that it names."""

    action: str  # failed, delayed, delivered, relayed, expanded
    status: str
    diagnostic: str


_PART = re.compile(rb"(?im)^content-type:[ \t]*message/(?:global-)?delivery-status\b[^\n]*\n")
_ACTION = re.compile(rb"(?im)^action:[ \t]*([a-z]+)")
_STATUS = re.compile(rb"(?im)^status:[ \t]*([245]\.\d{1,3}\.\d{1,3})")
_DIAGNOSTIC = re.compile(rb"(?im)^diagnostic-code:[ \t]*([^\n]*(?:\n[ \t][^\n]*)*)")
MOST_READ = 256 * 1024


def read(octets: bytes) -> Returned | None:
    """None where the message is no report."""
    part = _PART.search(octets, 0, MOST_READ)
    if part is None:
        return None
    report = octets[part.end() : part.end() + 16_384]
    action = _ACTION.search(report)
    if action is None:
        return None
    status, diagnostic = _STATUS.search(report), _DIAGNOSTIC.search(report)
    words = b" ".join(diagnostic[1].split()).decode("utf-8", "replace") if diagnostic else ""
    return Returned(action[1].decode().lower(), status[1].decode() if status else "", words[:500])
