"""How far a command has come that takes a while, and what came of an import."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import click

from mailcore.cli.common import plain, plural, print_json, size
from mailcore.services.transfer.mail_import import Report

T = TypeVar("T")


def show_progress(label: str, length: int, work: Callable[[Callable[[int], object]], T]) -> T:
    """Run `work` with a progress bar on a terminal."""
    if not sys.stderr.isatty():
        return work(lambda octets: None)
    with click.progressbar(length=max(length, 1), label=label, file=sys.stderr) as bar:
        return work(bar.update)


@contextmanager
def show_octets(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show progress: a bar on a terminal, a plain line now and then elsewhere."""
    if sys.stderr.isatty():
        with click.progressbar(length=max(1, total), label=label, file=sys.stderr) as bar:
            yield lambda done: bar.update(max(0, min(done, total) - bar.pos))
        return
    told = 0

    def tell(done: int) -> None:
        nonlocal told
        tenth = done * 10 // total if total else 10
        if tenth > told:
            told = tenth
            click.echo(f"{label}: {size(done)} of {size(total)}", err=True)

    yield tell


def print_report(report: Report, as_json: bool) -> None:
    """Print what an import did; exit with 1 where something did not come."""
    if as_json:
        print_json(plain(report))
    else:
        click.echo(f"{plural(report.messages, 'message')}, {size(report.octets)}")
        for count, words in ((report.there, "stood there already"), (report.left_out, "were too large")):
            if count:
                click.echo(f"{count} {words}")
        for note in report.notes:
            click.echo(f"note: {note}")
    if report.left_out and not report.messages + report.there:
        click.echo("alumnimail: no message was taken: all of them are too large", err=True)
        sys.exit(1)
    if report.broken:
        click.echo("alumnimail: only a part of the file could be read", err=True)
        sys.exit(1)
    if report.full:
        click.echo("alumnimail: the mailbox is full; the rest was not taken", err=True)
        sys.exit(1)
