"""Delivery status notifications (RFC 3464, RFC 6522): what the sender hears when mail waits or fails."""

import secrets
from datetime import datetime
from email.utils import format_datetime

from mailcore.mail.header import safe_value


def build(
    *, kind: str, reporting_mta: str, sender: str, recipient: str, original_recipient: str | None, status: str,
    diagnostic: str, arrival: datetime, now: datetime, header_block: bytes, message_id: str,
    will_retry_until: datetime | None = None,
) -> bytes:  # fmt: skip
    """The whole notice.

    Args:
        kind: "failed" or "delayed".
        sender: to whom the notice goes.
        header_block: of the original, returned as text/rfc822-headers.
    """
    boundary = "=_" + secrets.token_hex(12)
    failed = kind == "failed"
    if failed:
        words = f"Your message could not be delivered to\n\n  {recipient}\n\nThe answer was: {safe_value(diagnostic)}\n"
    else:
        words = (
            f"Your message to\n\n  {recipient}\n\nis waiting; you need not send it again. "
            f"The last answer was: {safe_value(diagnostic)}\n"
        )
    report = [
        f"Reporting-MTA: dns; {reporting_mta}",
        f"Arrival-Date: {format_datetime(arrival)}",
        "",
        *([f"Original-Recipient: rfc822;{safe_value(original_recipient)}"] if original_recipient else []),
        f"Final-Recipient: rfc822;{safe_value(recipient)}",
        f"Action: {kind}",
        f"Status: {safe_value(status)}",
        f"Diagnostic-Code: smtp; {safe_value(diagnostic)[:900]}",
        *([f"Will-Retry-Until: {format_datetime(will_retry_until)}"] if will_retry_until else []),
    ]
    lines = [
        f"From: Mail Delivery System <MAILER-DAEMON@{reporting_mta}>",
        f"To: <{safe_value(sender)}>",
        f"Subject: {'Undelivered mail returned to sender' if failed else 'Your mail is delayed'}",
        f"Date: {format_datetime(now)}",
        f"Message-ID: {message_id}",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status; boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=utf-8",
        "",
        *words.splitlines(),
        f"--{boundary}",
        "Content-Type: message/delivery-status",
        "",
        *report,
        "",
        f"--{boundary}",
        "Content-Type: text/rfc822-headers",
        "",
    ]
    head = "\r\n".join(lines).encode("utf-8", "replace") + b"\r\n"
    return head + header_block.rstrip(b"\r\n") + f"\r\n\r\n--{boundary}--\r\n".encode()
