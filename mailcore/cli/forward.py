"""`alumnimail forward`: a forwarding as its owner would set it in the portal."""

import click

from mailcore.cli.common import Site, json_option, pass_site, plain, print_json
from mailcore.domain import ROLLING_DAYS, Forwarding
from mailcore.services.accounts import accounts
from mailcore.services.audit import COMMAND_LINE
from mailcore.services.forwarding import forwarding


@click.group()
def forward() -> None:
    """Set, show and stop forwarding to an outside address."""


def _line(found: Forwarding) -> str:
    if not found.target:
        return found.state.value
    words = [found.state.value, found.target, "keeps a copy" if found.copy else "keeps no copy"]
    if found.copy and found.rolling_days:
        words.append(f"copies expire after {found.rolling_days} days")
    if found.failures:
        words.append(f"{found.failures} refusals, the last: {found.last_reply}")
    return ", ".join(words)


@forward.command("set")
@click.argument("name")
@click.argument("target")
@click.option("--no-copy", is_flag=True, help="Save no copy here.")
@click.option(
    "--copy-days",
    type=click.IntRange(0, 3650),
    help=f"Delete copies that nobody touched after so many days; 0 = never.  At first {ROLLING_DAYS}.",
)
@click.option("--confirmed", is_flag=True, help="Vouch that the target agreed; it is not asked.")
@pass_site
def set_(site: Site, name: str, target: str, no_copy: bool, copy_days: int | None, confirmed: bool) -> None:
    """Forward mail of NAME to TARGET."""
    account = accounts.find_account(site.core, name)
    found = forwarding.set_forwarding(
        site.core,
        account.id,
        target,
        copy=not no_copy,
        confirmed=confirmed,
        rolling_days=copy_days,
        actor=COMMAND_LINE,
    )
    click.echo(_line(found))


@forward.command()
@click.argument("name")
@json_option
@pass_site
def show(site: Site, name: str, as_json: bool) -> None:
    """Show where mail of NAME is forwarded to."""
    found = forwarding.read_forwarding(site.core, accounts.find_account(site.core, name).id)
    if as_json:
        print_json(plain(found))
    else:
        click.echo(_line(found))


@forward.command()
@click.argument("name")
@pass_site
def stop(site: Site, name: str) -> None:
    """Stop forwarding mail of NAME."""
    click.echo(
        _line(forwarding.stop_forwarding(site.core, accounts.find_account(site.core, name).id, actor=COMMAND_LINE))
    )
