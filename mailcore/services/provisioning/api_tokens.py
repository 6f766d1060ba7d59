"""Tokens by which programs of the university ask us: created on the command line, shown once, saved as hashes."""

import secrets
import threading
from enum import StrEnum

from mailcore.core import Core
from mailcore.errors import InvalidName, LinkExpired, TooMany, WrongPassword
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.limits.links import hash_token
from mailcore.store.engine.db import Tx
from mailcore.store.people import provisioned as store
from mailcore.store.people.provisioned import ApiToken
from mailcore.store.site import rates

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
REFUSED_SECONDS = 5
_PORTION = 20  # that a process counts at once, so that most requests cost no write


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
    if not core.resources.get("token uses", _Uses).count_one(core, found.id, now):
        raise TooMany("too many requests")
    return found


class _Uses:
    """Uses that this process has counted and that are not made yet, by token."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: dict[int, tuple[int, int]] = {}  # token -> (valid until, uses left)

    def count_one(self, core: Core, token: int, now: int) -> bool:
        """Count one more use; False where the limit of the minute is reached."""
        with self._lock:
            until, left = self._left.get(token, (0, 0))
            if until > now and left:
                if left > 0:
                    self._left[token] = (until, left - 1)
                return left > 0  # less than nothing: it was refused a moment ago

        def take(tx: Tx) -> int:
            for amount in (_PORTION, 1):
                if rates.count_if_allowed(tx, f"token {token}", amount, MOST_PER_MINUTE, MINUTE, now):
                    return amount
            return 0

        taken = core.db.write(take, of=())
        with self._lock:
            until, left = self._left.get(token, (0, 0))
            spare = max(left, 0) if until > now else 0  # of another thread that asked at the same time
            # a refusal is remembered for a while, so that a flood costs no writes
            self._left[token] = (now + MINUTE, spare + taken - 1) if taken else (now + REFUSED_SECONDS, -1)
        return taken > 0
