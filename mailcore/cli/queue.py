"""`alumnimail queue`: outgoing mail."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from mailcore.cli.common import Site, harmless, json_option, pass_site, plain, print_json, print_table
from mailcore.domain import QueueState
from mailcore.queue import giving_up
from mailcore.services.audit import COMMAND_LINE
from mailcore.services.delivery import queue_admin


@click.group()
def queue() -> None:
    """Show and control outgoing mail."""


def _tell(site: Site, ids: Sequence[int], as_json: bool) -> None:
    """Print these items as they are now, as JSON; print nothing for people, who asked for the change."""
    if as_json:
        found = queue_admin.list_queue(site.core)
        print_json([plain(item) for item in found if item.id in set(ids)])


_ids: Callable[[Any], Any] = click.argument("ids", nargs=-1, type=int, required=True)


@queue.command("list")
@click.option("--state", type=click.Choice([state.value for state in QueueState if state is not QueueState.GIVEN_UP]))
@json_option
@pass_site
def list_(site: Site, state: str | None, as_json: bool) -> None:
    """List the items of the queue."""
    found = queue_admin.list_queue(site.core, QueueState(state) if state else None)
    if as_json:
        print_json([plain(item) for item in found])
    else:
        print_table(
            ("id", "state", "tries", "next", "sender", "recipient", "last reply"),
            [
                (
                    i.id,
                    i.state,
                    i.tries,
                    f"{i.next_at:%Y-%m-%d %H:%M:%S}",
                    i.sender or "<>",
                    i.recipient,
                    i.last_reply[:60],
                )
                for i in found
            ],
        )


@queue.command()
@click.argument("item_id", type=int, metavar="ID")
@click.option("--message", is_flag=True, help="Show the message as well.")
@json_option
@pass_site
def show(site: Site, item_id: int, message: bool, as_json: bool) -> None:
    """Show one item and every attempt to send it."""
    item, attempts = queue_admin.show(site.core, item_id)
    octets = queue_admin.octets(site.core, item_id) if message else b""
    found: dict[str, Any] = plain(item) | {"attempts": [plain(one) for one in attempts]}
    if as_json:
        print_json(found | ({"message": octets.decode("utf-8", "replace")} if message else {}))
        return
    tries = found.pop("attempts")
    print_table(("key", "value"), [(key, found[key]) for key in found])
    for one in tries:
        click.echo(harmless(f"{one['at']}  {one['host']}  {one['code']} {one['reply']}"))
    if message:
        click.echo()
        sys.stdout.buffer.write(octets)


@queue.command()
@_ids
@json_option
@pass_site
def retry(site: Site, ids: tuple[int, ...], as_json: bool) -> None:
    """Send these items now, held ones too."""
    queue_admin.retry(site.core, ids, actor=COMMAND_LINE)
    _tell(site, ids, as_json)


@queue.command()
@_ids
@json_option
@pass_site
def hold(site: Site, ids: tuple[int, ...], as_json: bool) -> None:
    """Hold these items until `queue retry`."""
    queue_admin.hold(site.core, ids, actor=COMMAND_LINE)
    _tell(site, ids, as_json)


@queue.command()
@_ids
@json_option
@pass_site
def bounce(site: Site, ids: tuple[int, ...], as_json: bool) -> None:
    """Give up these items and send reports to their senders."""
    giving_up.give_up_items(site.core, ids, actor=COMMAND_LINE)
    if as_json:
        print_json([{"id": number, "state": "bounced"} for number in ids])


@queue.command()
@json_option
@pass_site
def flush(site: Site, as_json: bool) -> None:
    """Send everything that waits now, without its delay."""
    waiting = [item.id for item in queue_admin.list_queue(site.core, QueueState.WAITING)]
    queue_admin.retry(site.core, None, actor=COMMAND_LINE)
    _tell(site, waiting, as_json)
