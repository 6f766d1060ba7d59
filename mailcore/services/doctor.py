"""What became of the tries of an owner's mail programs just now (N15): the page that watches while one sets up a program.

A try shows here if it named the account.  What never named it (a wrong server, a wrong port, a wrong user name, no TLS
where it is needed) cannot be told from other people's; the page says what it means that nothing comes.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mailcore.core import Core
from mailcore.domain import AccountId, Scope
from mailcore.services import login, logins
from mailcore.store import desk as store

WATCHED = timedelta(minutes=30)
WRONG_PASSWORD = "wrong password"  # noqa: S105 - an outcome


@dataclass(frozen=True, slots=True)
class Try:
    """`outcome`: ok, wrong password, app password needed, ended, not confirmed; `scope` is "" where it is not known."""

    at: datetime
    outcome: str
    scope: str
    source: str
    place: str


def tries(core: Core, account: AccountId) -> list[Try]:
    """Of the last half hour, newest first; the browser's own log-ins are left out."""
    since = core.clock.now() - WATCHED
    found = [
        Try(one.last_at, one.outcome, one.scope, one.source, one.place)
        for one in logins.listing(core, account)
        if one.last_at >= since and one.scope != Scope.PORTAL.value
    ]
    failures = core.db.read(lambda tx: store.failures(tx, account, int(since.timestamp())))
    found += [Try(at, WRONG_PASSWORD, "", "", logins.place(peer)) for at, peer in failures if not peer.startswith(login.DEVICE)]
    return sorted(found, key=lambda one: one.at, reverse=True)
