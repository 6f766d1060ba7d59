"""`alumnimail directory`: the university's user database as we see it."""

import click

from mailcore.cli.common import Site, json_option, pass_site, plain, print_json
from mailcore.services.accounts import affiliations


@click.group()
def directory() -> None:
    """Read the university's user database."""


@directory.command()
@click.option("--believe", is_flag=True, help="Accept that more than 2 % are missing at once: they are really gone.")
@json_option
@pass_site
def sync(site: Site, believe: bool, as_json: bool) -> None:
    """Read the affiliations now."""
    done = affiliations.sync_directory(site.core, believe=believe)
    if as_json:
        print_json(plain(done))
    else:
        click.echo(f"{done.read} people, {done.new} new, {done.vanished} gone")


@directory.command()
@click.argument("name")
@json_option
@pass_site
def show(site: Site, name: str, as_json: bool) -> None:
    """Show what is known of the person of account NAME."""
    found = affiliations.find_affiliation(site.core, name)
    if as_json:
        print_json(
            None if found is None else plain(found) | {"until": found.until.isoformat() if found.until else None}
        )
    elif found is None:
        click.echo("nothing is known")
    else:
        words = [f"person {found.person}", f"user name {found.login}", ", ".join(found.kinds) or "no affiliation"]
        if found.until:
            words.append(f"until {found.until}")
        click.echo("; ".join(words if found.present else [*words, "gone from the directory"]))
