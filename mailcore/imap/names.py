"""Mailbox names on the wire: modified UTF-7 (RFC 3501 section 5.1.3) and the patterns of LIST.  No I/O."""

import binascii
import re
from base64 import b64decode, b64encode
from functools import lru_cache
from typing import Any

import re2

from mailcore.errors import InvalidName

SEPARATOR = "/"
MAX_PATTERN = 1024  # characters; no name is longer than 255 octets
_INBOX = re.compile(r"^inbox(?=$|[/*%])", re.IGNORECASE)
_PLAIN = re.compile(r"[\x20-\x25\x27-\x7e]+|&|[^\x20-\x7e]+")
_SHIFTED = re.compile(rb"&([A-Za-z0-9+,]*)-")


def encode(name: str) -> bytes:
    """`Søppel` becomes `S&APg-ppel`."""

    def chunk(found: re.Match[str]) -> str:
        text = found[0]
        if text == "&":
            return "&-"
        if " " <= text[0] <= "~":
            return text
        return "&" + b64encode(text.encode("utf-16-be"), b"+,").decode().rstrip("=") + "-"

    return _PLAIN.sub(chunk, name).encode()


def decode(octets: bytes, *, utf8: bool = False) -> str:
    """Modified UTF-7, or plain UTF-8 which many clients send; raises InvalidName.

    Args:
        utf8: the client has enabled UTF-8 names, where `&` stands for itself.
    """
    try:
        if utf8 or any(octet > 0x7E for octet in octets):
            return octets.decode()
        return _SHIFTED.sub(_unshift, octets).decode()
    except (ValueError, binascii.Error):
        raise InvalidName("the name is not valid modified UTF-7") from None


def _unshift(found: re.Match[bytes]) -> bytes:
    if not found[1]:
        return b"&"
    packed = found[1] + b"=" * (-len(found[1]) % 4)
    return b64decode(packed, b"+,").decode("utf-16-be").encode()


def quoted(octets: bytes) -> bytes:
    return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def parents(name: str) -> list[str]:
    parts = name.split(SEPARATOR)
    return [SEPARATOR.join(parts[:depth]) for depth in range(1, len(parts))]


def is_within(name: str, roots: frozenset[str], *, levels: int | None = None) -> bool:
    """Is the mailbox one of `roots`, or so many levels below one (None: any number)?

    Takes time by the levels of the name, not by the number of roots.
    """
    above = parents(name) if levels is None else parents(name)[::-1][:levels]
    return name in roots or not roots.isdisjoint(above)


def matches(pattern: str, name: str) -> bool:
    """`%` stands for anything within one level, `*` for anything at all; INBOX in any case.

    By RE2, so that no pattern costs more than its length times that of the name.
    """
    if name.split(SEPARATOR)[0] == "INBOX":
        pattern = _INBOX.sub("INBOX", pattern)
    return _compiled(pattern).fullmatch(name) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:  # Any: re2 has no types
    pattern = re.sub("[*%]+", lambda found: "*" if "*" in found[0] else "%", pattern)
    if len(pattern) > MAX_PATTERN:
        raise InvalidName("the pattern is too long")
    parts = (
        ".*" if part == "*" else "[^/]*" if part == "%" else re2.escape(part) for part in re.split("([*%])", pattern)
    )
    return re2.compile("(?s)" + "".join(parts))
