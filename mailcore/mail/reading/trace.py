"""The fields that a server adds on the way (RFC 5321 section 4.4), safe against injection."""

import re
import secrets
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache

from mailcore.mail.reading import header
from sieve.addrspec import quoted_local, read_addr_spec

MAX_PATH = 255
_RECEIVED = re.compile(rb"(?im)^received[ \t]*:")
_UNSAFE = re.compile(r"[^\x21-\x7e]|[()<>\\]")
_UNSAFE_IN_DOMAIN = re.compile(r"[()\\;,]")


def word(text: str, limit: int = 255) -> str:
    """Make a word that fits into a trace field: printable ASCII without comments."""
    return _UNSAFE.sub("?", text)[:limit]


def path(address: str) -> str:
    """An address in angle brackets, quoted where it must be, in UTF-8 where it is so (RFC 6532); else what is safe of it."""
    spec = read_addr_spec(address)
    if spec is None or len(address) > MAX_PATH:
        return f"<{word(address)}>"
    return f"<{quoted_local(spec.local)}@{_UNSAFE_IN_DOMAIN.sub('?', spec.domain)}>"


def received(helo: str, ip: str, by: str, protocol: str, queue_id: str, for_address: str, at: datetime) -> bytes:
    """Write a Received field, folded, with its line end."""
    source = f"from {word(helo) or 'unknown'}" + (f" ([{word(ip)}])" if ip else "")
    target = f"\r\n\tfor {path(for_address)}" if for_address else ""
    return (
        f"Received: {source}\r\n\tby {word(by)} with {word(protocol)} id {word(queue_id)}{target};"
        f"\r\n\t{date_header(at)}\r\n"
    ).encode()


def without_return_path(block: bytes) -> bytes:
    """Remove Return-Path, which the server of the final delivery alone adds (RFC 5321 section 4.4)."""
    if b"return-path" not in block.lower():
        return block
    return header.without(block, lambda name, _value: name.lower() == "return-path")


def return_path(sender: str) -> bytes:
    return f"Return-Path: {path(sender)}\r\n".encode()


def delivered_to(address: str) -> bytes:
    return f"Delivered-To: {path(address)[1:-1]}\r\n".encode()


def count_received(block: bytes) -> int:
    """Count the hops so far (RFC 5321 section 6.3)."""
    return len(_RECEIVED.findall(block))


def date_header(at: datetime) -> str:
    """RFC 5322 section 3.3."""
    return _date_header(at.replace(microsecond=0))


@lru_cache(maxsize=16)  # a busy second has hundreds of messages
def _date_header(at: datetime) -> str:
    return format_datetime(at)


def message_id(domain: str) -> str:
    return f"<{secrets.token_hex(16)}@{domain}>"
