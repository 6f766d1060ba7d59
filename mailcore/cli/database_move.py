"""`alumnimail move-database TO`: the whole installation to another database and another store of large messages."""

import sys
from dataclasses import asdict
from pathlib import Path

import click

from mailcore.cli.common import Site, json_option, pass_site, print_json
from mailcore.cli.progress import show_progress
from mailcore.config_file import load_config
from mailcore.services.operations import database_move


@click.command("move-database")
@click.argument("to", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="TO")
@click.option("--replace", is_flag=True, help="Delete what the new database holds already.")
@click.option("--abandon", is_flag=True, help="Serve the old place again, after a move.")
@json_option
@pass_site
def move_database(site: Site, to: Path, replace: bool, abandon: bool, as_json: bool) -> None:
    """Move everything to the database and the blobs of the settings file TO; may be run again until it is done."""
    if abandon:
        database_move.abandon(site.config, site.clock)
        click.echo("the old place is served again; what came to the new one since is there alone")
        return
    new = load_config(str(to))
    moved = show_progress(
        "move",
        database_move.estimate(site.config),
        lambda told: database_move.move_installation(
            site.config,
            new,
            site.clock,
            replace=replace,
            progress=told,
            say=lambda line: click.echo(f"\n{line}", err=True),
        ),
    )
    if as_json:
        print_json(asdict(moved))
    else:
        click.echo(
            f"{moved.messages} messages and {moved.rows} rows moved and compared, {moved.large} large messages; "
            f"stopped for {moved.stop_seconds:.1f} s. Serve it with {to} from now on"
        )
    if moved.missing:
        print(
            f"{len(moved.missing)} large messages were gone here already; alumnimail check names them", file=sys.stderr
        )
        sys.exit(1)
