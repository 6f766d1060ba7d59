"""End connections that must not go on, each minute (S13, S14).

Those are ended whose password was changed or withdrawn, whose account was closed, or that a tie to the university opened
which has ended.
"""

import asyncio
from collections.abc import Iterable, Sequence

from mailcore.core import Core
from mailcore.domain import Identity
from mailcore.errors import MailError
from mailcore.log import log_for
from mailcore.net.transport import Connection, Listener
from mailcore.services.accounts import affiliations
from mailcore.services.credentials import login

log = log_for(__name__)
EVERY_SECONDS = 60
_WHY = "Log in again: the password or your tie to the university has changed"


def list_open(listeners: Iterable[Listener]) -> list[Connection]:
    """List the connections that somebody has logged in on."""
    return [one for listener in listeners for one in listener.connections if one.identity is not None]


async def watch(core: Core, listeners: Sequence[Listener]) -> None:
    """End revoked connections each minute, until cancelled."""
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        try:
            await end_revoked(core, listeners)
        except MailError as problem:
            log.warning("connections are looked at the next minute: %s", problem)


async def end_revoked(core: Core, listeners: Iterable[Listener]) -> int:
    """End the connections that must not go on, and return how many."""
    connections = list_open(listeners)
    identities = [connection.identity for connection in connections if connection.identity is not None]
    revoked = await core.threads.run_waiting(_find_revoked, core, identities)
    for connection in connections:
        if connection.identity in revoked:
            connection.end(_WHY)
    return sum(connection.identity in revoked for connection in connections)


def _find_revoked(core: Core, identities: list[Identity]) -> set[Identity]:
    """Return the identities that are no longer valid; blocking."""
    revoked = core.db.read(lambda tx: {who for who in identities if not login.is_still_valid(tx, who)})
    asked: dict[tuple[int, str], bool] = {}
    for who in identities:
        if who not in revoked and who.source not in (login.ALUMNI, login.APP):
            key = (who.account.id, who.source)
            if key not in asked:
                asked[key] = affiliations.is_still_affiliated(core, who)
            if not asked[key]:
                revoked.add(who)
    return revoked
