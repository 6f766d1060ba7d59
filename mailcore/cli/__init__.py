"""The command line, `alumnimail [--config FILE] COMMAND`; docs: interface.md.

Exit status 0 done, 1 a problem that one line on stderr explains, 2 wrong use.
"""

import errno
import sys
from importlib import import_module

import click

from mailcore.cli.common import SITE, Site, become_owner
from mailcore.config_file import load_config
from mailcore.errors import MailError
from mailcore.log import hide_slow_writes

# Where each command stands in this package, as MODULE or MODULE:NAME.  It is imported when it is asked for: the servers
# take half a second, and most commands have no need of them.
COMMANDS = {
    "address": "address", "admin": "admin",
    "backup": "backup", "certificate": "certificate",
    "check": "serve:check", "demo": "demo", "directory": "directory", "dkim": "dkim", "dns": "dns",
    "export": "moving:export", "faq": "site:faq_check", "forward": "forward", "import": "moving:import_",
    "init": "serve:init", "migrate": "migrate", "newsletter": "newsletter",
    "move-database": "database_move:move_database",
    "order": "order", "page": "site:page", "queue": "queue", "recovery": "recovery:recovery_group",
    "restore": "backup:restore", "serve": "serve", "shell": "shell", "sieve": "sieve:sieve_group", "spam": "spam:spam_group",
    "status": "site:status", "sunset": "sunset:sunset_group", "ticket": "ticket", "token": "token",
    "trace": "trace", "user": "user", "webhook": "webhook",
}  # fmt: skip


class _Group(click.Group):
    """Commands by name; errors of ours become one line and exit status 1, here and nowhere else."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        found: click.Command = getattr(import_module(f"mailcore.cli.{module}"), name or module)
        return found

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except MailError as problem:
            click.echo(f"alumnimail: {problem}", err=True)
            sys.exit(1)
        except OSError as problem:  # a folder that may not be read, a disk that is full
            if problem.errno == errno.EPIPE:
                raise  # `| head` has seen enough; click knows
            where = f"{problem.filename}: " if problem.filename else ""
            click.echo(f"alumnimail: {where}{problem.strerror or problem}", err=True)
            sys.exit(1)


@click.group(cls=_Group)
@click.option("--config", "config_path", metavar="FILE", help="Settings; default $ALUMNIMAIL_CONFIG, ./alumnimail.toml")
@click.version_option(package_name="alumnimail", prog_name="alumnimail")
@click.pass_context
def main(ctx: click.Context, config_path: str | None) -> None:
    """Run and administer Alumnimail: mail for alumni."""
    ctx.with_resource(hide_slow_writes())
    config = load_config(config_path)
    become_owner(config.data_path)
    site = Site(config)
    ctx.obj = {"config": config, "path": config_path}
    ctx.meta[SITE] = site
    ctx.call_on_close(site.close)
