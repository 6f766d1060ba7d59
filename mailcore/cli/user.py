"""`alumnimail user`: accounts."""

import sys
from pathlib import Path
from typing import Any

import click

from mailcore.cli.common import (
    Quota,
    Site,
    counted,
    json_option,
    pass_site,
    plain,
    plural,
    print_json,
    print_table,
    quota_size,
    size,
)
from mailcore.domain import Account
from mailcore.errors import InvalidName
from mailcore.services.accounts import accounts, closing, people_file, sleeping
from mailcore.services.audit import COMMAND_LINE
from mailcore.services.delivery import sending_limits
from mailcore.services.forwarding import complaints
from mailcore.services.operations import administration
from mailcore.services.signin import web_sessions

_SHOWN_FAULTS = 50  # lines of a file


@click.group()
def user() -> None:
    """Create, show and change accounts."""


def _shown(site: Site, account: Account) -> dict[str, Any]:
    found: dict[str, Any] = plain(account)
    return found | {
        "percent": account.percent,
        "role": accounts.get_role(site.core, account.id),
        "addresses": accounts.list_addresses(site.core, account.id),
        "sending_held": sending_limits.why_held(site.core, account.id),
        "complaints": complaints.count_complaints(site.core, account.id),
    }


@user.command()
@click.argument("name")
@click.option("--name", "display_name", default="", help="The person's name.")
@click.option("--person", help="The immutable id of the directory.")
@click.option("--quota", type=Quota(), help="Quota, for example 2G, or unlimited.")
@click.option("--contact", default="", help="Another e-mail address of the person.")
@click.option("--language", type=click.Choice(["nb", "nn", "en"]), default="nb")
@click.option("--password-stdin", is_flag=True, help="Take the password, or its hash, from standard input.")
@click.option("--reserved", is_flag=True, help="Allow a reserved name such as postmaster.")
@pass_site
def add(
    site: Site,
    name: str,
    display_name: str,
    person: str | None,
    quota: int | None,
    contact: str,
    language: str,
    password_stdin: bool,
    reserved: bool,
) -> None:
    """Create an account; without a password, print a one-time link that sets it."""
    password = None
    if password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise click.UsageError("--password-stdin: standard input is empty")
    account = accounts.add_account(
        site.core,
        name,
        display_name=display_name,
        person=person,
        quota=quota,
        password=password,
        contact=contact,
        language=language,
        reserved=reserved,
        actor=COMMAND_LINE,
    )
    click.echo(account.address(site.config.domain))
    if password is None:
        click.echo(accounts.create_password_link(site.core, account.name, actor=COMMAND_LINE))


def _list_of_kind(site: Site, kind: str) -> list[Account]:
    found: list[Account] = []
    while page := administration.list_accounts(site.core, kind, found[-1].name if found else ""):
        found += [line.account for line in page]
    return found


@user.command("list")
@click.option("--kind", type=click.Choice(administration.KINDS), help="On hold, with a role, asleep, closed or erased.")
@json_option
@pass_site
def list_(site: Site, kind: str | None, as_json: bool) -> None:
    """List the accounts."""
    found = _list_of_kind(site, kind) if kind else accounts.list_accounts(site.core)
    if as_json:
        print_json([plain(account) for account in found])
    else:
        print_table(
            ("name", "state", "used", "quota", "person", "display name"),
            [(a.name, a.state, size(a.used), quota_size(a.quota), a.person or "-", a.display_name) for a in found],
        )


@user.command()
@click.argument("name")
@json_option
@pass_site
def show(site: Site, name: str, as_json: bool) -> None:
    """Show one account."""
    found = _shown(site, accounts.find_account(site.core, name))
    if as_json:
        print_json(found)
    else:
        print_table(("key", "value"), [(key, found[key]) for key in found])


@user.command()
@click.argument("name")
@click.argument("octets", type=Quota(), metavar="SIZE")
@pass_site
def quota(site: Site, name: str, octets: int) -> None:
    """Set the quota of an account: for example 2G, or unlimited."""
    account = accounts.set_quota(site.core, name, octets, actor=COMMAND_LINE)
    click.echo(f"{account.name}: {size(account.used)} of {quota_size(account.quota)}")


