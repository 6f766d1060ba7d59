"""`alumnimail sunset`: the announced end of the service."""

from datetime import datetime
from typing import Any

import click

from mailcore.cli.common import Site, counted, json_option, pass_site, plain, plural, print_json, print_table
from mailcore.domain import AccountState
from mailcore.services.accounts import accounts, sunset
from mailcore.services.accounts.sunset import Person
from mailcore.services.audit import COMMAND_LINE


@click.group("sunset")
def sunset_group() -> None:
    """Announce and carry out the end of the service, at least twelve months ahead."""


@sunset_group.command()
@click.option("--end", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The last day.")
@click.option("--new-address", default="", help="Where people turn afterwards: an e-mail or web address.")
@click.option("--nb", default="", help="Why, in bokmål.")
@click.option("--nn", default="", help="Why, in nynorsk.")
@click.option("--en", default="", help="Why, in English.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_site
def announce(site: Site, end: datetime, new_address: str, nb: str, nn: str, en: str, yes: bool) -> None:
    """Announce the end of the service: on every page, and by mail in the days to come."""
    count = sum(account.state == AccountState.ACTIVE for account in accounts.list_accounts(site.core))
    sunset.check_end(site.core, end.date())
    if not yes:
        click.confirm(f"{plural(count, 'person', 'people')} will be written to. Go on?", abort=True)
    found = sunset.announce_end(site.core, end.date(), successor=new_address, words={"nb": nb, "nn": nn, "en": en})
    click.echo(
        f"announced: {site.config.domain} ends on {found.ends}; {plural(count, 'person', 'people')} will be told"
    )


@sunset_group.command()
@click.option("--people", is_flag=True, help="List everybody, and what they know.")
@json_option
@pass_site
def status(site: Site, people: bool, as_json: bool) -> None:
    """Show who has read the announcement so far."""
    found = sunset.get_current(site.core)
    numbers = plain(sunset.count_progress(site.core))
    everybody = [_row(one) for one in sunset.list_people(site.core)] if people else []
    if as_json:
        more = {"people": everybody} if people else {}
        print_json({"ends": found.ends.isoformat(), "new_address": found.successor, **numbers, **more})
        return
    print_table(("key", "value"), [("ends", found.ends), *numbers.items()])
    if people:
        click.echo()
        print_table(("name", "told", "read", "how", "letter", "contact"), [tuple(row.values()) for row in everybody])


def _row(one: Person) -> dict[str, Any]:  # Any: JSON
    return {
        "name": one.name,
        "told": _day(one.first_at),
        "read": _day(one.read_at),
        "how": one.how,
        "letter": _day(one.letter_at),
        "contact": "confirmed" if one.verified else one.contact and "not confirmed",
    }


def _day(seconds: int | None) -> str:
    return f"{datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d}" if seconds is not None else ""


@sunset_group.command()
@click.option("--sent", is_flag=True, help="Record that these letters are in the post.")
@click.option("--again", is_flag=True, help="Print those, too, to whom a letter was sent.")
@pass_site
def letters(site: Site, sent: bool, again: bool) -> None:
    """Print as CSV who must be notified by letter: no confirmed contact address, or not read."""
    found = sunset.list_letters(site.core, again=again)
    click.echo(sunset.format_letters_csv(site.core, found), nl=False)
    if sent:
        sunset.record_letters(site.core, found)


@sunset_group.command()
@click.argument("name")
@pass_site
def read(site: Site, name: str) -> None:
    """Record that the owner of account NAME has confirmed to the desk that they know."""
    account = accounts.find_account(site.core, name)
    is_new = sunset.confirm_read(site.core, account.id, "desk", actor=COMMAND_LINE)
    click.echo(f"{account.name} has read it" if is_new else f"{account.name} had read it before")


@sunset_group.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_site
def withdraw(site: Site, yes: bool) -> None:
    """Cancel the end of the service, and notify everybody who was notified of it."""
    if not yes:
        click.confirm("Everybody who was told will be written to. Go on?", abort=True)
    found = sunset.withdraw_end(site.core)
    click.echo(f"withdrawn: nothing ends on {found.ends}")


@sunset_group.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_site
def finish(site: Site, yes: bool) -> None:
    """Close the accounts after the last day, each with thirty days to undo; nothing else does that."""
    ready, waiting = sunset.list_closable(site.core)
    if not yes:
        click.confirm(
            f"{plural(len(ready), 'account')} will be closed, and erased after thirty days. Go on?", abort=True
        )
    count = counted(sunset.close_accounts(site.core, ready), len(ready), "accounts")
    click.echo(f"{plural(count, 'account')} closed; waiting until their owners have known for twelve months: {waiting}")
