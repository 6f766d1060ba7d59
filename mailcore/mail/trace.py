"""The fields that a server adds on the way (RFC 5321 section 4.4), safe against injection."""

import re
import secrets
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

_RECEIVED = re.compile(rb"(?im)^received[ \t]*:")
_UNSAFE = re.compile(r"[^\x21-\x7e]|[()<>\\]")


def word(text: str, limit: int = 255) -> str:
    """A word that fits into a trace field: printable ASCII without comments."""
    return _UNSAFE.sub("?", text)[:limit]


def received(
    helo: str, ip: str, by: str, protocol: str, queue_id: str, for_address: str, at: datetime
) -> bytes:
    """A Received field, folded, with its line end."""
    source = f"from {word(helo) or 'unknown'}" + (f" ([{word(ip)}])" if ip else "")
    target = f"\r\n\tfor <{word(for_address)}>" if for_address else ""
    return (
        f"Received: {source}\r\n\tby {word(by)} with {word(protocol)} id {word(queue_id)}{target};"
        f"\r\n\t{date_header(at)}\r\n"
    ).encode("ascii")


def return_path(sender: str) -> bytes:
    return f"Return-Path: <{word(sender)}>\r\n".encode("ascii")


def delivered_to(address: str) -> bytes:
    return f"Delivered-To: {word(address)}\r\n".encode("ascii")


def count_received(block: bytes) -> int:
    """Hops so far (RFC 5321 section 6.3)."""
    return len(_RECEIVED.findall(block))


def date_header(at: datetime) -> str:
    """RFC 5322 section 3.3."""
    return _date_header(at.replace(microsecond=0))


@lru_cache(maxsize=16)  # a busy second has hundreds of messages
def _date_header(at: datetime) -> str:
    return format_datetime(at)


def message_id(domain: str) -> str:
    return f"<{secrets.token_hex(16)}@{domain}>"
