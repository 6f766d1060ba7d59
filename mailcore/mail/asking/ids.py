"""Names of messages and threads: those that never change (RFC 8474), and message ids as they are compared (RFC 5256)."""

import hashlib
import re

from mailcore.mail.reading import header

_ID = re.compile(rb"<[^<>\s]{1,500}>")
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)


def thread_key(message_id: str) -> str:
    """Return a message id (without its angle brackets) as threading compares it; "" for one that joins nobody.

    `"a"@example.org` is `a@example.org` (RFC 5256 section 3).  What has no `@` is no message id (RFC 5322 section 3.6.4):
    programs that ask for one are answered "yes", and strangers' messages would meet in one thread.
    """
    left, at, right = message_id.rpartition("@")
    if not at or not left or not right:
        return ""
    if len(left) > 1 and left[0] == left[-1] == '"':
        left = _QUOTED_PAIR.sub(r"\1", left[1:-1])
    return f"{left}@{right}" if left else ""


def email_id(blob: int, block: bytes) -> bytes:
    """Return the same id for copies of the same octets: the blob, and the header with its own trace fields."""
    return b"M" + hashlib.sha256(b"%d " % blob + block).hexdigest()[:24].encode()


def thread_id(block: bytes) -> bytes:
    """Return the same id for a message and the answers to it: by the first message that they refer to."""
    for name in ("references", "in-reply-to", "message-id"):
        for value in header.counting(name, header.raw_values(block, name)):
            for found in _ID.finditer(value):
                if key := thread_key(found[0][1:-1].decode("latin-1")):
                    return b"T" + hashlib.sha256(b"<%s>" % key.encode("latin-1")).hexdigest()[:24].encode()
    return b"T" + hashlib.sha256(block).hexdigest()[:24].encode()
