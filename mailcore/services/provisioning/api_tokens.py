"""Tokens by which programs of the university ask us: created on the command line, shown once, saved as hashes."""

import secrets
from enum import StrEnum

from mailcore.core import Core
from mailcore.errors import InvalidName, LinkExpired, TooMany, WrongPassword
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.limits.links import hash_token
from mailcore.services.limits.rates import Portions
from mailcore.store.engine.db import Tx
from mailcore.store.people import provisioned as store
from mailcore.store.people.provisioned import ApiToken

__all__ = [
    "ApiToken",
    "TokenScope",
    "create_token",
    "delete_token",
    "list_tokens",
    "verify_token",
]
PREFIX = "almt_"  # scanners for leaked secrets find it
MAX_LABEL = 100
USED_SECONDS = 3600  # between two notes of a use
MOST_PER_MINUTE, MINUTE = 1200, 60  # requests of one token, over all processes


class TokenScope(StrEnum):
    """Programs' rights: SCIM changes affiliations, COUNTS reads numbers."""

    SCIM = "scim"
    COUNTS = "counts"


def create_token(core: Core, label: str, scope: TokenScope, *, actor: str) -> str:
    """Create a token and return it; it cannot be shown again.  Raises InvalidName for an empty or long label."""
    label = " ".join(label.split())
    if not 0 < len(label) <= MAX_LABEL:
        raise InvalidName(f"a label has 1 to {MAX_LABEL} characters")
    token = PREFIX + secrets.token_urlsafe(32)

    def write(tx: Tx) -> None:
        store.add_token(tx, label, hash_token(token), scope, core.clock.seconds())
        audit.note(core, tx, None, Event.TOKEN_CREATED, actor=actor, detail=f"{label} ({scope})")

    core.db.write(write)
    return token


def list_tokens(core: Core) -> list[ApiToken]:
    return core.db.read(store.list_tokens)


def delete_token(core: Core, number: int, *, actor: str) -> None:
    """Delete a token: its program is out at once.  Raises LinkExpired if there is none of that number."""

    def write(tx: Tx) -> None:
        if not store.delete_token(tx, number):
            raise LinkExpired(f"there is no token {number}")
        audit.note(core, tx, None, Event.TOKEN_DELETED, actor=actor, detail=str(number))

    core.db.write(write)


def verify_token(core: Core, token: str, scope: TokenScope) -> ApiToken:
    """Find the token that a program sends; of 256 bits, so that guesses need no counting.

    Raises:
        WrongPassword: there is none, or it opens something else.
        TooMany: it asks too often.
    """
    found = core.db.read(lambda tx: store.find_token(tx, hash_token(token)))
    if found is None or found.scope != scope:
        raise WrongPassword("no such token")
    now = core.clock.seconds()
    if found.last_used_at is None or now - found.last_used_at.timestamp() > USED_SECONDS:
        core.db.write(lambda tx: store.mark_token_used(tx, found.id, now))
    portions = core.resources.get("token uses", Portions)
    if not portions.count_use_in_thread(core, f"token {found.id}", limit=MOST_PER_MINUTE, window_seconds=MINUTE):
        raise TooMany("too many requests")
    return found
