"""Dates of header fields, read where Sieve's tests read them, too (sieve/maildate.py)."""

from datetime import datetime

from sieve import maildate


def parse(value: str) -> datetime | None:
    """An aware time in the zone that was written, UTC where none is; None for what is no date."""
    return maildate.read(value)
