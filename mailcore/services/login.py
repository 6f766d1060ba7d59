"""Who is this?  One place for every protocol.

Our own database is asked first, then the others (services/sources.py).  An account with a second factor opens for mail
programs by app passwords only; the portal asks for the second factor itself.

Repeated log-ins with the right password cost no Argon2 run: mail clients log in again and again.  What is
remembered is an HMAC under a key of this process over credential, generation, hash and password; all but the
password are read from the database each time, so a changed password is forgotten at once, in every process.
"""

import contextlib
import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict

from mailcore.core import Core
from mailcore.domain import Account, AccountId, Identity, Scope
from mailcore.errors import Busy, TemporarilyUnavailable, TooMany, WrongPassword
from mailcore.log import log_for
from mailcore.peers import place as place_of
from mailcore.services import app_passwords, keys, logins, passwords, scram, sources
from mailcore.services.sources import Proof
from mailcore.store import affiliations
from mailcore.store import credentials as store
from mailcore.store.credentials import Credential, Holder
from mailcore.store.db import Tx

log = log_for(__name__)
_HOUR = 3600
_KNOWN_SECONDS = 30 * 86_400
_REMEMBERED = 50_000
_FOREVER = 2**62
_SOME = 10  # times the limit: what a known place may, what one peer or one account bears in all
_ALLOWANCE = 3  # tries that a new place always has, so that nobody can lock an owner out
ALUMNI, APP = "alumni", "app"
DEVICE = "browser "  # before its name, where failures are counted
OUTSIDE_SECONDS = 60  # a password changed in the directory is known here within this time (S12)
WRONG = "the user name or the password is wrong"


