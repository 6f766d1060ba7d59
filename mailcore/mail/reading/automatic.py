"""Detect messages that a machine wrote, by their header (RFC 3834 section 5)."""

from mailcore.mail.reading.comments import without_comments
from mailcore.mail.reading.fields import Header

_BULK = ("bulk", "list", "junk")


def keyword(value: str) -> str:
    """`no` of `no (a person wrote this); owner=...`: without comments and parameters, in lower case."""
    return without_comments(value).partition(";")[0].strip().lower()


def is_auto_submitted(fields: Header) -> bool:
    """Does Auto-Submitted say anything but `no`?"""
    return any(keyword(value) not in ("no", "") for value in fields.values("auto-submitted"))


def is_bulk(fields: Header) -> bool:
    """Is it one of many copies, by the oldest of the fields that say so?"""
    return any(keyword(value) in _BULK for value in fields.values("precedence"))
