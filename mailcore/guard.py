"""Connections that must not go on: each minute those are ended whose password was changed or withdrawn, whose account was
closed, or that a tie to the university opened which has ended (S13, S14)."""

import asyncio
from collections.abc import Iterable, Sequence

from mailcore.core import Core
from mailcore.domain import Identity
from mailcore.errors import MailError
from mailcore.log import log_for
from mailcore.services.accounts import affiliations
from mailcore.services.credentials import login
from mailcore.transport import Connection, Listener

log = log_for(__name__)
LOOK_SECONDS = 60
_WHY = "Log in again: the password or your tie to the university has changed"


def open_connections(servers: Iterable[object]) -> list[Connection]:
    return [
        c for server in servers if isinstance(server, Listener) for c in server.connections if c.identity is not None
    ]


async def watch(core: Core, servers: Sequence[object]) -> None:
    """Look until cancelled."""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            await look(core, servers)
        except MailError as problem:
            log.warning("connections are looked at the next minute: %s", problem)


async def look(core: Core, servers: Iterable[object]) -> int:
    """End what must not go on; how many."""
    found = open_connections(servers)
    identities = [connection.identity for connection in found if connection.identity is not None]
    void = await core.threads.wait(_void, core, identities)
    for connection in found:
        if connection.identity in void:
            connection.end(_WHY)
    return sum(connection.identity in void for connection in found)


def _void(core: Core, identities: list[Identity]) -> set[Identity]:
    """Return the identities that are no longer valid; blocking."""
    fallen = core.db.read(lambda tx: {who for who in identities if not login.still_stands(core, tx, who)})
    asked: dict[tuple[int, str], bool] = {}
    for who in identities:
        if who not in fallen and who.source not in (login.ALUMNI, login.APP):
            key = (who.account.id, who.source)
            if key not in asked:
                asked[key] = affiliations.stands(core, who)
            if not asked[key]:
                fallen.add(who)
    return fallen
