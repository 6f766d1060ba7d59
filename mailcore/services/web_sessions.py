"""Who is logged in to the portal: server-side sessions, named by a random token that only the browser has."""

import hashlib
import secrets

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.store import deliveries
from mailcore.store import web_sessions as store
from mailcore.store.db import Tx
from mailcore.store.web_sessions import WebSession

LOGGED_IN_SECONDS = 12 * 3600
ANONYMOUS_SECONDS = 3600


def new_token() -> str:
    return secrets.token_urlsafe(32)


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def load(core: Core, token: str) -> WebSession | None:
    """None when unknown or older than its time."""
    return core.db.read(lambda tx: store.load(tx, _hashed(token), core.clock.seconds()))


def begin(core: Core, token: str, account: AccountId | None, data: str) -> None:
    """A new session; old ones of anybody are swept out on the way."""
    now = core.clock.seconds()
    seconds = ANONYMOUS_SECONDS if account is None else LOGGED_IN_SECONDS

    def write(tx: Tx) -> None:
        store.sweep(tx, now)
        store.save(tx, _hashed(token), WebSession(account, data, now, now + seconds))

    core.db.write(write)


def keep(core: Core, token: str, account: AccountId | None, data: str) -> bool:
    """The session's new content; False if it was ended meanwhile."""
    now = core.clock.seconds()
    seconds = ANONYMOUS_SECONDS if account is None else LOGGED_IN_SECONDS
    return core.db.write(lambda tx: store.update(tx, _hashed(token), WebSession(account, data, now, now + seconds)))


def end(core: Core, token: str) -> None:
    core.db.write(lambda tx: store.delete(tx, _hashed(token)))


def end_others(core: Core, account: AccountId, token: str) -> None:
    """All sessions of the account but this one; with the empty token, all."""
    core.db.write(lambda tx: store.delete_others(tx, account, _hashed(token)))


def signing_key(core: Core) -> bytes:
    """What forms are signed with; the same in every process of this installation."""
    return core.db.write(lambda tx: deliveries.secret(tx, "portal"))


def ready(core: Core) -> bool:
    """Does the database answer?"""
    return core.db.read(lambda tx: tx.row("SELECT 1")) is not None
