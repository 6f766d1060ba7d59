"""The audit log of the whole site: filtered, and exported as CSV."""

import csv
import io
from datetime import date, datetime, time, timedelta

from flask import Response, abort, render_template, request

from mailcore.services import audit
from mailcore.services.accounts.sunset import escape_formula
from mailcore.services.audit import AuditFilter, Event
from portal import current, downloads
from portal.access import admin_only
from portal.account.events import WORDS
from portal.admin.views import blueprint
from portal.request_values import number
from portal.web_form import EmptyForm

PAGE = 20  # lines: with what each tells a page stays under 50 kB (N16)
_MAX = 100  # characters of a field


@blueprint.get("/log")
@admin_only
def log() -> str:
    lines = audit.search_entries(current.core(), _read_filter(), number(request.args.get("before")), PAGE)
    asked = {name: request.args.get(name, "")[:_MAX] for name in ("actor", "account", "event", "since", "until")}
    return render_template(
        "admin/log.html",
        lines=lines,
        asked=asked,
        kinds=sorted(((event, str(words)) for event, words in WORDS.items()), key=lambda one: one[1]),
        more=lines[-1].id if len(lines) == PAGE else 0,
        form=EmptyForm(),
    )


@blueprint.post("/log/export")
@admin_only
def export_log() -> Response:
    """Send what is filtered as CSV, times in UTC; that it was taken out is in the log, too."""
    if not EmptyForm().validate_on_submit():
        abort(400)
    core = current.core()
    lines = audit.export_entries(core, _read_filter(), actor=current.owner().name)
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("at", "account", "actor", "event", "detail"))
    for line in lines:
        entry = line.entry
        row = (entry.at.isoformat(), line.name or entry.account or "", entry.actor, entry.event, entry.detail)
        writer.writerow([escape_formula(str(cell)) for cell in row])
    answer = Response("\ufeff" + text.getvalue(), content_type="text/csv; charset=utf-8")
    downloads.name_file(answer, f"alumnimail-log-{core.clock.now():%Y-%m-%d}.csv")
    return answer


def _read_filter() -> AuditFilter:
    values = request.values
    event = values.get("event", "")
    return AuditFilter(
        actor=values.get("actor", "").strip()[:_MAX],
        event=event if event in list(Event) else "",
        account=values.get("account", "").strip().lower()[:_MAX],
        since=_midnight(values.get("since", ""), 0),
        until=_midnight(values.get("until", ""), 1),
    )


def _midnight(text: str, days: int) -> int:
    """Return the beginning of a day (or of the one after it) here, 0 for what is no day."""
    try:
        day = date.fromisoformat(text) + timedelta(days=days)
        return max(0, int(datetime.combine(day, time(), current.core().config.zone).timestamp()))
    except (ValueError, OverflowError):
        return 0
