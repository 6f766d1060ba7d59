"""Invitations to meetings, answers to them and changes of them (iTIP, RFC 5546; in mail iMIP, RFC 6047), to be shown.

icalendar reads what `invitation_lines` has cut; no rule is ever run, only told.  Moments get the zone that the calendar means: a
name of the IANA list, one of Microsoft's, a global one that ends in such a name, else the definition that comes along.  Where
there is none, the moment has no zone, and `zone` says what it was called.  Never raises.
"""

import re
import warnings
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from io import StringIO
from typing import Any
from zoneinfo import ZoneInfo

from dateutil import tz
from icalendar import Event, vBroken
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from mailcore.mail.reading import charsets
from mailcore.mail.reading import text as texts
from mailcore.mail.reading.lines import one_line
from mailcore.mail.reading.octets import Octets
from mailcore.mail.reading.structure import Part
from mailcore.mail.showing import body
from mailcore.mail.showing.invitation_lines import MAX_OCTETS, CalendarLines, EventLines, cut_lines

METHODS = ("REQUEST", "CANCEL", "REPLY", "COUNTER", "DECLINECOUNTER", "PUBLISH", "ADD", "REFRESH")
ANSWERS = ("ACCEPTED", "DECLINED", "TENTATIVE")
MAX_TEXT, MAX_NAME = 300, 100  # characters
MAX_UID = 500
MAX_EXCEPT = 5  # days without the meeting that are told one by one
_ADDRESS = re.compile(r"[^\s<>,;:\"()@]{1,64}@[^\s<>,;:\"()@]{1,255}")
_OTHER_NAMES = {"tzone://microsoft/utc": "UTC"}  # as Exchange writes what a calendar of its web pages has no list for
_FOLD = re.compile(rb"\r?\n[ \t]")
_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_BY_DAY = re.compile(r"([+-]?\d{0,2})(MO|TU|WE|TH|FR|SA|SU)")


@dataclass(frozen=True, slots=True)
class Person:
    """`answer` is the PARTSTAT of RFC 5545 section 3.2.12, or empty."""

    name: str
    address: str
    answer: str = ""


@dataclass(frozen=True, slots=True)
class Moment:
    """A day, or a time: aware, or naive with the name of a zone that nobody knows, or of none at all."""

    at: date | datetime
    zone: str = ""

    @property
    def is_day(self) -> bool:
        return not isinstance(self.at, datetime)


@dataclass(frozen=True, slots=True)
class Repeats:
    """A rule in parts.  `every` is the frequency in lower case, or "" for a rule that is too odd to be told in words.

    `days` count from Monday as 0; `place` is the one in the month, -1 the last; `times` and `until` may both be missing.
    """

    every: str
    interval: int = 1
    days: tuple[int, ...] = ()
    place: int = 0
    month_day: int = 0
    times: int = 0
    until: Moment | None = None


@dataclass(frozen=True, slots=True)
class Invitation:
    """One event of a calendar object.  `instance` is the single day that it is about; `me` the reader among the attendees.

    `attendee_count` counts all attendees, `others` the further events of the object; `is_cut`: there was more than we read.
    """

    method: str
    uid: str
    sequence: int
    title: str
    place: str
    comment: str
    cancelled: bool
    start: Moment
    end: Moment | None
    repeats: Repeats | None
    excepted: tuple[Moment, ...]
    excepted_count: int
    instance: Moment | None
    organizer: Person | None
    attendees: tuple[Person, ...]
    attendee_count: int
    me: Person | None
    others: int
    is_cut: bool

    @property
    def may_answer(self) -> bool:
        """Say if an answer is awaited, and there is somebody to send it to."""
        return bool(
            self.method == "REQUEST"
            and not self.cancelled
            and self.uid
            and self.organizer
            and (self.me is None or self.me.address.lower() != self.organizer.address.lower())
        )


def find_invitation(octets: Octets, root: Part, own: tuple[str, ...] = ()) -> Invitation | None:
    """Find the first event in the calendars of a message.

    Args:
        own: addresses of the reader, lower case.
    """
    for part in [leaf for leaf in body.leaves(root) if is_calendar(leaf)][:3]:
        whole = _read_text(octets, part)
        if found := read_invitation(whole, own, is_cut=part.size > MAX_OCTETS, method=part.param("method")):
            return found
    return None


def _read_text(octets: Octets, part: Part) -> str:
    """Read a calendar's text, of which a line may be folded within a character (RFC 5545 section 3.1)."""
    written = texts.transfer_decoded(octets, part, MAX_OCTETS)
    if b"\0" not in written:
        written = _FOLD.sub(b"", written)
    return charsets.decode(written, part.param("charset"))


def is_calendar(part: Part) -> bool:
    kind = f"{part.type}/{part.subtype}"
    return kind in ("text/calendar", "application/ics") or part.filename.strip().lower().endswith(".ics")


