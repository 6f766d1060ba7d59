"""Figures for administrators: how many, hour by hour and day by day, and of nobody in particular.

A job counts the hour that runs and the one before from tables whose rows go after a while; what it counted stays.  Days are
those of the site's clock.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

from mailcore.clock import to_time
from mailcore.core import Core
from mailcore.store.engine.db import Tx
from mailcore.store.people.accounts import count_by_tenth
from mailcore.store.site import figures as store
from mailcore.store.site.metrics import count_by_state, count_single

HOUR = 3600
HOURS_KEPT_DAYS, DAYS_KEPT_DAYS = 10, 400


class Figure(StrEnum):
    """Kinds of figures that are kept."""

    DELIVERIES = "deliveries"
    SPAM = "spam"
    FORWARDS = "forwards"
    QUEUE_AGE = "queue age"
    LOGINS = "log-ins"
    RESPONSES = "responses"


class Span(StrEnum):
    """Spans of time that a plot shows."""

    DAY = "day"
    WEEK = "week"
    YEAR = "year"


# labels of each figure, in the order in which they are drawn
LABELS: dict[Figure, tuple[str, ...]] = {
    Figure.DELIVERIES: ("filed", "forwarded", "rejected", "discarded"),
    Figure.SPAM: ("spam", "other"),  # of what was filed or forwarded
    Figure.FORWARDS: ("healthy", "unconfirmed", "failing", "paused"),
    Figure.QUEUE_AGE: ("oldest",),
    Figure.LOGINS: ("right", "wrong"),
    Figure.RESPONSES: ("0.1", "0.3", "1", "3", "more"),  # seconds within which a page was there
}
_LARGEST = {Figure.QUEUE_AGE}  # whose largest value counts, not the sum
_LAST = {Figure.FORWARDS}  # which tell how many there are, so that the last value counts


@dataclass(frozen=True, slots=True)
class Series:
    """A figure over a span: the beginning of each step, and for each label a count for each step."""

    figure: Figure
    span: Span
    steps: tuple[datetime, ...]
    counts: dict[str, tuple[int, ...]]


_OF_AN_HOUR: dict[Figure, Callable[[Tx, int, int], dict[str, int]]] = {
    Figure.DELIVERIES: store.count_outcomes,
    Figure.LOGINS: store.count_logins,
    Figure.SPAM: store.count_spam,
}


def collect_figures(core: Core) -> None:
    """Count the hour that runs, the hour before, today and yesterday, as a job."""
    now = core.clock.seconds()
    hour = now - now % HOUR

    def count(tx: Tx) -> tuple[list[tuple[Figure, int, dict[str, int]]], dict[str, int]]:
        """Count what is read in many rows, while others write."""
        hours = [
            (figure, begin, ask(tx, begin, begin + HOUR))
            for begin in (hour - HOUR, hour)
            for figure, ask in _OF_AN_HOUR.items()
        ]
        oldest = count_single(tx, ["oldest_waiting"])["oldest_waiting"]
        hours.append((Figure.QUEUE_AGE, hour, {"oldest": max(0, now - oldest) if oldest else 0}))
        return hours, dict.fromkeys(LABELS[Figure.FORWARDS], 0) | count_by_state(tx, ["forwardings"])["forwardings"]

    hours, forwards = core.db.read(count)
    today = _midnight(core, core.clock.now())

    def write(tx: Tx) -> None:
        for figure, begin, counts in hours:
            store.raise_figures(tx, figure, "hour", begin, counts)
        for grain, begin in (("hour", hour), ("day", int(today.timestamp()))):
            store.save_figures(tx, Figure.FORWARDS, grain, begin, forwards)
        for day in (today - timedelta(days=1), today):
            begin, end = (int(one.timestamp()) for one in (day, _midnight(core, day + timedelta(hours=30))))
            for figure in set(Figure) - _LAST:
                counts = store.sum_hours(tx, figure, begin, end, largest=figure in _LARGEST)
                store.raise_figures(tx, figure, "day", begin, counts)
        store.delete_old_figures(tx, now - HOURS_KEPT_DAYS * 86_400, now - DAYS_KEPT_DAYS * 86_400)

    core.db.write(write)


def _midnight(core: Core, at: datetime) -> datetime:
    """Return the beginning of the day here."""
    return datetime.combine(at.astimezone(core.config.zone).date(), time(), core.config.zone)


def add_responses(core: Core, hour: int, counts: Mapping[str, int]) -> None:
    """Add to how many pages were there within how many seconds, in the hour that began at `hour`; nobody waits for it."""
    core.db.post(lambda tx: store.add_figures(tx, Figure.RESPONSES, "hour", hour, counts))


def read_series(core: Core, figure: Figure, span: Span) -> Series:
    """Read a figure over the last day by hours, the last week by days, or the last year by months."""
    steps = _list_steps(core, span)
    grain = "hour" if span is Span.DAY else "day"
    rows = core.db.read(lambda tx: store.list_figures(tx, figure, grain, int(steps[0].timestamp())))
    begins = [int(step.timestamp()) for step in steps]
    counts = {label: [0] * len(steps) for label in LABELS[figure]}
    for label, at, count in rows:
        if label in counts:
            step = max(number for number, begin in enumerate(begins) if begin <= at)
            counts[label][step] = _join(figure, counts[label][step], count)
    return Series(figure, span, steps, {label: tuple(values) for label, values in counts.items()})


def _join(figure: Figure, before: int, count: int) -> int:
    """Join a count to those before it in the same step; they come in the order of their time."""
    if figure in _LAST:
        return count
    return max(before, count) if figure in _LARGEST else before + count


def _list_steps(core: Core, span: Span) -> tuple[datetime, ...]:
    now = core.clock.now()
    if span is Span.DAY:
        hour = to_time(core.clock.seconds() // HOUR * HOUR).astimezone(core.config.zone)
        return tuple(
            datetime.fromtimestamp(hour.timestamp() - HOUR * back, core.config.zone) for back in range(23, -1, -1)
        )
    today = _midnight(core, now)
    if span is Span.WEEK:
        return tuple(_midnight(core, today + timedelta(hours=12) - timedelta(days=back)) for back in range(6, -1, -1))
    months = [(today.year * 12 + today.month - 1 - back) for back in range(11, -1, -1)]
    return tuple(datetime(month // 12, month % 12 + 1, 1, tzinfo=core.config.zone) for month in months)


def count_quota_spread(core: Core) -> tuple[int, ...]:
    """Count accounts by tenths of their quota in use; the eleventh are full."""
    counts = core.db.read(count_by_tenth)
    return tuple(counts.get(tenth, 0) for tenth in range(11))
