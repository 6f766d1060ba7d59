"""`alumnimail order`: requests for an account."""

import click

from mailcore.cli.common import Site, json_option, pass_site, plain, print_json, print_table
from mailcore.domain import OrderState
from mailcore.services.accounts import orders
from mailcore.services.audit import COMMAND_LINE


@click.group()
def order() -> None:
    """List and decide requests for an account."""


@order.command("list")
@click.option("--state", type=click.Choice([state.value for state in OrderState]))
@json_option
@pass_site
def list_(site: Site, state: str | None, as_json: bool) -> None:
    """List the orders, oldest first."""
    found = orders.list_orders(site.core, *([OrderState(state)] if state else ()))
    if as_json:
        print_json([plain(one) for one in found])
    else:
        print_table(
            ("id", "state", "name", "contact", "created", "display name"),
            [(o.id, o.state, o.name, o.contact, f"{o.created_at:%Y-%m-%d %H:%M}", o.display_name) for o in found],
        )


@order.command()
@click.argument("order_id", type=int, metavar="ID")
@pass_site
def approve(site: Site, order_id: int) -> None:
    """Create the account, and mail and print its link."""
    done, link = orders.approve_order(site.core, order_id, actor=COMMAND_LINE)
    click.echo(f"{done.name}@{site.config.domain}")
    click.echo(link)


@order.command()
@click.argument("order_id", type=int, metavar="ID")
@click.argument("question")
@pass_site
def ask(site: Site, order_id: int, question: str) -> None:
    """Ask the person who they are, by mail; the order waits for the answer."""
    done = orders.ask_for_proof(site.core, order_id, question, actor=COMMAND_LINE)
    click.echo(f"order {done.id} is {done.state}")


@order.command()
@click.argument("order_id", type=int, metavar="ID")
@click.argument("reason", default="")
@pass_site
def reject(site: Site, order_id: int, reason: str) -> None:
    """Reject an order."""
    done = orders.reject_order(site.core, order_id, reason, actor=COMMAND_LINE)
    click.echo(f"order {done.id} is {done.state}")
