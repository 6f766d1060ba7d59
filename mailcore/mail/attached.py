"""A message of ours that carries one file, such as a report to another domain."""

import base64
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from email.utils import format_datetime

from mailcore.mail import trace
from mailcore.mail.header import safe_value


def compose(
    *, sender: str, recipients: Sequence[str], subject: str, domain: str, now: datetime, kind: str, name: str,
    octets: bytes, fields: Mapping[str, str],
) -> bytes:  # fmt: skip
    """The whole message; a TLS report is a multipart/report (RFC 8460 section 5.3), others are mixed."""
    boundary = "=_" + secrets.token_hex(12)
    outer = 'multipart/report; report-type="tlsrpt"' if kind == "application/tlsrpt+gzip" else "multipart/mixed"
    lines = [
        f"From: <{sender}>",
        f"To: {', '.join(f'<{safe_value(one)}>' for one in recipients)}",
        f"Subject: {safe_value(subject)}",
        f"Date: {format_datetime(now)}",
        f"Message-ID: {trace.message_id(domain)}",
        "Auto-Submitted: auto-generated",
        *(f"{field}: {safe_value(value)}" for field, value in fields.items()),
        "MIME-Version: 1.0",
        f'Content-Type: {outer};\r\n\tboundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        f"This is a report of {domain}. It is meant for programs.",
        f"--{boundary}",
        f"Content-Type: {kind}",
        "Content-Transfer-Encoding: base64",
        f'Content-Disposition: attachment; filename="{safe_value(name)}"',
        "",
        *base64.encodebytes(octets).decode().splitlines(),
        f"--{boundary}--",
        "",
    ]
    return "\r\n".join(lines).encode()
