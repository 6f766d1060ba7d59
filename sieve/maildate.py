"""Dates of header fields (RFC 5322 sections 3.3 and 4.3) as programs write them: the one place that reads them.

What the grammar allows is read by it; of the rest, what a person would read: zones by their names (`CET`, `GMT+0200`,
`EST5EDT`) or with a colon, asctime and ISO 8601, comments anywhere.  Nothing is guessed where day and month could be mixed up
(`1/2/2023`).  Linear in the characters and never raises.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

MAX_VALUE = 200  # characters of a value that are read
# so that a date can be told in the calendar of any zone
_FIRST_YEAR, _LAST_YEAR = 2, 9998

_MONTHS = {name: number for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}  # noqa: SIM905
_COMMENT_PART = re.compile(r"[()]")
# the year comes first, or dots stand between: nobody writes the day between month and year so
_NUMBERS = re.compile(
    r"(?:([0-9]{4})(?P<mark>[-/.])([0-9]{1,2})(?P=mark)([0-9]{1,2})|([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4}))"
    r"(?:[Tt, ]++([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,][0-9]{1,9})?)?|(?![0-9]))\s*(.*)",
    re.DOTALL,
)
_BASIC = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})[Tt]([0-9]{2})([0-9]{2})([0-9]{2})?\s*([Zz]|[+-][0-9]{2,4})?")
_TIME = re.compile(
    r"(?<![0-9])([0-9]{1,2})[:.]([0-9]{1,2})(?:[:.]([0-9]{1,2})(?:\.[0-9]{1,9})?)?(?![0-9])(?:\s*([AaPp])\.?[Mm]\b)?"
)
_WORD = re.compile(r"[^\W\d_]+")
# As programs write them that take the language of their user: English, Nordic, German, Dutch, French, Spanish, Italian.
_MONTH_NAMES = (
    "jan january januar januari janv janvier ene enero gen gennaio",
    "feb february februar februari fév févr février febrero febbraio",
    "mar march mars mär märz mrz mrt maart marzo",
    "apr april avr avril abr abril aprile",
    "may mai maj mei mayo mag maggio",
    "jun june juni juin junio giu giugno",
    "jul july juli juil juillet julio lug luglio",
    "aug august augusti augustus aoû août ago agosto",
    "sep sept september septembre septiembre set settembre",
    "oct october okt oktober octobre octubre ott ottobre",
    "nov november novembre noviembre",
    "dec december des desember dez dezember déc décembre dic diciembre dicembre",
)
_MONTH_OF = {name: number for number, names in enumerate(_MONTH_NAMES, 1) for name in names.split()}
# nearly every date
_USUAL = re.compile(
    r"(?:[A-Za-z]{3}, )?([0-9]{1,2}) ([A-Z][a-z]{2}) ([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-5][0-9])"
    r"(?: \([^()]*+\))?"
)
_NUMBER = re.compile(r"(?<![0-9+])[0-9]{1,6}(?![0-9])")
_OFFSET = re.compile(r"(?<![0-9])([+-])([0-9]{1,2}):?([0-9]{2})?(?![0-9:-])")
_ZONE_NAME = re.compile(r"[A-Za-z]{1,5}")
# Names that programs write; those of RFC 5322 section 4.3 as it says, of others that stand for several the commonest.
_HOURS = {
    "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "AST": -4, "ADT": -3, "NST": -3.5,
    "NDT": -2.5, "AKST": -9, "AKDT": -8, "HST": -10, "BRT": -3, "BRST": -2, "ART": -3, "CLT": -4, "COT": -5, "PET": -5,
    "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "MET": 1, "MEST": 2, "MEZ": 1, "MESZ": 2, "EET": 2, "EEST": 3,
    "MSK": 3, "MSD": 4, "TRT": 3, "SAST": 2, "CAT": 2, "EAT": 3, "WAT": 1, "GST": 4, "PKT": 5, "IST": 5.5, "NPT": 5.75,
    "ICT": 7, "WIB": 7, "HKT": 8, "SGT": 8, "PHT": 8, "AWST": 8, "JST": 9, "KST": 9, "ACST": 9.5, "ACDT": 10.5, "AEST": 10,
    "AEDT": 11, "NZST": 12, "NZDT": 13,
}  # fmt: skip


def read(value: str) -> datetime | None:
    """An aware time in the zone that was written, UTC where none is; None for what is no date."""
    value = value.strip()[:MAX_VALUE]
    try:
        if (usual := _USUAL.fullmatch(value)) and usual[2].lower() in _MONTHS:
            found = _of_usual(usual)
        else:
            text = _without_comments(value).strip("\"' \t")
            found = _of_numbers(text) or _of_words(text)
    except (ValueError, OverflowError):
        return None
    return found if found and _FIRST_YEAR <= found.year <= _LAST_YEAR else None


def _of_usual(found: re.Match[str]) -> datetime | None:
    offset = timedelta(hours=int(found[8]), minutes=int(found[9]))
    zone = timezone(-offset if found[7] == "-" else offset) if offset else UTC
    month, second = _MONTHS[found[2].lower()], _second(found[6])
    return datetime(int(found[3]), month, int(found[1]), int(found[4]), int(found[5]), second, tzinfo=zone)


def _without_comments(text: str) -> str:
    """Comments may stand between any two words (RFC 5322 section 3.2.2); one that never ends takes the rest."""
    if "(" not in text:
        return text
    out, depth, at = list[str](), 0, 0
    for mark in _COMMENT_PART.finditer(text):
        if depth == 0:
            out.append(text[at : mark.start()])
        depth = depth + 1 if mark[0] == "(" else max(depth - 1, 0)
        at = mark.end()
    return " ".join(out) if depth else " ".join((*out, text[at:]))


def _of_numbers(text: str) -> datetime | None:
    """ISO 8601, and what is like it; `24.11.2026` has its day first."""
    if found := _BASIC.fullmatch(text):
        date, time, zone = found.group(1, 2, 3), found.group(4, 5, 6), found[7] or ""
    elif found := _NUMBERS.match(text):
        date = found.group(1, 3, 4) if found[1] else found.group(7, 6, 5)
        time, zone = found.group(8, 9, 10), found[11]
    else:
        return None
    year, month, day = map(int, date)
    return datetime(year, month, day, int(time[0] or 0), int(time[1] or 0), _second(time[2]), tzinfo=_zone(zone))


def _of_words(text: str) -> datetime | None:
    """Day, month by name and year, in either order of day and month; the time and a zone behind it."""
    months = [word for word in _WORD.finditer(text) if word[0].lower() in _MONTH_OF]
    if not months:
        return None
    month, time = months[-1], _TIME.search(text)  # the last: `mar` is a Tuesday, too
    after = time.end() if time else len(text)
    offset = _OFFSET.search(text, after)
    before = [number[0] for number in _NUMBER.finditer(text, 0, month.start())]
    later = [
        number[0]
        for number in _NUMBER.finditer(text, month.end())
        if not any(one and one.start() <= number.start() < one.end() for one in (time, offset))
    ]
    day, year = (before[-1:], later[:1]) if before else (later[:1], later[1:2])
    if not day or not year or (before and len(before) > 1):
        return None
    hour, minute, second = (int(time[1]), int(time[2]), _second(time[3])) if time else (0, 0, 0)
    if time and time[4]:
        hour = hour % 12 + (12 if time[4] in "pP" else 0)
    return datetime(
        _year(year[0]), _MONTH_OF[month[0].lower()], int(day[0]), hour, minute, second, tzinfo=_zone(text[after:])
    )


def _second(written: str | None) -> int:
    """Return the second; a leap second counts as the one before it."""
    second = int(written or 0)
    return 59 if second == 60 else second


def _year(written: str) -> int:
    """Years of two and three digits by RFC 5322 section 4.3."""
    year = int(written)
    if len(written) <= 2:
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(written) == 3 else year


def _zone(text: str) -> timezone:
    """An offset, else a name; what is neither is UTC.  Raises ValueError for an offset that no zone has."""
    if found := _OFFSET.search(text):
        minutes = int(found[3] or 0)
        if minutes > 59:
            raise ValueError("no such offset")
        offset = timedelta(hours=int(found[2]), minutes=minutes)
        return timezone(-offset if found[1] == "-" else offset)
    name = _ZONE_NAME.search(text)
    hours = _HOURS.get(name[0].upper()) if name else None
    if name and hours is None:
        hours = _HOURS.get(name[0][:3].upper()) if text[name.end() : name.end() + 1].isdigit() else None  # EST5EDT
    return timezone(timedelta(hours=hours)) if hours else UTC