class _Memory:
    """The proofs of log-ins that succeeded; nothing in it tells a password."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._proofs: OrderedDict[bytes, int] = OrderedDict()
        self._lock = threading.Lock()

    def _mark(self, words: str) -> bytes:
        return hmac.digest(self._key, words.encode("utf-8", "surrogatepass"), hashlib.sha256)

    def proof(self, credential: Credential, password: str) -> bytes:
        return self._mark(f"{credential.id}\0{credential.generation}\0{credential.hash}\0{passwords.opaque(password)}")

    def outside(self, source: str, account: Account, password: str) -> bytes:
        return self._mark(f"{source}\0{account.id}\0{account.person}\0{password}")

    def tag(self, name: str, password: str) -> str:
        """Tells the same wrong password from another one, for an hour, in this process."""
        return self._mark(f"{name}\0{passwords.opaque(password)}")[:4].hex()

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


def authenticate(
    core: Core, username: str, password: str, *, peer: str, scope: Scope, agent: str = "", device: str = ""
) -> Identity:  # fmt: skip
    """Check user name and password; blocking.

    Args:
        peer: IP address, for counting failures and for the owner's list of log-ins.
        scope: what the log-in is for.
        agent: the browser, as it names itself.
        device: what `device_mark` gave a browser in which the owner has logged in before.

    Raises:
        WrongPassword: unknown user, wrong password, closed account: same text, same time.
        TemporarilyUnavailable: another password database did not answer; it counts as no failure.
        TooMany: too many failures within an hour (`_check_rate`).
    """
    name = local_name(core, username) or ""
    found = core.db.read(lambda tx: store.holder(tx, name)) if name else None
    place = _place(core, found, peer, device)
    by_app = _by_app(found, password, scope)
    if by_app is None:  # an app password cannot be guessed, so nobody else's guesses keep it out
        core.db.read(lambda tx: _check_rate(core, tx, found, name, peer, place))
    if 0 < len(password) <= passwords.MAX_LENGTH and (identity := by_app or _matching(core, found, password, scope)):
        if found is not None and found.two_factor and scope is not Scope.PORTAL and identity.source != APP:
            logins.note(core, identity, scope, peer, agent, outcome="app password needed")
        elif identity.ended and scope is not Scope.PORTAL:
            logins.note(core, identity, scope, peer, agent, outcome="ended")
        elif scope is not Scope.PORTAL and _has_returned(core, identity):
            logins.note(core, identity, scope, peer, agent, outcome="not confirmed")
        else:
            logins.note(core, identity, scope, peer, agent)
            return identity
    raise failed(core, name, peer, tag=_memory.tag(name, password), place=place)


def known(core: Core, username: str, password: str, *, peer: str, scope: Scope, agent: str = "") -> Identity | None:
    """The same as `authenticate`, if this very log-in succeeded here lately; None if that has to be found out.

    It waits for nothing but a few rows found by key, so a mail program that comes every minute costs no thread.
    """
    name = local_name(core, username) or ""
    found = core.db.read(lambda tx: _look(core, tx, name, peer))
    if found is None or found.password is None or not 0 < len(password) <= passwords.MAX_LENGTH:
        return None
    if (found.two_factor and scope is not Scope.PORTAL) or not _memory.knows(_memory.proof(found.password, password)):
        return None
    identity = Identity(found.account, ALUMNI, None, found.epoch)
    logins.note(core, identity, scope, peer, agent)
    return identity


def usable(core: Core, name: str, *, peer: str, scope: Scope) -> list[Credential]:
    """What may open an account for this, for mechanisms that prove a password without telling it.  Raises TooMany."""
    found = core.db.read(lambda tx: _look(core, tx, name, peer))
    if found is None:
        return []
    main = [] if found.password is None or (found.two_factor and scope is not Scope.PORTAL) else [found.password]
    return main + [app for app in found.apps if scope in app.scopes]


def succeeded(core: Core, name: str, credential: Credential, *, peer: str, scope: Scope, agent: str = "") -> Identity:
    """A log-in that was proved by other means than the password itself.

    Raises:
        WrongPassword: the account is gone, or the password was changed or withdrawn meanwhile.
    """
    found = core.db.read(lambda tx: store.holder(tx, name))
    present = {(c.id, c.generation) for c in (found.password, *found.apps) if c} if found else set()
    if found is None or (credential.id, credential.generation) not in present:
        raise WrongPassword(WRONG)
    app = credential.kind == APP
    identity = Identity(found.account, APP if app else ALUMNI, credential.id if app else None, found.epoch)
    logins.note(core, identity, scope, peer, agent)
    return identity


def failed(core: Core, name: str, peer: str, *, tag: str = "", place: str = "") -> WrongPassword:
    """Count a failure and return what to raise.  `tag` tells the same mistake from another; `place`: where it is counted."""
    if _is_counted(core, peer):
        now = core.clock.seconds()

        def store_it(tx: Tx) -> None:
            counted = _counted_for(store.holder(tx, name), name)
            store.add_failure(tx, counted, place or place_of(peer), now, tag, now - _HOUR)

        core.db.write(store_it)
    return WrongPassword(WRONG)


def still_stands(core: Core, tx: Tx, identity: Identity) -> bool:
    """May a connection that was opened so go on?  Not after a change of password, closing, or a withdrawn app password.

    Whether another database still knows the person is asked by services/affiliations.py.
    """
    if store.epoch(tx, identity.account.id) != identity.epoch:
        return False
    return identity.credential is None or store.has(tx, identity.credential)


def _has_returned(core: Core, identity: Identity) -> bool:
    """A directory account that came back after long opens mail once its owner has confirmed it in the portal (S13)."""
    person = identity.account.person
    if identity.source in (ALUMNI, APP) or not person:
        return False
    found = core.db.read(lambda tx: affiliations.of(tx, person))
    return found is not None and found.returned


def _is_counted(core: Core, peer: str) -> bool:
    return bool(peer) and not core.config.limits.is_trusted(peer)


def _look(core: Core, tx: Tx, name: str, peer: str) -> Holder | None:
    """Raises TooMany."""
    found = store.holder(tx, name) if name else None
    _check_rate(core, tx, found, name, peer, place_of(peer))
    return found


def device_mark(core: Core, account: AccountId) -> str:
    """For a browser in which the owner has just logged in: its failures are counted for itself, whoever shares its address."""
    name = secrets.token_urlsafe(12)
    return f"{name}.{_device_proof(core, account, name)}"


def _device_proof(core: Core, account: AccountId, name: str) -> str:
    return keys.mark(core.config, "device", f"{account}\0{name}").hex()[:32]


def _place(core: Core, found: Holder | None, peer: str, device: str) -> str:
    """Where a failure is counted: the peer's address, or a browser of the owner's own."""
    name, _, proof = device.partition(".")
    if found is not None and name and len(name) <= 32:
        good = _device_proof(core, found.account.id, name)
        if hmac.compare_digest(proof.encode("utf-8", "replace"), good.encode()):
            return f"{DEVICE}{name}"
    return place_of(peer)


def _counted_for(found: Holder | None, name: str) -> AccountId:
    """Names that are nobody's are counted each for itself, as accounts are, so that the count does not tell them apart."""
    if found is not None:
        return found.account.id
    return AccountId(-int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:6]) - 1)


