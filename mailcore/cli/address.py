"""`alumnimail address`: the addresses of accounts."""

import click

from mailcore.cli.common import Site, json_option, pass_site, plural, print_json, print_table
from mailcore.services.accounts import accounts, addresses
from mailcore.services.audit import COMMAND_LINE


@click.group()
def address() -> None:
    """Show, add and remove the addresses of accounts."""


@address.command("list")
@click.argument("name", required=False)
@json_option
@pass_site
def list_(site: Site, name: str | None, as_json: bool) -> None:
    """List the addresses of an account, or of all."""
    found = [accounts.find_account(site.core, name)] if name else accounts.list_accounts(site.core)
    rows = [(account.name, one) for account in found for one in addresses.list_own(site.core, account.id)]
    if as_json:
        print_json(
            [
                {
                    "account": account,
                    "address": one.spec,
                    "origin": one.origin,
                    "since": one.since.isoformat(),
                    "main": one.is_main,
                    "removed": one.removed,
                }
                for account, one in rows
            ]
        )
    else:
        words = [(account, one.spec, one.origin, _state(one)) for account, one in rows]
        print_table(("account", "address", "origin", "state"), words)


def _state(one: addresses.OwnAddress) -> str:
    return "removed" if one.removed else "main" if one.is_main else ""


@address.command()
@click.argument("name")
@click.argument("address")
@click.option("--main", "is_main", is_flag=True, help="Its owner writes under it from now on.")
@click.option("--reserved", is_flag=True, help="Allow a reserved name such as info.")
@pass_site
def add(site: Site, name: str, address: str, is_main: bool, reserved: bool) -> None:
    """Give an account one more address; it is that account's for ever."""
    owner = accounts.find_account(site.core, name)
    spec = addresses.add_address(site.core, owner.id, address, actor=COMMAND_LINE, reserved=reserved)
    if is_main:
        addresses.set_main(site.core, owner.id, spec, actor=COMMAND_LINE)
    click.echo(f"{spec} leads to {owner.name}")


@address.command()
@click.argument("name")
@click.argument("address")
@pass_site
def main(site: Site, name: str, address: str) -> None:
    """Choose the address that an account's owner writes under."""
    owner = addresses.set_main(site.core, accounts.find_account(site.core, name).id, address, actor=COMMAND_LINE)
    click.echo(f"{owner.name} writes under {owner.address(site.config.domain)}")


@address.command()
@click.argument("name")
@click.argument("address")
@pass_site
def remove(site: Site, name: str, address: str) -> None:
    """Let an address take no mail any more; nobody else is ever given it, and `add` gives it back."""
    owner = accounts.find_account(site.core, name)
    spec = addresses.remove_address(site.core, owner.id, address, actor=COMMAND_LINE)
    click.echo(f"{spec} takes no mail any more")


@address.command()
@click.argument("domain")
@pass_site
def fill(site: Site, domain: str) -> None:
    """Give everybody who has no address at DOMAIN their user name there."""
    count, taken = addresses.fill_domain(site.core, domain, actor=COMMAND_LINE)
    click.echo(f"{plural(count, 'address', 'addresses')} at {domain} given")
    for name in taken:
        click.echo(f"not given: {name}@{domain} is somebody else's", err=True)
