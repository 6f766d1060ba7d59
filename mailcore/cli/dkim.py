"""`alumnimail dkim`: the keys that sign our mail."""

import sys

import click

from mailcore.cli.common import Site, json_option, pass_site, print_json, print_table
from mailcore.services.mailauth import dkim_keys


@click.group()
def dkim() -> None:
    """Show and rotate the DKIM keys."""


@dkim.command("list")
@json_option
@pass_site
def list_(site: Site, as_json: bool) -> None:
    """List the keys that are published, and which of them sign."""
    dkim_keys.ensure_keys(site.config)
    signing, _ = dkim_keys.current(site.config)
    rows = [
        (f"{kind}{number}", "signs" if number == signing else "next" if number > signing else "retired")
        for number in dkim_keys.generations(site.config)
        for kind in dkim_keys.ALGORITHMS
    ]
    if as_json:
        print_json([{"selector": selector, "state": state} for selector, state in rows])
    else:
        print_table(("selector", "state"), rows)


@dkim.command()
@click.option("--force", is_flag=True, help="Sign with the next keys whatever DNS shows.")
@pass_site
def rotate(site: Site, force: bool) -> None:
    """Take the next step of a rotation; run it again when DNS has the new records, and once more two weeks later."""
    done = dkim_keys.rotate(site.core, force=force)
    for number in done.removed:
        click.echo(f"removed: rsa{number} and ed{number}; their records may leave DNS")
    if done.made is not None:
        click.echo(f"made: rsa{done.made} and ed{done.made}; publish their records, and then say this again:")
        for name, text in dkim_keys.dns_records(site.config, [done.made]).items():
            click.echo(f"{name}. TXT {text}")
    if done.signs is not None:
        click.echo(
            f"rsa{done.signs} and ed{done.signs} sign from now on; leave the records of the old ones for two weeks"
        )
    if done.missing:
        click.echo(f"not in DNS yet: {', '.join(done.missing)}; --force does it all the same", err=True)
        sys.exit(1)