def _check_rate(core: Core, tx: Tx, found: Holder | None, name: str, peer: str, place: str) -> None:
    """Strangers are slowed; a place from which the owner logged in lately has room, and a new one has a few tries.

    Raises:
        TooMany: wait an hour.
    """
    if not _is_counted(core, peer):
        return
    now, limit = core.clock.seconds(), core.config.limits.login_failures_per_hour
    seen = store.failures(tx, _counted_for(found, name), place, now - _HOUR, now - _KNOWN_SECONDS)
    if place.startswith(DEVICE):
        slow = seen.here >= limit
    elif seen.known:
        slow = seen.here >= limit * _SOME
    else:
        attacked = seen.account >= limit * _SOME and seen.here >= _ALLOWANCE
        slow = seen.here >= limit or seen.peer >= limit * _SOME or attacked
    if slow:
        raise TooMany("too many failed log-ins; try again in an hour")


def _by_app(found: Holder | None, password: str, scope: Scope) -> Identity | None:
    if found and scope is not Scope.PORTAL:
        for app in found.apps:
            if scope in app.scopes and app_passwords.matches(app.hash, password):
                return Identity(found.account, APP, app.id, found.epoch)
    return None


def _matching(core: Core, found: Holder | None, password: str, scope: Scope) -> Identity | None:
    """By which password the account opens: our own, then other databases.

    Raises:
        TemporarilyUnavailable: ours said no, no other said yes, and one did not answer.
    """
    if found and found.password:
        if _is_right(core, found.account, found.password, password):
            return Identity(found.account, ALUMNI, None, found.epoch)
    else:
        passwords.matches(_DUMMY, password)  # the same time for unknown user names
    silent = None
    for source in sources.sources(core):
        try:
            proof = _ask(core, source, found.account if found else None, password)
        except TemporarilyUnavailable as problem:
            silent = problem
            continue
        if found and proof is not Proof.NO:
            return Identity(found.account, source.name, None, found.epoch, ended=proof is Proof.ENDED)
    if silent is not None:
        raise silent
    return None


def _ask(core: Core, source: sources.PasswordSource, account: Account | None, password: str) -> Proof:
    """Ask another database; a yes is remembered for a minute.  A name that is not ours takes the same time."""
    if account is None:
        source.waste(password)
        return Proof.NO
    memory = _memory.outside(source.name, account, password)
    if _memory.knows(memory, core.clock.seconds()):
        return Proof.YES
    proof = source.check(account, password)
    if proof is Proof.YES:
        log.info("log-in of account %d by %s", account.id, source.name)
        _memory.add(memory, core.clock.seconds() + OUTSIDE_SECONDS)
    return proof


def _is_right(core: Core, account: Account, credential: Credential, password: str) -> bool:
    proof = _memory.proof(credential, password)
    if _memory.knows(proof):
        return True
    if not passwords.matches(credential.hash, password):
        return False
    # those that are remembered are not told: mail clients come every minute
    log.info("log-in of account %d by %s", credential.account, ALUMNI)
    with contextlib.suppress(Busy):  # a full disk keeps nobody out, who may come to make room
        if passwords.needs_rehash(credential.hash):
            better = passwords.hash_password(password)
            core.db.write(lambda tx: store.replace_hash(tx, credential, better))
        else:
            scram.remember(core, account, credential, password)
            _memory.add(proof)
    return True
