"""Recent tries of an owner's mail programs to log in (N15): the page that watches while one sets up a program.

A try shows here if it named the account.  What never named it (another user name, no TLS where it is needed) shows to whoever
looks from the same network address: it is most likely the program that stands beside the browser.  What did not reach us at
all (a wrong server, a wrong port) cannot show; the page says what it means that nothing comes.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from mailcore.clock import to_time
from mailcore.core import Core
from mailcore.domain import AccountId, Scope
from mailcore.net.address import place
from mailcore.services.credentials import login_log
from mailcore.services.limits import throttle
from mailcore.services.limits import tries as counts
from mailcore.store.people import desk as store

WATCHED = timedelta(minutes=30)
WRONG_PASSWORD = "wrong password"  # noqa: S105 - an outcome
NOBODY, NO_TLS = "unknown name", "no TLS"


@dataclass(frozen=True, slots=True)
class LoginTry:
    """`outcome`: ok, wrong password, unknown name, no TLS, app password needed, ended, not confirmed; `scope` may be ""."""

    at: datetime
    outcome: str
    scope: str
    source: str
    place: str


def record_unencrypted(core: Core, peer: str) -> None:
    """Record that a client wanted to log in, or to send, before TLS."""
    counts.record_peer(core, NO_TLS, peer)


def list_tries(core: Core, account: AccountId, peer: str = "") -> list[LoginTry]:
    """List the tries of the last half hour, newest first; the browser's own log-ins are left out.

    Args:
        peer: the address from which the owner looks.
    """
    since = core.clock.now() - WATCHED
    recent_tries = [
        LoginTry(entry.last_at, entry.outcome, entry.scope, entry.source, entry.place)
        for entry in login_log.list_logins(core, account)
        if entry.last_at >= since and entry.scope != Scope.PORTAL.value
    ]
    failures = core.db.read(lambda tx: store.list_failures(tx, account, int(since.timestamp())))
    own_sources = [
        (at, where) for at, where in failures if not throttle.is_owner_place(where)
    ]  # browsers count for themselves
    recent_tries += [LoginTry(at, WRONG_PASSWORD, "", "", place(where)) for at, where in own_sources]
    if peer:
        here, start = place(peer), int(since.timestamp())
        names, bare = core.db.read(
            lambda tx: (
                store.list_failures_of_nobody(tx, here, start),
                counts.list_peer_times(core, tx, NO_TLS, peer, start),
            )
        )
        recent_tries += [LoginTry(at, NOBODY, "", "", here) for at in names]
        recent_tries += [LoginTry(to_time(at), NO_TLS, "", "", here) for at in bare]
    return sorted(recent_tries, key=lambda entry: entry.at, reverse=True)
