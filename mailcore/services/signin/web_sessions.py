"""Sessions of the portal on the server side, named by a random token that only the browser has."""

import secrets

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.net.address import place
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.limits.links import hash_token
from mailcore.store.engine.db import Tx
from mailcore.store.people import credentials
from mailcore.store.people import web_sessions as store
from mailcore.store.people.web_sessions import WebSession
from mailcore.store.site.secrets import get_secret

LOGGED_IN_SECONDS = 12 * 3600
ANONYMOUS_SECONDS = 3600
ENDED_SECONDS = 600  # with the time until it is noticed: within 15 minutes (S13)


def create_token() -> str:
    """Create the random token of a session."""
    return secrets.token_urlsafe(32)


def find_epoch(core: Core, account: AccountId) -> int:
    """Find the epoch of an account; -1 where nothing opens it."""
    epoch = core.db.read(lambda tx: credentials.get_epoch(tx, account))
    return -1 if epoch is None else epoch


def load_session(core: Core, token: str) -> WebSession | None:
    """Load a session; None when unknown or expired."""
    now = core.clock.seconds()
    session = core.db.read(lambda tx: store.load_session(tx, hash_token(token), now))
    return None if session and session.ended_at is not None and session.ended_at <= now - ENDED_SECONDS else session


def begin_session(
    core: Core,
    token: str,
    account: AccountId | None,
    data: str,
    *,
    source: str = "",
    peer: str = "",
    agent: str = "",
    ended: bool = False,
    epoch: int | None = None,
) -> None:
    """Begin a session, and delete expired ones of anybody.

    Args:
        source: by what the person was known (services/credentials/login.py).
        ended: the tie behind it has ended; it lasts a few minutes, for choosing an alumni password.
        epoch: the account's when the person was proved; where it is another one by now, nothing begins.
    """
    now = core.clock.seconds()
    seconds = ANONYMOUS_SECONDS if account is None else LOGGED_IN_SECONDS
    place_name, program = (place(peer), " ".join(agent.split())[:200]) if account is not None else ("", "")
    session = WebSession(account, data, now, now + seconds, source, place_name, program, now if ended else None)

    def write(tx: Tx) -> None:
        store.delete_expired(tx, now, now - ENDED_SECONDS)
        if account is None or epoch is None or credentials.get_epoch(tx, account) == epoch:
            store.save_session(tx, hash_token(token), session)

    core.db.write(write)


def list_sessions(core: Core, account: AccountId) -> list[WebSession]:
    """List the account's sessions, the newest first."""
    return core.db.read(lambda tx: store.list_sessions(tx, account, core.clock.seconds()))


def end_session_by_handle(core: Core, account: AccountId, handle: str) -> bool:
    """End one of the account's own sessions, by the handle that `list_sessions` gives."""
    return core.db.write(lambda tx: store.delete_named_session(tx, account, handle))


def derive_handle(token: str) -> str:
    """Derive the handle that names a session on pages without disclosing its token."""
    return hash_token(token)[:16]


def change_source(core: Core, token: str, source: str) -> None:
    """Change what the session was proved by."""
    core.db.write(lambda tx: store.settle_session(tx, hash_token(token), source))


def save_session(core: Core, token: str, account: AccountId | None, data: str) -> bool:
    """Save the session's content; False if it was ended meanwhile."""
    now = core.clock.seconds()
    seconds = ANONYMOUS_SECONDS if account is None else LOGGED_IN_SECONDS
    return core.db.write(
        lambda tx: store.update_session(tx, hash_token(token), WebSession(account, data, now, now + seconds))
    )


def end_session(core: Core, token: str) -> None:
    """End a session."""
    core.db.write(lambda tx: store.delete_session(tx, hash_token(token)))


def end_other_sessions(core: Core, account: AccountId, token: str) -> None:
    """End all sessions but this one, and all connections of mail programs."""

    def write(tx: Tx) -> None:
        store.end_access(tx, account, hash_token(token))
        audit.note(core, tx, account, Event.LOGGED_OUT_EVERYWHERE)

    core.db.write(write)


def end_all_sessions(core: Core, account: AccountId, *, actor: str) -> None:
    """End all sessions of an account and all connections of mail programs, on behalf of staff."""

    def write(tx: Tx) -> None:
        ended = store.end_access(tx, account)
        audit.note(core, tx, account, Event.LOGGED_OUT_EVERYWHERE, actor=actor, detail=f"{ended} browsers")

    core.db.write(write)


def load_signing_key(core: Core) -> bytes:
    """Return the key that forms are signed with; the same in every process of this installation."""
    return core.db.write(lambda tx: get_secret(tx, "portal"))
