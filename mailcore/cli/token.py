"""`alumnimail token`: what lets programs of the university in."""

from datetime import datetime

import click

from mailcore.cli.common import Site, json_option, pass_site, plain, print_json, print_table
from mailcore.services.audit import COMMAND_LINE
from mailcore.services.provisioning import api_tokens
from mailcore.services.provisioning.api_tokens import TokenScope


@click.group()
def token() -> None:
    """Create and delete tokens of programs: SCIM for the identity system."""


@token.command()
@click.argument("label")
@click.option("--scope", type=click.Choice([scope.value for scope in TokenScope]), default=TokenScope.SCIM.value)
@pass_site
def create(site: Site, label: str, scope: str) -> None:
    """Create a token for the program LABEL, and print it; it is shown once."""
    click.echo(api_tokens.create_token(site.core, label, TokenScope(scope), actor=COMMAND_LINE))


@token.command("list")
@json_option
@pass_site
def list_(site: Site, as_json: bool) -> None:
    """List the tokens, without their secrets."""
    found = api_tokens.list_tokens(site.core)
    if as_json:
        print_json([plain(one) for one in found])
        return
    rows = [
        (one.id, one.scope, f"{one.created_at:%Y-%m-%d}", _format_use(one.last_used_at), one.label) for one in found
    ]
    print_table(("id", "scope", "created", "last used", "label"), rows)


def _format_use(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else "-"


@token.command()
@click.argument("number", type=int)
@pass_site
def delete(site: Site, number: int) -> None:
    """Delete token NUMBER: its program is out at once."""
    api_tokens.delete_token(site.core, number, actor=COMMAND_LINE)
    click.echo(f"token {number} is deleted")
