"""`alumnimail admin`: what the pages of administration show, for the shell; each act by the same service, with the same log."""

import sys
from datetime import datetime, timedelta

import click

from mailcore.cli.common import Site, json_option, pass_site, plain, print_json, print_table
from mailcore.services import audit
from mailcore.services.audit import COMMAND_LINE, AuditFilter, Event
from mailcore.services.operations import attention, figures, settings_list
from mailcore.services.operations.figures import Figure, Span

MOST_LINES = 10_000
_day = click.DateTime(formats=["%Y-%m-%d"])


@click.group()
def admin() -> None:
    """Show what needs attention, jobs, the log, settings and figures, as `/admin/` does."""


@admin.command()
@json_option
@pass_site
def findings(site: Site, as_json: bool) -> None:
    """List what needs attention; exit status 1 if any of it is bad."""
    found = attention.list_findings(site.core)
    if as_json:
        print_json([plain(one) for one in found])
    else:
        print_table(
            ("level", "what", "count", "names"),
            [(one.level, one.trouble, one.count, ", ".join(one.names)) for one in found],
        )
    if any(one.level == "bad" for one in found):
        sys.exit(1)


@admin.command()
@json_option
@pass_site
def jobs(site: Site, as_json: bool) -> None:
    """List the recurring jobs, those that failed first."""
    found = attention.list_turns(site.core)
    if as_json:
        print_json([plain(one) for one in found])
        return
    rows = [
        (
            turn.name,
            turn.every_seconds,
            "now" if turn.running else f"{turn.next_at:%Y-%m-%d %H:%M:%S}" if turn.next_at else "-",
            turn.problem or "-",
        )
        for turn in found
    ]
    print_table(("job", "seconds", "next turn", "problem"), rows)


@admin.command("run-job")
@click.argument("name")
@pass_site
def run_job(site: Site, name: str) -> None:
    """Let job NAME have its turn now, in the service that runs."""
    attention.request_turn(site.core, name, actor=COMMAND_LINE)
    click.echo(f"{name}: within seconds")


@admin.command()
@click.option("--actor", default="", help="Who did it.")
@click.option("--account", default="", help="To whose account.")
@click.option("--event", type=click.Choice([event.value for event in Event]), help="What was done.")
@click.option("--since", type=_day, help="The first day, as the site's clock has it.")
@click.option("--until", type=_day, help="The last day.")
@click.option("--limit", type=click.IntRange(1, MOST_LINES), default=50, show_default=True)
@json_option
@pass_site
def log(
    site: Site,
    actor: str,
    account: str,
    event: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """List the audit log of the whole site, newest first; times in UTC."""
    wanted = AuditFilter(
        actor=actor,
        event=event or "",
        account=account.lower(),
        since=_begin(site, since),
        until=_begin(site, until + timedelta(days=1)) if until else 0,
    )
    found = audit.search_entries(site.core, wanted, limit=limit)
    if as_json:
        print_json([{"id": line.id, "name": line.name, **plain(line.entry)} for line in found])
        return
    rows = [
        (
            f"{line.entry.at:%Y-%m-%d %H:%M}",
            line.name or "-",
            line.entry.actor or "-",
            line.entry.event,
            line.entry.detail,
        )
        for line in found
    ]
    print_table(("at", "account", "by", "event", "detail"), rows)


def _begin(site: Site, day: datetime | None) -> int:
    """Return the beginning of a day here, in seconds since 1970."""
    return int(day.replace(tzinfo=site.config.zone).timestamp()) if day else 0


@admin.command()
@click.argument("name", required=False)
@json_option
@pass_site
def settings(site: Site, name: str | None, as_json: bool) -> None:
    """List the settings as they are in use, and where each comes from; with NAME, those that begin so.  No secrets."""
    found = [one for one in settings_list.list_settings(site.config) if one.name.startswith(name or "")]
    if as_json:
        print_json([plain(one) for one in found])
        return
    rows = [(one.name, "(secret)" if one.value is None else one.value or '""', one.source) for one in found]
    print_table(("setting", "value", "from"), rows)


@admin.command("figures")
@click.argument("name", type=click.Choice([figure.value for figure in Figure]))
@click.option("--span", type=click.Choice([span.value for span in Span]), default=Span.DAY.value, show_default=True)
@json_option
@pass_site
def figures_(site: Site, name: str, span: str, as_json: bool) -> None:
    """List the numbers of a plot: over a day by hours, a week by days, a year by months."""
    series = figures.read_series(site.core, Figure(name), Span(span))
    lines = [
        {"at": step.isoformat(), **{label: counts[number] for label, counts in series.counts.items()}}
        for number, step in enumerate(series.steps)
    ]
    if as_json:
        print_json(lines)
    else:
        print_table(("at", *series.counts), [tuple(line.values()) for line in lines])
