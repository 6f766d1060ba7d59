"""`alumnimail shell`: Python with everything at hand, read only unless asked otherwise; or the database in a browser."""

import atexit
import code
import contextlib
import os
import rlcompleter
import shutil
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from mailcore import core as cores
from mailcore.cli import shell_names
from mailcore.config import Config
from mailcore.errors import ConfigError, MailError

HISTORY, HISTORY_LINES = "shell_history", 1000
BANNER = """\
{mode}
At hand: core; the tables as {names} ... (all: tables()); and
{helpers}
Twenty questions and their answers: docs/shell.md.  TAB completes, and what you typed is there next time."""
READS = "You can look at everything and change nothing.  To change people's rows: alumnimail shell --write"
REFUSED = "This shell reads and changes nothing; start it with --write to change people's rows."
NO_ROW = "DoesNotExist"  # how peewee ends the name of the exception of each table
READ_ONLY = ("readonly database", "read-only transaction")  # as SQLite and PostgreSQL say it
WRITES = "You can CHANGE people's rows.  Mail is changed through core alone: tables know nothing of the change log."


class Console(code.InteractiveConsole):
    """Python that says in a line what the service or the database refuses, and shows where any other error came from."""

    def showtraceback(self) -> None:
        problem = sys.exc_info()[1]
        if isinstance(problem, MailError):
            self.write(f"{problem}\n")
        elif any(words in str(problem) for words in READ_ONLY):
            self.write(f"{REFUSED}\n")
        elif (kind := type(problem).__name__).endswith(NO_ROW):
            self.write(f"there is no such {kind.removesuffix(NO_ROW).removesuffix('Row')}\n")
        else:
            super().showtraceback()


@click.command()
@click.option(
    "--sql",
    is_flag=True,
    help="Show the database itself: in a browser (sqlite-web, on loopback), or PostgreSQL's by psql.",
)
@click.option("--write", is_flag=True, help="Allow changes; without it everything is read only.")
@click.option("--port", type=click.IntRange(1, 65535), default=8081, help="Port on which sqlite-web listens.")
@click.pass_context
def shell(context: click.Context, sql: bool, write: bool, port: int) -> None:
    """Start a Python shell with `core`, the tables and helpers at hand; it reads, and changes nothing without --write."""
    config: Config = context.obj["config"]
    core = cores.build(config)
    if sql:
        cores.close(core)
        _show_database(config, port, write=write)
    try:
        with shell_names.at_hand(core, write=write) as names:
            _complete(names, config.data_path / HISTORY)
            banner = BANNER.format(
                mode=WRITES if write else READS,
                names=", ".join(shell_names.list_tables()[:8]),
                helpers="\n".join(f"  {line}" for line in shell_names.describe_helpers(names)),
            )
            Console(names).interact(banner, exitmsg="")
    finally:
        cores.close(core)


def _show_database(config: Config, port: int, *, write: bool) -> NoReturn:
    """Become the program that shows the database itself.  Raises ConfigError."""
    if config.is_on_postgresql:
        from mailcore.store.engine import postgres_connection  # its library is there with PostgreSQL alone

        program = shutil.which("psql")
        if program is None:
            raise ConfigError("psql is not installed: it comes with Debian's postgresql-client")
        environment = os.environ | postgres_connection.list_environment(config.database, write=write)
        os.execve(program, ["psql"], environment)  # noqa: S606 - an administrator's own
    program = str(Path(sys.executable).with_name("sqlite_web"))  # installed beside us
    mode = [] if write else ["--read-only"]
    click.echo(f"http://127.0.0.1:{port}, until Ctrl-C")
    sys.stdout.flush()
    at = ["--host", "127.0.0.1", "--port", str(port), "--no-browser", str(config.database_path)]
    os.execv(program, [program, *mode, *at])  # noqa: S606 - the same


def _complete(names: dict[str, Any], history: Path) -> None:
    """Complete names by TAB, and remember what is typed from one time to the next."""
    try:
        import readline
    except ImportError:  # a Python without it
        return
    readline.set_completer(rlcompleter.Completer(names).complete)
    readline.parse_and_bind("tab: complete")
    with contextlib.suppress(OSError):
        history.touch(mode=0o600)
        readline.read_history_file(history)
    readline.set_history_length(HISTORY_LINES)

    def save() -> None:
        with contextlib.suppress(OSError):
            readline.write_history_file(history)

    atexit.register(save)
