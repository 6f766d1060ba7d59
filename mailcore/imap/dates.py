"""Dates as IMAP writes them (RFC 9051 section 9, date-time and date).  No I/O."""

import re
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache
from time import gmtime

from mailcore.wire.reader import Reader, SyntaxProblem

_MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_DATE_TIME = re.compile(rb'"( ?\d|\d\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"')
_DATE = re.compile(rb'"?(\d{1,2})-([A-Za-z]{3})-(\d{4})"?')


@lru_cache(maxsize=20_000)  # a mailbox has few days
def _day(days: int) -> bytes:
    year, month, day, *_ = gmtime(days * 86_400)
    return b'"%2d-%s-%04d ' % (day, _MONTHS[month - 1], year)


_TIMES = [b"%02d:%02d:" % divmod(minute, 60) for minute in range(1440)]
_UTC = [b'%02d +0000"' % second for second in range(60)]


def date_time(seconds: int, zone: int = 0) -> bytes:
    """date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE

    `seconds` since 1970; `zone` in minutes east of Greenwich.
    """
    days, rest = divmod(seconds + zone * 60, 86_400)
    minute, second = divmod(rest, 60)
    if not zone:
        return _day(days) + _TIMES[minute] + _UTC[second]
    hours, minutes = divmod(abs(zone), 60)
    return _day(days) + _TIMES[minute] + b'%02d %s%02d%02d"' % (second, b"-" if zone < 0 else b"+", hours, minutes)


def _month(name: bytes) -> int:
    try:
        return _MONTHS.index(name.capitalize()) + 1
    except ValueError:
        raise SyntaxProblem("expected a month") from None


def read_date_time(read: Reader) -> datetime:
    """date-time; a day of one digit also without the space before it, as several mail programs of phones write it."""
    found = read.match(_DATE_TIME)
    if found is None:
        raise SyntaxProblem("expected a date and time")
    day, year, hour, minute, second = (int(found[n]) for n in (1, 3, 4, 5, 6))
    offset = timedelta(hours=int(found[8]), minutes=int(found[9]))
    try:
        zone = timezone(-offset if found[7] == b"-" else offset)
        return datetime(year, _month(found[2]), day, hour, minute, min(second, 59), tzinfo=zone)
    except (ValueError, OverflowError):
        raise SyntaxProblem("that date does not exist") from None


def read_date(read: Reader) -> int:
    """date = DQUOTE date-text DQUOTE / date-text, as an ordinal"""
    found = read.match(_DATE)
    if found is None:
        raise SyntaxProblem("expected a date such as 1-Feb-2026")
    try:
        return date(int(found[3]), _month(found[2]), int(found[1])).toordinal()
    except ValueError:
        raise SyntaxProblem("that date does not exist") from None
