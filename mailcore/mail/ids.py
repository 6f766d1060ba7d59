"""Names of messages and threads that never change (RFC 8474)."""

import hashlib
import re

from mailcore.mail import header

_ID = re.compile(rb"<[^<>\s]{1,500}>")


def email_id(blob: int, block: bytes) -> bytes:
    """The same for copies of the same octets: the blob, and the header with its own trace fields."""
    return b"M" + hashlib.sha256(b"%d " % blob + block).hexdigest()[:24].encode()


def thread_id(block: bytes) -> bytes:
    """The same for a message and the answers to it: by the first message that they refer to."""
    for name in ("references", "in-reply-to", "message-id"):
        for value in header.raw_values(block, name)[:1]:
            if found := _ID.search(value):
                return b"T" + hashlib.sha256(found[0]).hexdigest()[:24].encode()
    return b"T" + hashlib.sha256(block).hexdigest()[:24].encode()
