"""`alumnimail ticket`: the help desk without a browser."""

import sys

import click

from mailcore.cli.common import Site, harmless, json_option, pass_site, plain, print_json, print_table
from mailcore.domain import TicketState
from mailcore.services.tickets import tickets


@click.group()
def ticket() -> None:
    """List, answer and close tickets of the help desk."""


@ticket.command("list")
@click.argument("words", default="")
@click.option(
    "--state",
    type=click.Choice([state.value for state in TicketState]),
    multiple=True,
    help="Default: open and answered.",
)
@json_option
@pass_site
def list_(site: Site, words: str, state: tuple[str, ...], as_json: bool) -> None:
    """List tickets, those that wait longest first; by WORDS of subject or address, or a number."""
    found = tickets.list_tickets(site.core, [TicketState(one) for one in state] or tickets.LIVE, words)
    if as_json:
        print_json([plain(one) for one in found])
    else:
        print_table(
            ("id", "state", "kind", "from", "changed", "subject"),
            [(t.id, t.state, t.kind, t.reply_to, f"{t.changed_at:%Y-%m-%d %H:%M}", t.subject) for t in found],
        )


@ticket.command()
@click.argument("number", type=int)
@json_option
@pass_site
def show(site: Site, number: int, as_json: bool) -> None:
    """Show a ticket with all its messages and notes."""
    found = tickets.get_ticket(site.core, number)
    said = tickets.list_messages(site.core, found, notes=True)
    if as_json:
        print_json(plain(found) | {"messages": [plain(one) for one in said]})
        return
    click.echo(harmless(f"{found.id}  {found.state}  {found.kind}  {found.reply_to}\n{found.subject}"))
    for one in said:
        click.echo(harmless(f"\n{one.at:%Y-%m-%d %H:%M}  {one.author}  {one.name}\n{one.text}"))
        for file in one.files:
            click.echo(harmless(f"[{file.name}, {file.type}, {file.size}]"))


@ticket.command()
@click.argument("number", type=int)
@click.argument("text", default="-")
@click.option("--close", "and_close", is_flag=True, help="Close the ticket with it.")
@click.option("--note", "as_note", is_flag=True, help="Write a note for the desk alone.")
@pass_site
def reply(site: Site, number: int, text: str, and_close: bool, as_note: bool) -> None:
    """Answer with TEXT, or with the text on standard input."""
    words = sys.stdin.read() if text == "-" else text
    if as_note:
        done = tickets.add_note(site.core, number, words)
    else:
        done = tickets.send_reply(site.core, number, words, agent=None, close=and_close)
    click.echo(f"ticket {done.id} is {done.state}")


@ticket.command()
@click.argument("number", type=int)
@pass_site
def close(site: Site, number: int) -> None:
    """Close a ticket."""
    done = tickets.close_ticket(site.core, number)
    click.echo(f"ticket {done.id} is {done.state}")
