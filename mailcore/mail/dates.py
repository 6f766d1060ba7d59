"""Dates of header fields (RFC 5322 section 3.3), as people's programs write them."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MAX_VALUE = 200  # characters of a value that are read
# so that a date can be told in the calendar of any zone
_FIRST_YEAR, _LAST_YEAR = 2, 9998


def parse(value: str) -> datetime | None:
    """An aware time in the zone that was written, UTC where none is; None for what is no date."""
    try:
        found = parsedate_to_datetime(value.strip()[:MAX_VALUE])
        found = found if found.tzinfo else found.replace(tzinfo=UTC)
        found.timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if _FIRST_YEAR <= found.year <= _LAST_YEAR else None
