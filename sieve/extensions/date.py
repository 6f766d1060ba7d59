"""date and currentdate (RFC 5260 sections 4 and 5)."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from email.utils import format_datetime

from sieve import limits, maildate
from sieve.builder import Builder, Extension, TestDef
from sieve.core import picker
from sieve.interpreter import Check, State
from sieve.parser import ScriptError
from sieve.phrase import Phrase
from sieve.signature import Bound, Kind, Signature, TagSpec

_ZONE = re.compile(r"([+-])([01][0-9]|2[0-3])([0-5][0-9])")
_MODIFIED_JULIAN = date(1858, 11, 17)

# Section 4.2: every part as text of fixed width, so that comparators order them.
_PARTS: dict[str, Callable[[datetime], str]] = {
    "year": lambda at: f"{at.year:04}",
    "month": lambda at: f"{at.month:02}",
    "day": lambda at: f"{at.day:02}",
    "date": lambda at: f"{at.year:04}-{at.month:02}-{at.day:02}",
    "julian": lambda at: str((at.date() - _MODIFIED_JULIAN).days),
    "hour": lambda at: f"{at.hour:02}",
    "minute": lambda at: f"{at.minute:02}",
    "second": lambda at: f"{at.second:02}",
    "time": lambda at: f"{at:%H:%M:%S}",
    "iso8601": lambda at: at.replace(microsecond=0).isoformat().replace("+00:00", "Z"),  # section 4.2: never +00:00
    "std11": format_datetime,
    "zone": lambda at: f"{at:%z}"[:5],
    "weekday": lambda at: str(at.isoweekday() % 7),
}


def zone(text: str) -> timezone | None:
    """`+0100` (section 4.1), or None."""
    found = _ZONE.fullmatch(text)
    if not found:
        return None
    offset = timedelta(hours=int(found[2]), minutes=int(found[3]))
    return timezone(-offset if found[1] == "-" else offset)


def read_date(text: str) -> datetime | None:
    """The date at the end of a header value; Received has it after the last semicolon."""
    return maildate.read(text.rpartition(";")[2])


def _placed(build: Builder, bound: Bound) -> Callable[[State, datetime], datetime]:
    """Convert to the zone that the tags ask for; without one, to that of the server."""
    if "originalzone" in bound.tags:
        return lambda state, at: at
    given = bound.tag_string("zone")
    if given is None:
        return lambda state, at: at.astimezone(state.message.now.tzinfo)
    fixed = build.constant(given, bound.line)
    if fixed is not None and zone(fixed) is None:
        raise ScriptError(
            bound.line, Phrase("':zone' needs an offset such as \"+0100\", found '%(fixed)s'", fixed=fixed)
        )
    text = build.text(given, bound.line)

    def placed(state: State, at: datetime) -> datetime:
        wanted = zone(text(state))
        if wanted is None:
            raise state.fail(Phrase("':zone' was given no offset such as +0100"))
        return at.astimezone(wanted)

    return placed


def _part(build: Builder, bound: Bound) -> Callable[[State], Callable[[datetime], str]]:
    given = bound.string("date part")
    fixed = build.constant(given, bound.line)
    if fixed is not None and fixed.lower() not in _PARTS:
        problem = Phrase("unknown date part '%(fixed)s'; known: %(known)s", fixed=fixed, known=", ".join(_PARTS))
        raise ScriptError(bound.line, problem)
    text = build.text(given, bound.line)

    def part(state: State) -> Callable[[datetime], str]:
        found = _PARTS.get(text(state).lower())
        if found is None:
            raise state.fail(Phrase("an unknown date part"))
        return found

    return part


def _date(build: Builder, bound: Bound) -> Check:
    name = build.text(bound.string("header name"), bound.line)
    pick = picker(bound)
    placed, part = _placed(build, bound), _part(build, bound)
    matcher = build.matcher(bound, bound.strings("keys"))

    def check(state: State) -> bool:
        values = pick(state.header(name(state)))
        state.spend(sum(1 + len(value) // limits.READ_CHARACTERS for value in values))
        dates = [found for value in values if (found := read_date(value))]
        try:
            return matcher(state, [part(state)(placed(state, at)) for at in dates])
        except (OverflowError, ValueError):  # the year 0 or 10,000, after a change of zone
            return False

    return check


def _currentdate(build: Builder, bound: Bound) -> Check:
    placed, part = _placed(build, bound), _part(build, bound)
    matcher = build.matcher(bound, bound.strings("keys"))
    return lambda state: matcher(state, (part(state)(placed(state, state.message.now)),))


_ZONES = {"zone": TagSpec(Kind.STRING, group="zone")}
_REST = (("date part", Kind.STRING), ("keys", Kind.STRINGS))

EXTENSION = Extension(
    "date",
    tests={
        "date": TestDef(
            Signature(
                (("header name", Kind.STRING), *_REST),
                {**_ZONES, "originalzone": TagSpec(group="zone")},
                families=("match",),
            ),
            _date,
        ),
        "currentdate": TestDef(Signature(_REST, _ZONES, families=("match",)), _currentdate),
    },
)
