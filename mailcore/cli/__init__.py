"""The command line, `alumnimail [--config FILE] COMMAND`; docs: interface.md.

Exit status 0 done, 1 a problem that one line on stderr explains, 2 wrong use.
"""

import errno
import sys

import click

from mailcore.cli import demo, serve, shell
from mailcore.cli.backup import backup, restore
from mailcore.cli.common import SITE, Site, become_owner
from mailcore.cli.directory import directory
from mailcore.cli.dkim import dkim
from mailcore.cli.dns import dns
from mailcore.cli.forward import forward
from mailcore.cli.moving import export, import_
from mailcore.cli.order import order
from mailcore.cli.queue import queue
from mailcore.cli.recovery import recovery_group
from mailcore.cli.sieve import sieve_group
from mailcore.cli.site import faq_check, page, status
from mailcore.cli.sunset import sunset_group
from mailcore.cli.ticket import ticket
from mailcore.cli.trace import trace
from mailcore.cli.user import user
from mailcore.config import load_config
from mailcore.errors import MailError


class _Group(click.Group):
    """Turns our errors into one line and exit status 1, here and nowhere else."""

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
@click.pass_context
def main(ctx: click.Context, config_path: str | None) -> None:
    """Alumnimail: mail for alumni."""
    config = load_config(config_path)
    become_owner(config.data_path)
    site = Site(config)
    ctx.obj = {"config": config, "path": config_path}
    ctx.meta[SITE] = site
    ctx.call_on_close(site.close)


for command in (
    user, order, recovery_group, dns, dkim, directory, forward, queue, sieve_group, ticket, trace, status, sunset_group, page,
    faq_check, export, import_, backup, restore,
):  # fmt: skip
    main.add_command(command)
serve.register(main)
demo.register(main)
shell.register(main)
