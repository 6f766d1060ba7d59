"""`alumnimail backup DIR` and `restore DIR`."""

import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import click

from mailcore.cli.common import Site, json_option, pass_site, print_json, size
from mailcore.services.operations import backup as backups
from mailcore.services.operations import restore_drill

T = TypeVar("T")


def show_progress(label: str, length: int, work: Callable[[Callable[[int], object]], T]) -> T:
    """Run `work` with a progress bar on a terminal."""
    if not sys.stderr.isatty():
        return work(lambda octets: None)
    with click.progressbar(length=max(length, 1), label=label, file=sys.stderr) as bar:
        return work(bar.update)


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
@json_option
@pass_site
def backup(site: Site, folder: Path, as_json: bool) -> None:
    """Back up everything while the server runs; into the same DIR again, only what is new."""
    config = site.config
    made = show_progress(
        "backup",
        backups.estimate_size(config),
        lambda told: backups.create_backup(config, folder, site.clock, told),
    )
    if as_json:
        print_json(asdict(made))
    else:
        click.echo(
            f"{folder}: database {size(made.database)}, {made.blobs} large messages {size(made.blob_octets)}, "
            f"{made.files} other files; {size(made.written)} written"
        )
    if made.missing:
        raise click.ClickException(f"{made.missing} large messages are gone here already; alumnimail check names them")


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR")
@click.option("--replace", is_flag=True, help="Restore even if a database is there already.")
@click.option("--drill", is_flag=True, help="Only try it, in a temporary folder, and check all that came back.")
@json_option
@pass_site
def restore(site: Site, folder: Path, replace: bool, drill: bool, as_json: bool) -> None:
    """Restore a backup; the server must not run.

    With --drill it may: nothing of the installation is touched.
    """
    if drill and replace:
        raise click.UsageError("--drill replaces nothing")
    if drill:
        _try_restore(site, folder, as_json)
    else:
        _restore(site, folder, replace, as_json)


def _restore(site: Site, folder: Path, replace: bool, as_json: bool) -> None:
    config = site.config
    done = show_progress(
        "restore",
        0,
        lambda told: backups.restore_backup(config, folder, site.clock, replace=replace, progress=told),
    )
    if as_json:
        print_json(asdict(done))
    else:
        click.echo(f"restored as of {done.made.at}; mail clients read every mailbox anew")
    if done.held and not as_json:
        click.echo(f"{done.held} items of the queue are held, as they may have been sent since: alumnimail queue list")
    if done.missing:
        raise click.ClickException(
            f"{done.missing} large messages are missing in the backup; alumnimail check names them"
        )


def _try_restore(site: Site, folder: Path, as_json: bool) -> None:
    # everybody's mail must not stay behind in the temporary folder
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        result = show_progress("drill", 0, lambda told: restore_drill.run_drill(site.config, folder, site.clock, told))
    finally:
        signal.signal(signal.SIGTERM, before)
    made, contents = result.made, result.contents
    if as_json:
        print_json(asdict(result))
    else:
        click.echo(
            f"as of {made.at}: {contents.accounts} accounts, {contents.mailboxes} mailboxes, {contents.messages} messages, "
            f"{made.blobs} large messages, {made.files} other files"
        )
        click.echo(f"restored in {result.restore_seconds} s, compared in {result.check_seconds} s")
        for problem in result.problems:
            click.echo(problem)
    if result.problems:
        raise click.ClickException("this backup is not whole")
