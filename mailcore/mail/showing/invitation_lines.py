"""Lines of an iCalendar object (RFC 5545 section 3.1), cut to what a card shows before any parser sees them.

Whoever writes mail may write a calendar: a hundred thousand attendees, components within components, a rule for every
second.  What is left of it here is a flat list of events with the properties that are shown, each of bounded number and length,
and the definitions of time zones apart, of which only yearly rules stay.
"""

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from mailcore.mail.reading import charsets

MAX_OCTETS = 2 * 2**20  # of the calendar that are looked at
MAX_EVENTS, MAX_PROPERTIES, MAX_ATTENDEES = (
    20,
    40,
    50,
)  # kept: events, properties of one apart from attendees, and those
MAX_ZONES, MAX_ZONE_LINES = 8, 400
MAX_LINE = 4000  # characters
_SHOWN = frozenset(
    "UID SEQUENCE DTSTAMP DTSTART DTEND DURATION RECURRENCE-ID RRULE EXDATE SUMMARY LOCATION ORGANIZER STATUS COMMENT".split()  # noqa: SIM905
)
_FOLD = re.compile(r"\r?\n[ \t]")
_ZONE = ["VCALENDAR", "VTIMEZONE"]
_NAME = re.compile(r"[A-Za-z0-9-]{1,40}")
_EMAIL = re.compile(r'(?i);EMAIL="?([^";:,]{1,320})')  # RFC 7986 section 6.2
_ZONE_ID = re.compile(r"(?i);TZID=")
_OPEN_ZONE = re.compile(r'(?i)(;TZID=)([^";:,]{0,40}:[^";,]{0,80})(?=[:;])')  # its colon should have been quoted
_TIMES = frozenset(("DTSTART", "DTEND", "RECURRENCE-ID", "EXDATE"))
_PLAIN_PARAMS = re.compile(r"[^\":]*")
_OLD_CODED = re.compile(r"(?i);(?:ENCODING=)?QUOTED-PRINTABLE")
_OLD_CHARSET = re.compile(r"(?i);CHARSET=([A-Za-z0-9_-]{1,40})")
_OF_ZONES = frozenset(("TZID", "DTSTART", "TZOFFSETFROM", "TZOFFSETTO", "TZNAME", "RDATE", "RRULE"))
_YEARLY = re.compile(r"(?i)(?:FREQ=YEARLY|INTERVAL=1|(?:BYMONTH|BYDAY|BYMONTHDAY|WKST|UNTIL)=[-+0-9A-Z,]{1,40}|;)+")


@dataclass(slots=True)
class EventLines:
    """Lines of one event, TZID renamed to X-ZONE; all attendees are counted, the first and those of the reader kept."""

    lines: list[str] = field(default_factory=list)
    attendees: list[str] = field(default_factory=list)
    attendee_count: int = 0


@dataclass(slots=True)
class CalendarLines:
    """`zones` are definitions of time zones by their lines."""

    method: str = ""
    events: list[EventLines] = field(default_factory=list)
    zones: list[list[str]] = field(default_factory=list)


def cut_lines(text: str, own: tuple[str, ...]) -> CalendarLines:
    """Cut a calendar to what is shown.  Takes time by the length of the text, which the caller has bounded.

    Args:
        own: addresses of the reader, lower case; attendees with one of them are kept wherever they stand.
    """
    calendar, path = CalendarLines(), list[str]()
    for line in _unfolded(text.lstrip("\ufeff \t\r\n")):
        found = _NAME.match(line)
        name = found[0].upper() if found else ""
        if name == "BEGIN":
            path.append(line[6:46].strip().upper())
            if path == ["VCALENDAR", "VEVENT"]:
                calendar.events.append(EventLines())
            elif path == _ZONE:
                calendar.zones.append([])
            if len(calendar.events) > MAX_EVENTS or len(calendar.zones) > MAX_ZONES or len(path) > 100:
                break
            if path[:2] == _ZONE and len(path) == 3:
                _add_zone_line(calendar.zones[-1], f"BEGIN:{path[2]}")
        elif name == "END":
            if path[:2] == _ZONE and len(path) == 3:
                _add_zone_line(calendar.zones[-1], f"END:{path[2]}")
            if path:
                path.pop()
        elif path == ["VCALENDAR"] and name == "METHOD":
            calendar.method = line.partition(":")[2].strip().upper()[:20]
        elif path == ["VCALENDAR", "VEVENT"]:
            _add(calendar.events[-1], name, line, own)
        elif path[:2] == _ZONE and len(path) <= 3 and _is_of_zone(name, line):
            _add_zone_line(calendar.zones[-1], line)
    calendar.events = calendar.events[:MAX_EVENTS]
    return calendar


def _is_of_zone(name: str, line: str) -> bool:
    return name in _OF_ZONES and (name != "RRULE" or bool(_YEARLY.fullmatch(line.partition(":")[2].strip())))


def _unfolded(text: str) -> Iterator[str]:
    for line in _FOLD.sub("", text).split("\n"):
        yield line[:MAX_LINE].rstrip("\r")


def _add_zone_line(zone: list[str], line: str) -> None:
    if len(zone) < MAX_ZONE_LINES:
        zone.append(line)


def _add(event: EventLines, name: str, line: str, own: tuple[str, ...]) -> None:
    if name == "ATTENDEE":
        event.attendee_count += 1
        if len(event.attendees) < MAX_ATTENDEES or _is_of(line, own):
            event.attendees.append(line[:1000])
            del event.attendees[2 * MAX_ATTENDEES :]
    elif name in _SHOWN and len(event.lines) < MAX_PROPERTIES:
        # a parser with a memory for zones of strangers would believe the next letter by this one
        event.lines.append(_ZONE_ID.sub(";X-ZONE=", _mended(name, line)))


def _mended(name: str, line: str) -> str:
    """Write a line as RFC 5545 section 3.1 has it: programs forget quotes around a colon, and put blanks before a value.

    Version 1.0 of the format encodes texts as mail does.
    """
    if name in _TIMES:
        line = _OPEN_ZONE.sub(r'\1"\2"', line, count=1)
        head, colon, value = line.rpartition(":")
        return f"{head}{colon}{value.strip()}"
    head = _PLAIN_PARAMS.match(line)[0]  # type: ignore[index]  # it matches anything
    if not _OLD_CODED.search(head):
        return line
    charset = _OLD_CHARSET.search(head)
    octets = binascii.a2b_qp(line[len(head) + 1 :].encode("utf-8", "replace"))
    words = charsets.decode(octets, charset[1] if charset else "").replace("\r", "").replace("\n", "\\n")
    return f"{name}:{words}"


def _is_of(line: str, own: tuple[str, ...]) -> bool:
    told = _EMAIL.search(line)
    spec = told[1] if told else line.rpartition(":")[2].strip()
    local, _, host = spec.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{host}" in own
