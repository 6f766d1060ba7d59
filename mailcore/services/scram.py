"""SCRAM verifiers (RFC 5802): when they are kept, and when SCRAM is offered.

SCRAM proves a password without sending it, but only one that we have a verifier of: neither the directory's nor
one imported as a hash.  A client takes the strongest mechanism that it sees and does not try another, so with
`limits.scram = "auto"` it is offered only while every account can use it: no other password database is set up, and
everybody's password has been seen once.  Where it can never be offered, no verifier is kept.
"""

import hmac
import secrets

from mailcore.core import Core
from mailcore.domain import AccountId
from mailcore.services import passwords, sources
from mailcore.store import deliveries
from mailcore.store import scram as verifiers
from mailcore.store.people import Credential
from mailcore.wire.sasl import Verifier

ITERATIONS = 100_000  # RFC 7677 asks for 4096 at least; what is stored must withstand theft
LOOK_SECONDS = 60


class _Everybody:
    """Can every account use SCRAM?  Looked up now and then, because a greeting must not wait for it."""

    def __init__(self) -> None:
        self.at, self.can = -LOOK_SECONDS, False


_everybody = _Everybody()


def wanted(core: Core) -> bool:
    """Is it of use to keep verifiers?"""
    how = core.config.limits.scram
    return how == "always" or (how == "auto" and not sources.sources(core.config))


def look(core: Core) -> None:
    """Find out whether everybody can use SCRAM; blocking, at most one question to the database in a minute."""
    now = core.clock.seconds()
    if wanted(core) and abs(now - _everybody.at) >= LOOK_SECONDS:
        _everybody.at = now
        _everybody.can = not core.db.read(verifiers.somebody_lacks_one)


def is_offered(core: Core) -> bool:
    return core.config.limits.scram == "always" or (wanted(core) and _everybody.can)


def salt_of_nobody(core: Core, username: str) -> bytes:
    """The same for the same name, in every process, so that nobody learns who is here."""
    key = core.db.write(lambda tx: deliveries.secret(tx, "scram"))
    return hmac.digest(key, username.encode(), "sha256")[:16]


def remember(core: Core, credential: Credential, password: str) -> None:
    """Keep a verifier of a password that was just proven or set; blocking, and long (PBKDF2)."""
    if not wanted(core) or core.db.read(lambda tx: verifiers.has(tx, credential)):
        return
    shared = core.db.read(lambda tx: verifiers.salt_of(tx, credential.account))
    salt, iterations = shared or (secrets.token_bytes(16), ITERATIONS)
    verifier = Verifier.derive(passwords.opaque(password), salt, iterations)
    core.db.write(lambda tx: verifiers.save(tx, credential, verifier))


def remember_of(core: Core, account: AccountId, password: str) -> None:
    """The same for the password that the account has now."""
    found = core.db.read(lambda tx: core.people.login(tx, core.people.account(tx, account).name))
    if found and found[1]:
        remember(core, found[1], password)
