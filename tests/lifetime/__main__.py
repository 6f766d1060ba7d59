"""`make lifetime`: the long run, with a progress bar; it goes on where it was broken off, and ends in a report page."""

import logging
import sys
import time
from pathlib import Path

import argon2
import click

from mailcore.services.credentials import passwords
from tests.lifetime.report import write_report
from tests.lifetime.run import run
from tests.lifetime.world import Plan, State


@click.command()
@click.option("--people", default=10_000, show_default=True, help="People in all.")
@click.option("--years", default=40, show_default=True)
@click.option("--messages", default=100, show_default=True, help="Messages in four weeks, each to a few people.")
@click.option("--seed", default=43, show_default=True)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("build/lifetime"),
    show_default=True,
    help="Where the run is saved each year, and the report is written.",
)
def main(people: int, years: int, messages: int, seed: int, folder: Path) -> None:
    """Simulate people, thieves and universities through decades."""
    logging.getLogger("mailcore").setLevel(logging.CRITICAL)
    # as in the tests: Argon2id with parameters that cost nothing
    passwords._HASHER = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    plan, began = Plan(people, years, messages, seed=seed), time.process_time()
    with click.progressbar(length=plan.steps, label="weeks by four", file=sys.stderr, show_pos=True) as bar:

        def show(state: State) -> None:
            bar.update(state.step - bar.pos)
            if state.step % 13 == 0:
                write_report(state, folder / "report.html", time.process_time() - began)

        state = run(plan, folder, show)
    write_report(state, folder / "report.html", time.process_time() - began)
    for one in state.tally.violations[:20]:
        click.echo(f"year {one.year}: {one.invariant.value}: {one.what}", err=True)
    click.echo(f"{len(state.tally.violations)} violations; {folder / 'report.html'}")
    sys.exit(bool(state.tally.violations))


if __name__ == "__main__":
    main()
