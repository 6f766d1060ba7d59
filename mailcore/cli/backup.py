"""`alumnimail backup DIR` and `restore DIR`."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from mailcore.cli.common import Site, json_option, pass_site, plural, print_json, size
from mailcore.cli.progress import print_report, show_octets, show_progress
from mailcore.services.accounts import accounts
from mailcore.services.operations import account_restore, restore_drill
from mailcore.services.operations import backup as backups


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
@click.option("--account", default="", metavar="NAME", help="Only bring back what this account no longer has.")
@click.option("--mailbox", default="", help="With --account: only the mail of this mailbox and of those below it.")
@click.option("--under", default="", metavar="MAILBOX", help="With --account: put mail below this mailbox.")
@json_option
@pass_site
def restore(
    site: Site, folder: Path, replace: bool, drill: bool, account: str, mailbox: str, under: str, as_json: bool
) -> None:
    """Restore a backup; the server must not run.

    With --drill or --account it may: the one touches nothing of the installation, the other adds and replaces nothing.
    """
    if replace + drill + bool(account) > 1:
        raise click.UsageError("--replace, --drill and --account are three ways to restore; choose one")
    if (mailbox or under) and not account:
        raise click.UsageError("--mailbox and --under need --account")
    if drill:
        _try_restore(site, folder, as_json)
    elif account:
        _restore_account(site, folder, account, mailbox, under, as_json)
    else:
        _restore(site, folder, replace, as_json)


@contextmanager
def _ends_cleanly() -> Iterator[None]:
    """Let SIGTERM end the command as Ctrl-C does: everybody's mail must not stay behind in a temporary folder."""
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _restore_account(site: Site, folder: Path, account: str, mailbox: str, under: str, as_json: bool) -> None:
    accounts.find_account(site.core, account)  # before the backup is copied
    with (
        _ends_cleanly(),
        account_restore.open_account(site.core, folder, account, mailbox) as saved,
        show_octets("restore", saved.octets) as tell,
    ):
        report = account_restore.restore_account(
            site.core, saved, under=under, progress=lambda report: tell(report.octets)
        )
    print_report(report, as_json)


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
        click.echo(_tell_credentials(done))
    if done.held and not as_json:
        click.echo(f"{done.held} items of the queue are held, as they may have been sent since: alumnimail queue list")
    if done.missing:
        raise click.ClickException(
            f"{done.missing} large messages are missing in the backup; alumnimail check names them"
        )


def _tell_credentials(done: backups.RestoreResult) -> str:
    if done.newer is None:
        return f"passwords are those of {done.made.at}: whoever changed one since changes it once more"
    return f"{plural(done.newer, 'account')} changed what opens them since then; the newer passwords and keys stay"


def _try_restore(site: Site, folder: Path, as_json: bool) -> None:
    with _ends_cleanly():
        result = show_progress("drill", 0, lambda told: restore_drill.run_drill(site.config, folder, site.clock, told))
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
