"""`alumnimail migrate`: the schema of the database, also of a cluster that runs."""

import click

from mailcore.cli.common import Site, json_option, pass_site, print_json
from mailcore.services.operations import contracting


@click.command()
@click.option("--contract", is_flag=True, help="Also take away what only older versions use; no node of one may run.")
@json_option
@pass_site
def migrate(site: Site, contract: bool, as_json: bool) -> None:
    """Bring the database up to date, as `serve` does when it starts, and list what waits for --contract."""
    core = site.core
    done = contracting.contract(core) if contract else []
    waiting = contracting.list_waiting(core)
    if as_json:
        print_json({"contracted": done, "waiting": waiting})
        return
    for name in done:
        click.echo(f"{name}: done")
    for name in waiting:
        click.echo(f"{name}: waits for --contract, until all nodes run this version")
    if not done and not waiting:
        click.echo("the database is up to date")
