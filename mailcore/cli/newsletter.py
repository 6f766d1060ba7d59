"""`alumnimail newsletter`: topics, their editors, and newsletters from draft to correction."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, TextIO

import click

from mailcore.cli.common import Site, counted, json_option, pass_site, plain, print_json, print_table
from mailcore.domain import Newsletter, NewsletterState
from mailcore.services.accounts import accounts
from mailcore.services.audit import COMMAND_LINE
from mailcore.services.newsletters import corrections, editors, issues, sending, topics, work
from mailcore.services.notices.notices import LANGUAGES

_number = click.argument("number", type=int, metavar="ID")
_text = click.argument("file", type=click.File("r", encoding="utf-8"))


@click.group()
def newsletter() -> None:
    """Write, send and correct newsletters of the alumni office."""


# Topics and editors


@newsletter.command("topics")
@json_option
@pass_site
def list_topics(site: Site, as_json: bool) -> None:
    """List topics with their addresses, subscribers and editors."""
    core = site.core
    found = [
        (
            topic,
            topics.address_of(core, topic),
            topics.count_subscribers(core, topic.id),
            editors.list_editors(core, topic.id),
        )
        for topic in topics.list_topics(core)
    ]
    if as_json:
        print_json(
            [
                plain(topic) | {"subscribers": count, "address": address, "editors": names}
                for topic, address, count, names in found
            ]
        )
        return
    print_table(
        ("id", "name", "address", "subscribers", "editors"),
        [(topic.id, topic.names["en"], address, count, " ".join(names)) for topic, address, count, names in found],
    )


@newsletter.command("add-topic")
@click.option("--nb", required=True, help="Its name in bokmål.")
@click.option("--nn", required=True, help="Its name in nynorsk.")
@click.option("--en", required=True, help="Its name in English.")
@pass_site
def add_topic(site: Site, nb: str, nn: str, en: str) -> None:
    """Create a topic that owners can agree to, and print its number."""
    click.echo(topics.create_topic(site.core, {"nb": nb, "nn": nn, "en": en}, actor=COMMAND_LINE))


@newsletter.command("add-editor")
@click.argument("topic", type=int)
@click.argument("name")
@pass_site
def add_editor(site: Site, topic: int, name: str) -> None:
    """Let NAME write and send newsletters of TOPIC."""
    editors.add_editor(site.core, topic, name, actor=COMMAND_LINE)


@newsletter.command("remove-editor")
@click.argument("topic", type=int)
@click.argument("name")
@pass_site
def remove_editor(site: Site, topic: int, name: str) -> None:
    """Let NAME no longer edit TOPIC."""
    editors.remove_editor(site.core, topic, name, actor=COMMAND_LINE)


# Newsletters


def _to_json(one: Newsletter) -> dict[str, Any]:  # Any: whatever json.dumps can hold
    found = plain(one)
    return {key: value for key, value in found.items() if key != "text"}


@newsletter.command("list")
@json_option
@pass_site
def list_(site: Site, as_json: bool) -> None:
    """List the newest newsletters of all topics."""
    found = issues.list_newsletters(site.core, [topic.id for topic in topics.list_topics(site.core)])
    if as_json:
        print_json([_to_json(one) for one in found])
        return
    print_table(
        ("id", "topic", "state", "at", "filed", "forwarded", "subject"),
        [
            (
                one.id,
                one.topic,
                one.state,
                f"{one.send_at or one.changed_at:%Y-%m-%d %H:%M}",
                one.counts.filed,
                one.counts.forwarded,
                one.subject[:60],
            )
            for one in found
        ],
    )


@newsletter.command()
@_number
@json_option
@pass_site
def show(site: Site, number: int, as_json: bool) -> None:
    """Show a newsletter, what became of it, and its text."""
    found = sending.find_newsletter(site.core, number)
    if as_json:
        print_json(plain(found))
        return
    values = _to_json(found)
    counts = values.pop("counts")
    print_table(("key", "value"), [*values.items(), *counts.items()])
    click.echo(f"\n{found.text}", nl=False)


@newsletter.command()
@click.argument("topic", type=int)
@_text
@click.option("--subject", required=True)
@click.option("--language", type=click.Choice(LANGUAGES), default="nb", show_default=True)
@pass_site
def write(site: Site, topic: int, file: TextIO, subject: str, language: str) -> None:
    """Save the text of FILE (- is standard input) as a draft of TOPIC, and print its number."""
    click.echo(issues.create_draft(site.core, topic, language, subject, file.read(), actor=COMMAND_LINE))


@newsletter.command()
@_number
@click.argument("name")
@pass_site
def test(site: Site, number: int, name: str) -> None:
    """Put a draft into the mailbox of NAME, as subscribers would get it."""
    sending.send_test(site.core, sending.find_newsletter(site.core, number), accounts.find_account(site.core, name))


@newsletter.command()
@_number
@click.option(
    "--at", type=click.DateTime(), help="When the service sends it, in the site's time zone; else it is sent now."
)
@pass_site
def send(site: Site, number: int, at: datetime | None) -> None:
    """Send a draft to everybody who has agreed; one that was interrupted goes on where it was."""
    found = sending.find_newsletter(site.core, number)
    if at is not None:
        found = issues.schedule(site.core, number, at.replace(tzinfo=site.config.zone), actor=COMMAND_LINE)
        click.echo(f"scheduled for {found.send_at:%Y-%m-%d %H:%M} UTC")
        return
    if found.state is NewsletterState.DRAFT:
        issues.schedule(site.core, number, None, actor=COMMAND_LINE)
    elif found.state is NewsletterState.STOPPED:
        issues.resume(site.core, number, actor=COMMAND_LINE)
    _run(site, sending.find_newsletter(site.core, number))
    counts = sending.find_newsletter(site.core, number).counts
    click.echo(f"{counts.filed} filed, {counts.forwarded} forwarded, {counts.unsent} unsent")


def _run(site: Site, found: Newsletter) -> None:
    """Do what it waits for, with a progress bar on a terminal."""
    core = site.core
    topics.find_topic(core, found.topic)  # one that has ended is told of before anything begins
    total = (
        corrections.count_unread(core, found) if found.is_correcting else topics.count_subscribers(core, found.topic)
    )

    def each() -> Iterator[object]:
        for copies in work.list_steps_alone(site.core, found):
            yield from range(copies)

    counted(each(), total, "correcting" if found.is_correcting else "sending")


@newsletter.command("take-back")
@_number
@pass_site
def take_back(site: Site, number: int) -> None:
    """Make a scheduled newsletter a draft again."""
    issues.take_back(site.core, number, actor=COMMAND_LINE)


@newsletter.command()
@_number
@pass_site
def stop(site: Site, number: int) -> None:
    """Stop one that is being sent; `newsletter send` goes on with it."""
    issues.stop(site.core, number, actor=COMMAND_LINE)


@newsletter.command()
@_number
@_text
@click.option("--subject", help="Another subject; else it stays.")
@pass_site
def correct(site: Site, number: int, file: TextIO, subject: str | None) -> None:
    """Replace the copies that nobody has read by the text of FILE; an interrupted correction goes on with the service."""
    found = sending.find_newsletter(site.core, number)
    corrections.begin_correction(site.core, number, subject or found.subject, file.read(), actor=COMMAND_LINE)
    _run(site, sending.find_newsletter(site.core, number))
    click.echo(f"{sending.find_newsletter(site.core, number).counts.corrected} corrected")