def read_invitation(
    text: str, own: tuple[str, ...] = (), *, is_cut: bool = False, method: str = ""
) -> Invitation | None:
    """Read the event of a calendar: the one of all instances if there are several.  None if there is nothing to show.

    Args:
        method: of the part's type, for a calendar that does not say its own (RFC 6047 section 2.4).
    """
    calendar = cut_lines(text[:MAX_OCTETS], own)
    calendar.method = calendar.method or method.strip("'").upper()[:20]
    zones = _Zones(calendar)
    found = [
        one
        for lines in calendar.events
        if (one := _read_event(calendar, lines, zones, own, is_cut=is_cut or len(text) > MAX_OCTETS)) is not None
    ]
    return next((one for one in found if one.instance is None), found[0]) if found else None


class _Zones:
    """Zones by the names that a calendar gives them."""

    def __init__(self, calendar: CalendarLines) -> None:
        self._defined = {_zone_name(lines): lines for lines in calendar.zones}
        self._known: dict[str, tzinfo | None] = {"": None}

    def find(self, name: str) -> tzinfo | None:
        if name not in self._known:
            self._known[name] = _named_zone(name) or self._read(name)
        return self._known[name]

    def _read(self, name: str) -> tzinfo | None:
        """Read a definition: the rules are yearly, and of a bounded number."""
        lines = self._defined.get(name)
        if not lines:
            return None
        whole = ["BEGIN:VTIMEZONE", *(line for line in lines if not line.upper().startswith("TZID")), "TZID:x"]
        try:
            zone = tz.tzical(StringIO("\r\n".join([*whole, "END:VTIMEZONE", ""]))).get("x")
            if zone is None or datetime(2026, 1, 1, tzinfo=zone).utcoffset() is None:
                return None
        except (ValueError, OverflowError, ArithmeticError, AttributeError, IndexError, KeyError, TypeError):
            return None
        return zone if isinstance(zone, tzinfo) else None


def _zone_name(lines: list[str]) -> str:
    named = next((line for line in lines if line.upper().startswith("TZID")), "")
    return one_line(named.partition(":")[2]).strip()[:MAX_NAME]


def _named_zone(name: str) -> tzinfo | None:
    pieces = name.strip("/").split("/")
    for candidate in [
        _OTHER_NAMES.get(name.lower()) or WINDOWS_TO_OLSON.get(name, ""),
        *("/".join(pieces[at:]) for at in range(min(len(pieces), 6))),
    ]:
        if re.fullmatch(r"[A-Za-z0-9_+-]{1,40}(?:/[A-Za-z0-9_+-]{1,40}){0,2}", candidate):
            try:
                return ZoneInfo(candidate)
            except (OSError, ValueError, KeyError):
                continue
    return None


def _read_event(
    calendar: CalendarLines, lines: EventLines, zones: _Zones, own: tuple[str, ...], *, is_cut: bool
) -> Invitation | None:
    event = _parse(lines)
    start = _moment(_first(event, "DTSTART"), zones) if event else None
    if event is None or start is None:
        return None
    people = [one for value in _all(event, "ATTENDEE") if (one := _person(value))]
    method = calendar.method if calendar.method in METHODS else "PUBLISH"
    left_out = [moment for value in _all(event, "EXDATE") for moment in _moments(value, zones)]
    return Invitation(
        method,
        str(_first(event, "UID") or "")[:MAX_UID],
        _whole_number(_first(event, "SEQUENCE")),
        _words(_first(event, "SUMMARY")),
        _words(_first(event, "LOCATION")),
        _words(_first(event, "COMMENT")),
        method == "CANCEL" or str(_first(event, "STATUS") or "").upper() == "CANCELLED",
        start,
        _end(event, start, zones),
        _repeats(_first(event, "RRULE"), zones) if "RRULE" in event else None,
        tuple(left_out[:MAX_EXCEPT]),
        len(left_out),
        _moment(_first(event, "RECURRENCE-ID"), zones),
        _person(_first(event, "ORGANIZER")),
        tuple(people),
        lines.attendee_count,
        next((one for one in people if _is_of(one.address, own)), None),
        len(calendar.events) - 1,
        is_cut,
    )


def _parse(lines: EventLines) -> Event | None:
    whole = "\r\n".join(["BEGIN:VEVENT", *lines.lines, *lines.attendees, "END:VEVENT", ""])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            event = Event.from_ical(whole)
    except Exception:  # a library that walks strangers' text
        return None
    return event if isinstance(event, Event) else None


def _is_of(spec: str, own: tuple[str, ...]) -> bool:
    local, _, host = spec.lower().rpartition("@")
    return f"{local.partition('+')[0]}@{host}" in own


def _all(event: Any, name: str) -> list[Any]:  # Any: icalendar gives a value, or a list of them
    value = event.get(name)
    values = value if isinstance(value, list) else [] if value is None else [value]
    return [one for one in values if not isinstance(one, vBroken)]


def _first(event: Any, name: str) -> Any:
    return next(iter(_all(event, name)), None)


