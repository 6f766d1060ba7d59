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
from mailcore.errors import TemporarilyUnavailable, TooMany, WrongPassword
from mailcore.log import log_for
from mailcore.services import passwords, scram, sources
from mailcore.store.db import Tx
from mailcore.store.people import Credential

log = log_for(__name__)
_HOUR = 3600
_REMEMBERED = 50_000
_FOREVER = 2**62
ALUMNI = "alumni"
OUTSIDE_SECONDS = 60  # a password changed in the directory is known here within this time (S12)
_WRONG = "the user name or the password is wrong"


class _Memory:
    """The proofs of log-ins that succeeded; nothing in it tells a password."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._proofs: OrderedDict[bytes, int] = OrderedDict()
        self._lock = threading.Lock()

    def proof(self, credential: Credential, password: str) -> bytes:
        words = f"{credential.id}\0{credential.generation}\0{credential.hash}\0{passwords.opaque(password)}"
        return hmac.digest(self._key, words.encode("utf-8", "surrogatepass"), hashlib.sha256)

    def outside(self, source: str, account: Account, password: str) -> bytes:
        words = f"{source}\0{account.id}\0{account.person}\0{password}"
        return hmac.digest(self._key, words.encode("utf-8", "surrogatepass"), hashlib.sha256)

    def knows(self, proof: bytes, now: int = 0) -> bool:
        with self._lock:
            until = self._proofs.get(proof, -1)
            if until < now:
                return False
            self._proofs.move_to_end(proof)
            return True

    def add(self, proof: bytes, until: int = _FOREVER) -> None:
        with self._lock:
            self._proofs[proof] = until
            while len(self._proofs) > _REMEMBERED:
                self._proofs.popitem(last=False)


_memory = _Memory()
_DUMMY = passwords.hash_password(secrets.token_urlsafe(16))


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
        TemporarilyUnavailable: another password database did not answer; it counts as no failure.
        TooMany: this account had too many failures from this peer within an hour.
    """
    name = local_name(core, username)

    def ask(tx: Tx) -> tuple[tuple[Account, Credential | None] | None, bool]:
        found = core.people.login(tx, name) if name else None
        return found, has_failed_too_often(core, tx, found[0] if found else None, peer)

    found, too_often = core.db.read(ask)
    if too_often:
        raise TooMany("too many failed log-ins; try again in an hour")
    if len(password) <= passwords.MAX_LENGTH and (source := _matching(core, found, password)):
        assert found is not None  # noqa: S101 - nobody matches nothing
        return Identity(found[0], source)
    count_failure(core, found[0] if found else None, peer)
    raise WrongPassword(_WRONG)


def _is_counted(core: Core, peer: str) -> bool:
    return bool(peer) and not core.config.limits.is_trusted(peer)


def has_failed_too_often(core: Core, tx: Tx, account: Account | None, peer: str) -> bool:
    """Had this account (or, without one, this peer) too many failures from this peer within an hour?"""
    since = core.clock.seconds() - _HOUR
    failures = core.people.failures(tx, account.id if account else None, peer, since) if _is_counted(core, peer) else 0
    return failures >= core.config.limits.login_failures_per_hour


def count_failure(core: Core, account: Account | None, peer: str) -> None:
    if _is_counted(core, peer):
        owner = account.id if account else None
        core.db.write(lambda tx: core.people.add_failure(tx, owner, peer, core.clock.seconds()))


def _matching(core: Core, found: tuple[Account, Credential | None] | None, password: str) -> str:
    """The name of the source that says yes: our own database first, then the others; or "".

    Raises:
        TemporarilyUnavailable: ours said no, no other said yes, and one did not answer.
    """
    if found and found[1]:
        if _is_right(core, found[1], password):
            return ALUMNI
    else:
        passwords.matches(_DUMMY, password)  # the same time for unknown user names
    if found is None:
        return ""
    account, silent = found[0], None
    for source in sources.sources(core.config):
        proof = _memory.outside(source.name, account, password)
        if _memory.knows(proof, core.clock.seconds()):
            return source.name
        try:
            if source.check(account, password):
                log.info("log-in of account %d by %s", account.id, source.name)
                _memory.add(proof, core.clock.seconds() + OUTSIDE_SECONDS)
                return source.name
        except TemporarilyUnavailable as problem:
            silent = problem
    if silent is not None:
        raise silent
    return ""


def _is_right(core: Core, credential: Credential, password: str) -> bool:
    proof = _memory.proof(credential, password)
    if _memory.knows(proof):
        return True
    if not passwords.matches(credential.hash, password):
        return False
    # those that are remembered are not told: mail clients come every minute
    log.info("log-in of account %d by %s", credential.account, ALUMNI)
    if passwords.needs_rehash(credential.hash):
        better = passwords.hash_password(password)
        core.db.write(lambda tx: core.people.replace_hash(tx, credential, better))
    else:
        scram.remember(core, credential, password)
        _memory.add(proof)
    return True
