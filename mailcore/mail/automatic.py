"""Whether a machine wrote a message, by what its header says (RFC 3834 section 5)."""

from mailcore.mail import header
from mailcore.mail.comments import without_comments

_BULK = ("bulk", "list", "junk")


def keyword(value: str) -> str:
    """`no` of `no (a person wrote this); owner=...`: without comments and parameters, in lower case."""
    return without_comments(value).partition(";")[0].strip().lower()


def is_auto_submitted(block: bytes) -> bool:
    """Does Auto-Submitted say anything but `no`?"""
    return any(keyword(value) not in ("no", "") for value in header.values(block, "auto-submitted"))


def is_bulk(block: bytes) -> bool:
    """Is it one of many copies, by the oldest of the fields that say so?"""
    return any(keyword(value) in _BULK for value in header.values(block, "precedence"))