def _words(value: object) -> str:
    if isinstance(value, list):  # icalendar's, where a name should have been quoted: `CN=Nordmann, Ola`
        value = ",".join(map(str, value))
    return " ".join(one_line(str(value or "")[: 4 * MAX_TEXT]).replace('\\"', '"').split())[:MAX_TEXT]


def _whole_number(value: object) -> int:
    text = str(value or "")[:9]
    return int(text) if text.isascii() and text.isdigit() else 0


def _person(value: Any) -> Person | None:
    """Read an attendee or organizer; who is named by another address than one of mail has it in EMAIL (RFC 7986 section 6.2)."""
    if value is None:
        return None
    params = getattr(value, "params", {})
    told = [_bare_address(one) for one in (str(value), str(params.get("EMAIL", "")))]
    address = next((one for one in told if _ADDRESS.fullmatch(one)), "")
    name = _words(params.get("CN", ""))[:MAX_NAME]
    return Person(name, address, str(params.get("PARTSTAT", "")).upper()[:20]) if address else None


def _bare_address(written: str) -> str:
    written = written[:400].strip()
    return written[7:].strip() if written[:7].lower() == "mailto:" else written


def _moment(value: Any, zones: _Zones) -> Moment | None:
    return next(iter(_moments(value, zones)), None)


def _moments(value: Any, zones: _Zones) -> list[Moment]:
    if value is None:
        return []
    params = getattr(value, "params", {})
    zone_name = one_line(str(params.get("X-ZONE", "")))[:MAX_NAME].strip()
    written = [one.dt for one in value.dts] if hasattr(value, "dts") else [getattr(value, "dt", None)]
    return [found for one in written if (found := _placed(one, zone_name, zones))]


def _placed(at: object, zone_name: str, zones: _Zones) -> Moment | None:
    if not isinstance(at, date) or not 1900 <= at.year <= 9000:
        return None
    if not isinstance(at, datetime):
        return Moment(at)
    if at.tzinfo is None and (zone := zones.find(zone_name)) is not None:
        try:
            at = at.replace(tzinfo=zone).astimezone(UTC)
        except (ValueError, OverflowError, ArithmeticError, TypeError):
            return Moment(at, zone_name)
    return Moment(at, zone_name if at.tzinfo is None else "")


def _end(event: Any, start: Moment, zones: _Zones) -> Moment | None:
    """Return the end, by DTEND or DURATION; of whole days the last one, which iCalendar does not count."""
    end = _moment(_first(event, "DTEND"), zones)
    if end is None:
        lasts = getattr(_first(event, "DURATION"), "dt", None)
        if not isinstance(lasts, timedelta) or not timedelta(0) < lasts < timedelta(days=3660):
            return None
        end = Moment(start.at + lasts, start.zone)
    if end.is_day is not start.is_day:
        return None
    if end.is_day:
        end = Moment(end.at - timedelta(days=1))
    elif (end.at.tzinfo is None) is not (start.at.tzinfo is None):  # type: ignore[union-attr]  # no day, as said above
        return None
    return end if end.at > start.at else None


def _repeats(rule: Any, zones: _Zones) -> Repeats:
    """Take a rule apart; one that cannot be read is odd."""
    if not isinstance(rule, dict):
        return Repeats("")
    parts = {str(name).upper(): list(value) if isinstance(value, list) else [value] for name, value in rule.items()}
    every = str(parts.pop("FREQ", [""])[0]).lower()
    parts.pop("WKST", None)
    interval, times = (_whole_number(parts.pop(name, [""])[0]) for name in ("INTERVAL", "COUNT"))
    until = next((found for one in parts.pop("UNTIL", []) if (found := _placed(one, "", zones))), None)
    named = [match for one in parts.pop("BYDAY", []) if (match := _BY_DAY.fullmatch(str(one).upper()))]
    days = tuple(dict.fromkeys(_DAYS.index(match[2]) for match in named))
    places = {int(match[1]) for match in named if match[1] not in ("", "+", "-")}
    places |= {int(one) for one in parts.pop("BYSETPOS", [])}
    month_days = [int(one) for one in parts.pop("BYMONTHDAY", [])]
    parts.pop("BYMONTH" if every == "yearly" else "", None)  # the first day tells it
    if every == "yearly":
        places, days, month_days = set(), (), []
    fits = every in ("daily", "weekly", "monthly", "yearly") and not parts
    fits = fits and len(places) < 2 and places <= {1, 2, 3, 4, -1} and len(month_days) < 2
    fits = (
        fits and (every != "monthly" or len(days) == len(places)) and (every == "monthly" or not (places or month_days))
    )
    if not fits or any(not 0 < one < 32 for one in month_days) or (every == "daily" and days):
        return Repeats("", times=times, until=until)
    return Repeats(
        every, max(1, interval), tuple(sorted(days)), next(iter(places), 0), next(iter(month_days), 0), times, until
    )
