"""SCRAM verifiers (RFC 5802): when they are saved, and when SCRAM is offered.

SCRAM proves a password without sending it, but only one that we have a verifier of: neither the directory's nor
one imported as a hash.  A client takes the strongest mechanism that it sees and does not try another, so with
`limits.scram = "auto"` it is offered only while every account can use it: no other password database is set up, and
everybody's password has been seen once.  Where it can never be offered, no verifier is kept.

Verifiers are sealed by a key beside the database: PBKDF2 is quicker to attack than Argon2id, so a stolen database alone
must not hold them.
"""

from collections.abc import Sequence
from pathlib import Path

from mailcore.core import Core
from mailcore.domain import Account, AccountId
from mailcore.process.gentle import run_gently
from mailcore.services.credentials import passwords, sources
from mailcore.services.limits import keys
from mailcore.store.people import credentials
from mailcore.store.people import scram as store
from mailcore.store.people.accounts import get_account
from mailcore.store.people.credentials import Credential
from mailcore.wire.sasl import Verifier

ITERATIONS = 15_000  # RFC 7677 section 4; about 5 ms.  What withstands theft is the key beside the database
_KEY = "scram"
CHECK_SECONDS = 60


class _Offer:
    """The offer of SCRAM, if every account can use it; updated now and then, as a greeting must not wait for the database."""

    def __init__(self) -> None:
        self.at, self.can_offer = -CHECK_SECONDS, False


_offers: dict[Path, _Offer] = {}  # by database: a process may know several, as the tests' does


def _offer_of(core: Core) -> _Offer:
    return _offers.setdefault(core.config.database_key, _Offer())


def may_save(core: Core) -> bool:
    """Say if verifiers are of use and may be saved."""
    setting = core.config.limits.scram
    return setting == "always" or (setting == "auto" and not sources.list_sources(core))


def update_offer(core: Core) -> None:
    """Find out whether everybody can use SCRAM; blocking, at most one question to the database in a minute."""
    now, offer = core.clock.seconds(), _offer_of(core)
    if may_save(core) and abs(now - offer.at) >= CHECK_SECONDS:
        offer.at = now
        offer.can_offer = not core.db.read(store.is_one_missing)


def is_offered(core: Core) -> bool:
    """Say if SCRAM is offered to clients."""
    return core.config.limits.scram == "always" or (may_save(core) and _offer_of(core).can_offer)


def withdraw_offer(core: Core) -> None:
    """Stop offering SCRAM when an account turned out to have no verifier: the next client here is not offered it."""
    _offer_of(core).at, _offer_of(core).can_offer = core.clock.seconds(), False


def derive_salt(core: Core, name: str) -> bytes:
    """Derive the salt for all passwords of a name; names that nobody has get one too, so that none is disclosed."""
    return keys.compute_hmac(core.config, _KEY, name)[:16]


def save_verifier(core: Core, account: Account, credential: Credential, password: str) -> None:
    """Save a verifier of a password that was just proven or set; blocking."""
    if not may_save(core) or core.db.read(lambda tx: store.has_verifier(tx, credential)):
        return
    prepared, salt = passwords.prepare_password(password), derive_salt(core, account.name)
    verifier = run_gently(Verifier.derive, prepared, salt, ITERATIONS)
    sealed = keys.seal(core.config, _KEY, verifier.stored_key + verifier.server_key, account.name)
    core.db.write(lambda tx: store.save_verifier(tx, credential, ITERATIONS, sealed))


def save_account_verifier(core: Core, account: AccountId, password: str, hashed: str) -> None:
    """Save a verifier, as `save_verifier` does, of the password that was just set, unless another one was set meanwhile.

    Args:
        hashed: the password as it was saved.
    """
    name = core.db.read(lambda tx: get_account(tx, account)).name
    holder = core.db.read(lambda tx: credentials.find_holder(tx, name))
    if holder and holder.password and holder.password.hash == hashed:
        save_verifier(core, holder.account, holder.password, password)


def list_verifiers(core: Core, name: str, usable: Sequence[Credential]) -> list[tuple[Credential, Verifier]]:
    """Return the verifiers that exist for these passwords of the account of that name."""
    if not usable:
        return []
    saved = core.db.read(lambda tx: store.list_verifiers(tx, usable[0].account))
    verifiers = []
    for credential in usable:
        iterations, sealed = saved.get(credential.id, (0, ""))
        octets = keys.unseal(core.config, _KEY, sealed, name) if iterations == ITERATIONS else None
        if octets is not None:
            verifiers.append((credential, Verifier(derive_salt(core, name), ITERATIONS, octets[:32], octets[32:])))
    return verifiers
