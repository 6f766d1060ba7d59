"""`alumnimail dkim`: the keys that sign our mail."""

import sys

import click

from mailcore.cli.common import Site, json_option, pass_site, print_json, print_table
from mailcore.services.audit import COMMAND_LINE
from mailcore.services.mailauth import dkim_keys
from mailcore.services.operations import shared_files


@click.group()
def dkim() -> None:
    """Show and rotate the DKIM keys."""


@dkim.command("list")
@json_option
@pass_site
def list_(site: Site, as_json: bool) -> None:
    """List the keys that are published, and which of them sign."""
    dkim_keys.ensure_keys(site.config)
    rows = []
    for domain in site.config.mail_domains:
        signing, _ = dkim_keys.current(site.config, domain)
        rows += [
            (f"{kind}{number}", "signs" if number == signing else "next" if number > signing else "retired", domain)
            for number in dkim_keys.generations(site.config, domain)
            for kind in dkim_keys.ALGORITHMS
        ]
    if as_json:
        print_json([{"selector": selector, "state": state, "domain": domain} for selector, state, domain in rows])
    else:
        print_table(("selector", "state", "domain"), rows)


@dkim.command()
@click.option("--domain", default="", help="One domain, instead of all.")
@click.option("--force", is_flag=True, help="Sign with the next keys whatever DNS shows.")
@pass_site
def rotate(site: Site, domain: str, force: bool) -> None:
    """Take the next step of a rotation; run it again when DNS has the new records, and once more two weeks later."""
    if domain and domain not in site.config.mail_domains:
        raise click.UsageError(f"{domain} is not one of {', '.join(site.config.mail_domains)}")
    missing: list[str] = []
    for each in (domain,) if domain else site.config.mail_domains:
        missing += _rotate_domain(site, each, force=force)
    if missing:
        click.echo(f"not in DNS yet: {', '.join(missing)}; --force does it all the same", err=True)
        sys.exit(1)


def _rotate_domain(site: Site, domain: str, *, force: bool) -> tuple[str, ...]:
    """Rotate the keys of a domain, say what was done, and return the records that DNS does not show yet."""
    with shared_files.changing(site.core, replace=True):
        done = dkim_keys.rotate(site.core, domain, force=force, actor=COMMAND_LINE)
    at = f" of {domain}" if site.config.domains else ""
    for number in done.removed:
        click.echo(f"removed: rsa{number} and ed{number}{at}; their records may leave DNS")
    if done.made is not None:
        click.echo(f"made: rsa{done.made} and ed{done.made}{at}; publish their records, and then say this again:")
        for name, text in dkim_keys.dns_records(site.config, [done.made], domain).items():
            click.echo(f"{name}. TXT {text}")
    if done.signs is not None:
        click.echo(
            f"rsa{done.signs} and ed{done.signs}{at} sign from now on; leave the records of the old ones for two weeks"
        )
    return done.missing
