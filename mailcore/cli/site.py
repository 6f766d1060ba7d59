"""`alumnimail status` and `alumnimail page`: what the public pages say beside their text; `alumnimail faq` checks it."""

import sys

import click

from mailcore.cli.common import Site, json_option, pass_site, plain, print_json, print_table
from mailcore.services.audit import COMMAND_LINE
from mailcore.services.operations import faq, page_views
from mailcore.services.operations import service_status as status_service
from mailcore.services.tickets import canned


@click.group()
def status() -> None:
    """Announce what is out of order: on every page, on /status and in a feed."""


@status.command("set")
@click.option("--nb", required=True, help="In bokmål.")
@click.option("--nn", required=True, help="In nynorsk.")
@click.option("--en", required=True, help="In English.")
@click.option("--level", type=click.Choice(status_service.LEVELS), default="warn")
@pass_site
def set_(site: Site, nb: str, nn: str, en: str, level: str) -> None:
    """Show a message on every page from now on."""
    click.echo(status_service.announce_incident(site.core, {"nb": nb, "nn": nn, "en": en}, level, actor=COMMAND_LINE))


@status.command()
@click.argument("number", type=int, required=False)
@pass_site
def clear(site: Site, number: int | None) -> None:
    """End a message; without NUMBER, all of them."""
    click.echo(f"{status_service.end_incident(site.core, number, actor='command line')} ended")


@status.command("list")
@json_option
@pass_site
def list_(site: Site, as_json: bool) -> None:
    """List the messages of the last thirty days."""
    found = status_service.list_recent(site.core)
    if as_json:
        print_json([plain(one) for one in found])
    else:
        print_table(
            ("id", "level", "from", "to", "words"),
            [
                (
                    i.id,
                    i.level,
                    f"{i.at:%Y-%m-%d %H:%M}",
                    f"{i.ended_at:%Y-%m-%d %H:%M}" if i.ended_at else "",
                    i.words["en"],
                )
                for i in found
            ],
        )


@click.group()
def page() -> None:
    """Show how often public pages are viewed, and set their audience and topic."""


@page.command("list")
@json_option
@pass_site
def list_pages(site: Site, as_json: bool) -> None:
    """List the pages that are counted."""
    found = page_views.list_pages(site.core)
    if as_json:
        print_json([plain(one) for one in found])
    else:
        print_table(
            ("page", "views", "audience", "topic"),
            [(p.name, p.views, " ".join(p.audience), " ".join(p.topic)) for p in found],
        )


@page.command()
@click.argument("path", type=click.Choice(page_views.PAGES))
@click.option("--audience", type=click.Choice(page_views.AUDIENCES), multiple=True)
@click.option("--topic", type=click.Choice(page_views.TOPICS), multiple=True)
@pass_site
def tag(site: Site, path: str, audience: tuple[str, ...], topic: tuple[str, ...]) -> None:
    """Set audience and topic of a page, in place of those before."""
    done = page_views.tag_page(site.core, path, audience, topic, actor=COMMAND_LINE)
    click.echo(f"{done.name}: {' '.join(done.audience)}; {' '.join(done.topic)}")


@click.command("faq")
@pass_site
def faq_check(site: Site) -> None:
    """Check questions, answers and ready answers: every text in three languages, the same anchors; exit 1 if not."""
    problems = faq.list_problems(site.core) + [f"canned/{name} is missing" for name in canned.list_missing(site.core)]
    for problem in problems:
        click.echo(problem)
    if problems:
        sys.exit(1)
    click.echo("all is well")