@user.command()
@click.argument("name")
@pass_site
def close(site: Site, name: str) -> None:
    """Close an account; its name is never given away again."""
    account, link = closing.close_account(site.core, name, actor=COMMAND_LINE)
    click.echo(f"{account.name} is closed; for thirty days this opens it again:")
    click.echo(link)


@user.command()
@click.argument("name")
@pass_site
def reopen(site: Site, name: str) -> None:
    """Reopen an account that was closed less than thirty days ago."""
    found = accounts.find_account(site.core, name)
    click.echo(f"{closing.reopen_account(site.core, found.id, actor=COMMAND_LINE).name} is open again")


@user.command()
@click.argument("name")
@pass_site
def wake(site: Site, name: str) -> None:
    """Wake an account that sleeps; say how you know its owner in the ticket."""
    woken = sleeping.wake(site.core, name, actor=COMMAND_LINE)
    click.echo(f"{name} {'is awake' if woken else 'did not sleep'}")


@user.command("password-link")
@click.argument("name")
@pass_site
def password_link(site: Site, name: str) -> None:
    """Print a link that sets the password once."""
    click.echo(accounts.create_password_link(site.core, name, actor=COMMAND_LINE))


@user.command()
@click.argument("name")
@click.argument("role", type=click.Choice(["none", "desk", "admin"]))
@pass_site
def role(site: Site, name: str, role: str) -> None:
    """Make the owner of an account an agent of the help desk, or end that."""
    account = accounts.set_role(site.core, name, "" if role == "none" else role, actor=COMMAND_LINE)
    click.echo(f"{account.name}: {role}")


@user.command()
@click.argument("name")
@click.option("--drop", is_flag=True, help="Delete the messages that are held, instead of sending them.")
@pass_site
def release(site: Site, name: str, drop: bool) -> None:
    """Release an account whose sending was put on hold."""
    account, count = sending_limits.release(site.core, name, drop=drop, actor=COMMAND_LINE)
    held = plural(count, "held message is", "held messages are")
    click.echo(f"{account.name} may send; {held} {'deleted' if drop else 'sent'}")


@user.command()
@click.argument("name")
@click.argument("why")
@pass_site
def hold(site: Site, name: str, why: str) -> None:
    """Put the sending of an account on hold, and say WHY; its owner is told, and the desk has a case."""
    account = accounts.find_account(site.core, name)
    administration.hold_account(site.core, account, why, actor=COMMAND_LINE)
    click.echo(f"{account.name} may not send")


@user.command("log-out")
@click.argument("name")
@pass_site
def log_out(site: Site, name: str) -> None:
    """Log an account out of all browsers and mail programs; passwords stay as they are."""
    account = accounts.find_account(site.core, name)
    web_sessions.end_all_sessions(site.core, account.id, actor=COMMAND_LINE)
    click.echo(f"{account.name} is logged out everywhere")


@user.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--skip-faulty", is_flag=True, help="Create the others where lines have faults; without it, none.")
@pass_site
def import_(site: Site, file: Path, skip_faulty: bool) -> None:
    """Create the accounts of a CSV file: username, password, name, person, quota, addresses (blanks between them).

    Every line with a fault is named before anything is done.
    """
    read = people_file.read_csv(file, site.core.config.mail_domains)
    people = people_file.leave_out_taken(site.core, read)
    for fault in people.faults[:_SHOWN_FAULTS]:
        click.echo(f"line {fault.line}: {fault.text}", err=True)
    if len(people.faults) > _SHOWN_FAULTS:
        click.echo(f"and {len(people.faults) - _SHOWN_FAULTS} more", err=True)
    if people.faults and not skip_faulty:
        raise InvalidName(
            f"{file}: {plural(len(people.faults), 'line has a fault', 'lines have faults')}, and no account was created;"
            f" --skip-faulty creates the other {len(people.accounts)}"
        )
    made = accounts.import_accounts(site.core, people.accounts, actor=COMMAND_LINE)
    count = counted(made, len(people.accounts), "accounts")
    click.echo(f"{plural(count, 'account')} created")
