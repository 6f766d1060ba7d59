"""Figures as plots: what came in, the queue, log-ins, response times, over a day, a week or a year; and how full accounts are."""

from flask import abort, render_template, request
from flask_babel import format_date, format_datetime
from flask_babel import gettext as _
from werkzeug.wrappers import Response as BaseResponse

from mailcore.services.operations import figures
from mailcore.services.operations.figures import Figure, Span
from portal import current, formats
from portal.access import admin_only
from portal.admin import words as spoken
from portal.admin.views import blueprint
from portal.plot_svg import draw_bars

NAMES = {figure.value.replace(" ", "-"): figure for figure in Figure}


@blueprint.get("/plots")
@admin_only
def plots() -> str | BaseResponse:
    return _show(Figure.DELIVERIES)


@blueprint.get("/plots/<name>")
@admin_only
def plot(name: str) -> str:
    if name not in NAMES:
        abort(404)
    return _show(NAMES[name])


@blueprint.get("/plots/quota")
@admin_only
def quota_spread() -> str:
    """Show how many accounts have used how much of their quota, as it is now."""
    counts = figures.count_quota_spread(current.core())
    names = [f"{tenth * 10}-{tenth * 10 + 10} %" for tenth in range(10)] + [_("full")]
    title = str(spoken.FIGURES["quota"])
    return render_template(
        "admin/plot.html",
        title=title,
        here="quota",
        spans=(),
        picture=draw_bars([f"{tenth * 10}" for tenth in range(11)], [counts], title, str(max(counts))),
        heads=[_("Accounts")],
        rows=[(name, [str(count)]) for name, count in zip(names, counts, strict=True)],
        figure_words=spoken.FIGURES,
    )


def _show(figure: Figure) -> str:
    asked = request.args.get("span", "")
    span = Span(asked) if asked in list(Span) else Span.DAY
    series = figures.read_series(current.core(), figure, span)
    stacks = list(series.counts.values())
    most = max((sum(values) for values in zip(*stacks, strict=True)), default=0)
    write = spoken.describe_seconds if figure is Figure.QUEUE_AGE else str
    title = str(spoken.FIGURES[figure.value.replace(" ", "-")])
    labels = [str(spoken.SERIES[figure, label]) for label in series.counts]
    short = [_name_step(step, span, short=True) for step in series.steps]
    return render_template(
        "admin/plot.html",
        title=title,
        here=figure.value.replace(" ", "-"),
        spans=[(one, spoken.SPANS[one], one is span) for one in Span],
        picture=draw_bars(short, stacks, title, write(most)),
        heads=labels,
        rows=[
            (_name_step(step, span), [write(values[number]) for values in stacks])
            for number, step in enumerate(series.steps)
        ],
        figure_words=spoken.FIGURES,
    )


def _name_step(step: object, span: Span, *, short: bool = False) -> str:
    """Name an hour, a day or a month; as the site's clock has it."""
    if span is Span.DAY:
        return str(format_datetime(step, "HH" if short else "EEE HH:mm"))
    if span is Span.WEEK:
        return str(format_date(step, "EEE" if short else f"EEE {formats.day_number()} MMM"))
    return str(format_date(step, "LLL" if short else "LLL yyyy"))
