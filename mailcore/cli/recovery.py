"""`alumnimail recovery`: letting somebody in again, as at the help desk: by a link, never by a password."""

import click

from mailcore.cli.common import Site, json_option, pass_site, plain, print_json, print_table
from mailcore.services.accounts import accounts
from mailcore.services.audit import COMMAND_LINE
from mailcore.services.signin import recovery
from mailcore.services.signin.recovery import Issued

agent_option = click.option(
    "--agent", default=COMMAND_LINE, help="User name of the agent, for the log; needs the role desk."
)


@click.group("recovery")
def recovery_group() -> None:
    """Let in people who cannot log in in any other way."""


def _say(done: Issued) -> None:
    if done.waiting is not None:
        click.echo(
            f"recovery {done.waiting.id} waits for a second agent: there is a second step, or its owner is of the desk"
        )
    else:
        click.echo(done.link or "the link is mailed")


@recovery_group.command()
@click.argument("name")
@click.option("--proof", required=True, help="How the person was recognised; kept in the log, which the owner reads.")
@click.option(
    "--send-to",
    default="",
    help="Mail the link to an outside address that is known to be theirs; without one it is printed.",
)
@agent_option
@pass_site
def issue(site: Site, name: str, proof: str, send_to: str, agent: str) -> None:
    """Issue a link by which the owner of account NAME sets a new password once."""
    _say(recovery.issue_link(site.core, name, agent=agent, proof=proof, send_to=send_to))


@recovery_group.command("list")
@json_option
@pass_site
def list_(site: Site, as_json: bool) -> None:
    """List what waits for a second agent."""
    found = [(accounts.load_account(site.core, one.account).name, one) for one in recovery.list_waiting(site.core)]
    if as_json:
        print_json([plain(one) | {"name": name} for name, one in found])
    else:
        rows = [(one.id, name, one.agent, f"{one.created_at:%Y-%m-%d %H:%M}", one.proof) for name, one in found]
        print_table(("id", "name", "agent", "since", "proof"), rows)


@recovery_group.command()
@click.argument("number", type=int, metavar="ID")
@agent_option
@pass_site
def agree(site: Site, number: int, agent: str) -> None:
    """Agree as the second agent: two-step log-in is turned off, and the link is issued."""
    _say(recovery.approve_recovery(site.core, number, agent=agent))


@recovery_group.command()
@click.argument("number", type=int, metavar="ID")
@agent_option
@pass_site
def refuse(site: Site, number: int, agent: str) -> None:
    """Refuse as the second agent."""
    recovery.refuse_recovery(site.core, number, agent=agent)
    click.echo(f"recovery {number} is refused")
