"""`alumnimail trace`: what became of the messages for an account, as its owner sees it at /trace."""

from typing import Any

import click

from mailcore.cli.common import Site, json_option, pass_site, plain, print_json, print_table, size
from mailcore.services.accounts import accounts
from mailcore.services.delivery import traces
from mailcore.services.delivery.traces import Trace


@click.command()
@click.argument("name")
@click.argument("words", default="")
@click.option("--id", "number", type=int, help="Show one of them, with its checks, rules and replies.")
@json_option
@pass_site
def trace(site: Site, name: str, words: str, number: int | None, as_json: bool) -> None:
    """Show what became of mail for account NAME in the last thirty days, newest first; by WORDS of sender, author or subject."""
    account = accounts.find_account(site.core, name)
    if number is not None:
        found = traces.get(site.core, account.id, number)
        if as_json:
            print_json(_all(found))
        else:
            print_table(("key", "value"), [(key, value) for key, value in _all(found).items() if value])
        return
    listed = traces.search(site.core, account.id, words)
    if as_json:
        print_json([_all(one) for one in listed])
    else:
        print_table(
            ("id", "at", "outcome", "size", "from", "detail", "subject"),
            [
                (
                    t.id,
                    f"{t.at:%Y-%m-%d %H:%M:%S}",
                    t.outcome,
                    size(t.size),
                    t.sender or "<>",
                    t.detail[:60],
                    t.subject[:60],
                )
                for t in listed
            ],
        )


def _all(found: Trace) -> dict[str, Any]:  # Any: JSON
    return plain(found) | {"onward": [plain(one) for one in found.onward]}
