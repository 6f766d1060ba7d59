"""Who is this?  One place for every protocol.

Repeated log-ins with the right password cost no Argon2 run: mail clients log in again and again.  What is
remembered is an HMAC under a key of this process over credential, generation, hash and password; all but the
password are read from the database each time, so a changed password is forgotten at once, in every process.
"""

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict

from mailcore.core import Core
from mailcore.domain import Account, Identity, Scope
from mailcore.errors import TooMany, WrongPassword
from mailcore.services import credentials
from mailcore.store.db import Tx
from mailcore.store.people import Credential

_HOUR = 3600
_REMEMBERED = 50_000
_WRONG = "the user name or the password is wrong"


class _Memory:
    """The proofs of log-ins that succeeded; nothing in it tells a password."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._proofs: OrderedDict[bytes, None] = OrderedDict()
        self._lock = threading.Lock()

    def proof(self, credential: Credential, password: str) -> bytes:
        words = f"{credential.id}\0{credential.generation}\0{credential.hash}\0{credentials.opaque(password)}"
        return hmac.digest(self._key, words.encode("utf-8", "surrogatepass"), hashlib.sha256)

    def knows(self, proof: bytes) -> bool:
        with self._lock:
            if proof not in self._proofs:
                return False
            self._proofs.move_to_end(proof)
            return True

    def add(self, proof: bytes) -> None:
        with self._lock:
            self._proofs[proof] = None
            while len(self._proofs) > _REMEMBERED:
                self._proofs.popitem(last=False)


_memory = _Memory()
_DUMMY = credentials.hash_password(secrets.token_urlsafe(16))


def local_name(core: Core, username: str) -> str | None:
    """The account's name, or None for another domain: `ola@ntnu.example` is not our `ola`."""
    name, at, domain = username.strip().lower().partition("@")
    if at and domain != core.config.domain.lower():
        return None
    return name


def authenticate(core: Core, username: str, password: str, *, peer: str, scope: Scope) -> Identity:
    """Check user name and password; blocking.

    Args:
        peer: IP address, for counting failures.
        scope: what the log-in is for.

    Raises:
        WrongPassword: unknown user, wrong password, closed account: same text, same time.
        TooMany: this account had too many failures from this peer within an hour.
    """
    name = local_name(core, username)
    counted = bool(peer) and not core.config.limits.is_trusted(peer)

    def ask(tx: Tx) -> tuple[tuple[Account, Credential | None] | None, int]:
        found = core.people.login(tx, name) if name else None
        since = core.clock.seconds() - _HOUR
        return found, core.people.failures(tx, found[0].id if found else None, peer, since) if counted else 0

    found, failures = core.db.read(ask)
    if failures >= core.config.limits.login_failures_per_hour:
        raise TooMany("too many failed log-ins; try again in an hour")
    if found and found[1] and len(password) <= credentials.MAX_LENGTH:
        account, credential = found[0], found[1]
        if _is_right(core, credential, password):
            return Identity(account, "alumni")
    else:
        credentials.matches(_DUMMY, password[: credentials.MAX_LENGTH])
    if counted:
        account_id = found[0].id if found else None
        core.db.write(lambda tx: core.people.add_failure(tx, account_id, peer, core.clock.seconds()))
    raise WrongPassword(_WRONG)


def _is_right(core: Core, credential: Credential, password: str) -> bool:
    proof = _memory.proof(credential, password)
    if _memory.knows(proof):
        return True
    if not credentials.matches(credential.hash, password):
        return False
    if credentials.needs_rehash(credential.hash):
        better = credentials.hash_password(password)
        core.db.write(lambda tx: core.people.replace_hash(tx, credential, better))
    else:
        _memory.add(proof)
    return True
