"""`alumnimail webhook`: programs of the university that are told of changes."""

import click

from mailcore.cli.common import Site, json_option, pass_site, plain, print_json, print_table
from mailcore.services.audit import COMMAND_LINE
from mailcore.services.operations import webhooks


@click.group()
def webhook() -> None:
    """Tell programs of the university of new addresses, closed accounts and consents (docs/webhooks.md)."""


@webhook.command()
@click.argument("label")
@click.argument("url")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice([kind.value for kind in webhooks.KINDS]),
    help="May be given again; all without.",
)
@pass_site
def add(site: Site, label: str, url: str, kinds: tuple[str, ...]) -> None:
    """Tell the program LABEL at URL from now on, and print the key that signs; it is shown once."""
    _, key = webhooks.add_webhook(site.core, label, url, kinds or webhooks.KINDS, actor=COMMAND_LINE)
    click.echo(key)


@webhook.command("list")
@json_option
@pass_site
def list_(site: Site, as_json: bool) -> None:
    """List the webhooks, without their keys."""
    found = webhooks.list_webhooks(site.core)
    if as_json:
        print_json([plain(one) for one in found])
        return
    rows = [(one.id, one.state, one.waiting, one.missed, one.label, one.url) for one in found]
    print_table(("id", "state", "waiting", "missed", "label", "url"), rows)


@webhook.command()
@click.argument("number", type=int)
@json_option
@pass_site
def show(site: Site, number: int, as_json: bool) -> None:
    """Show what webhook NUMBER was told last, and how it answered."""
    webhooks.find_webhook(site.core, number)
    found = webhooks.list_deliveries(site.core, number)
    if as_json:
        print_json([plain(one) for one in found])
        return
    rows = [
        (one.id, f"{one.created_at:%Y-%m-%d %H:%M}", one.kind, one.state, one.tries, one.answer or "-", one.event)
        for one in found
    ]
    print_table(("id", "at", "kind", "state", "tries", "answer", "event"), rows)


@webhook.command()
@click.argument("number", type=int)
@pass_site
def test(site: Site, number: int) -> None:
    """Send webhook NUMBER a test, and print the id of its event; the answer stands in `show`."""
    click.echo(webhooks.send_test(site.core, number, actor=COMMAND_LINE))


@webhook.command()
@click.argument("number", type=int)
@click.argument("delivery", type=int, required=False)
@pass_site
def retry(site: Site, number: int, delivery: int | None) -> None:
    """Send one DELIVERY again, or all that were given up."""
    click.echo(f"{webhooks.send_again(site.core, number, delivery, actor=COMMAND_LINE)} on their way again")


@webhook.command()
@click.argument("number", type=int)
@pass_site
def on(site: Site, number: int) -> None:
    """Turn webhook NUMBER on again."""
    click.echo(f"{webhooks.set_state(site.core, number, on=True, actor=COMMAND_LINE).label} is on")


@webhook.command()
@click.argument("number", type=int)
@pass_site
def off(site: Site, number: int) -> None:
    """Turn webhook NUMBER off: what happens meanwhile, it is not told."""
    click.echo(f"{webhooks.set_state(site.core, number, on=False, actor=COMMAND_LINE).label} is off")


@webhook.command("new-key")
@click.argument("number", type=int)
@pass_site
def new_key(site: Site, number: int) -> None:
    """Make a new key and print it; for a day the former one signs too."""
    click.echo(webhooks.change_key(site.core, number, actor=COMMAND_LINE))


@webhook.command()
@click.argument("number", type=int)
@pass_site
def delete(site: Site, number: int) -> None:
    """Delete webhook NUMBER, with what waits for it."""
    click.echo(f"{webhooks.delete_webhook(site.core, number, actor=COMMAND_LINE).label} is deleted")
