"""Log-in: the one place where the user name and password of every protocol are verified.

Our own database is asked first, then the others (services/credentials/sources.py).  An account with a second factor
opens for mail programs by app passwords only; the portal asks for the second factor itself.

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
from dataclasses import replace

from mailcore.core import Core
from mailcore.domain import Account, Identity, Scope
from mailcore.errors import Busy, ProofNeeded, TemporarilyUnavailable, WrongPassword
from mailcore.log import log_for
from mailcore.saying import Saying
from mailcore.services import audit
from mailcore.services.audit import Event
from mailcore.services.credentials import (
    app_passwords,
    breached,
    login_log,
    passwords,
    scram,
    second_way,
    sources,
    waking,
)
from mailcore.services.credentials.login_log import LoginOutcome
from mailcore.services.credentials.sources import Proof
from mailcore.services.limits import throttle
from mailcore.services.limits.throttle import Lane
from mailcore.services.notices import account_notices
from mailcore.store.engine.db import Tx
from mailcore.store.people import affiliations
from mailcore.store.people import credentials as store
from mailcore.store.people.credentials import Credential, Holder

log = log_for(__name__)
_REMEMBERED = 50_000
_FOREVER = 2**62
ALUMNI, APP = "alumni", "app"
OUTSIDE_SECONDS = 60  # a password changed in the directory is known here within this time (S12)
WRONG = "the user name or the password is wrong"


class _Memory:
    """The proofs of log-ins that succeeded; nothing in it reveals a password."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._proofs: OrderedDict[bytes, int] = OrderedDict()
        self._lock = threading.Lock()

    def _mark(self, words: str) -> bytes:
        return hmac.digest(self._key, words.encode("utf-8", "surrogatepass"), hashlib.sha256)

    def proof(self, credential: Credential, password: str) -> bytes:
        return self._mark(
            f"{credential.id}\0{credential.generation}\0{credential.hash}\0{passwords.prepare_password(password)}"
        )

    def outside(self, source: str, account: Account, password: str) -> bytes:
        return self._mark(f"{source}\0{account.id}\0{account.person}\0{password}")

    def tag(self, name: str, password: str) -> str:
        """Return a tag that differs between wrong passwords, for an hour, in this process."""
        return self._mark(f"{name}\0{passwords.prepare_password(password)}")[:4].hex()

    def contains(self, proof: bytes, now: int = 0) -> bool:
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
_not_breached = _Memory()  # passwords that were looked up in the lists, and are in none
_DUMMY = passwords.hash_here(secrets.token_urlsafe(16))


def to_local_name(core: Core, username: str) -> str | None:
    """Return the name to look for, or None for another domain: `ola@ntnu.example` is not our `ola`.

    At one of the further domains it is the whole address, for it may be somebody else's than the user name.
    """
    name, at, domain = username.strip().lower().partition("@")
    if not at or domain == core.config.domain:
        return name
    return f"{name}@{domain}" if name and domain in core.config.domains else None


def authenticate(
    core: Core,
    username: str,
    password: str,
    *,
    peer: str,
    scope: Scope,
    agent: str = "",
    device: str = "",
    session: str = "",
) -> Identity:
    """Check user name and password; blocking.

    Args:
        peer: IP address, for counting failures and for the owner's list of log-ins.
        scope: what the log-in is for.
        agent: the browser, as it names itself.
        device, session: as in `throttle.find_lane`.

    Raises:
        WrongPassword: unknown user, wrong password, closed account: same text, same time.
        TemporarilyUnavailable: another password database did not answer; it counts as no failure.
        ProofNeeded: in the portal alone, the password is right and not enough.
        TooMany: too many failures within an hour (services/limits/throttle.py).
    """
    name = to_local_name(core, username) or ""
    holder = core.db.read(lambda tx: store.find_holder(tx, name)) if name else None
    lane = throttle.find_lane(core, holder, name, peer=peer, device=device, session=session)
    by_app = _match_app_password(holder, password, scope)
    # an app password cannot be guessed, so nobody else's guesses keep it out
    is_known = by_app is not None or core.db.read(lambda tx: throttle.check_lane(core, tx, lane))
    if 0 < len(password) <= passwords.MAX_LENGTH and (identity := by_app or _match_password(core, holder, password)):
        if by_app is None:
            throttle.confirm_lane(core, lane)
        if holder is not None and holder.two_factor and scope is not Scope.PORTAL and identity.source != APP:
            login_log.record_login(core, identity, scope, peer, agent, outcome=LoginOutcome.APP_PASSWORD_NEEDED)
        elif identity.ended and scope is not Scope.PORTAL:
            login_log.record_login(core, identity, scope, peer, agent, outcome=LoginOutcome.ENDED)
        elif scope is not Scope.PORTAL and _has_returned(core, identity):
            login_log.record_login(core, identity, scope, peer, agent, outcome=LoginOutcome.NOT_CONFIRMED)
        elif identity.account.asleep and scope is not Scope.PORTAL:
            login_log.record_login(core, identity, scope, peer, agent, outcome=LoginOutcome.ASLEEP)
        elif not is_known and (reason := _find_reason(core, identity.account, lane)):
            login_log.record_login(core, identity, scope, peer, agent, outcome=LoginOutcome.PROOF_NEEDED)
            if scope is Scope.PORTAL and not (holder and holder.two_factor):
                raise ProofNeeded(reason)
            if scope is Scope.PORTAL:
                return identity  # the second step comes
        elif identity.account.asleep:
            return _open_sleeping(core, identity, lane, peer, agent, two_factor=bool(holder and holder.two_factor))
        else:
            login_log.record_login(core, identity, scope, peer, agent)
            return identity
    is_new = throttle.record_failure(core, lane, _memory.tag(name, password))
    if is_new and not is_known:
        second_way.count_failure(core, lane, is_listed=breached.is_known(core.config, password))
    raise WrongPassword(WRONG)


def _find_reason(core: Core, account: Account, lane: Lane) -> Saying | None:
    return core.db.read(lambda tx: second_way.find_reason(core, tx, account.id, lane))


def _open_sleeping(core: Core, identity: Identity, lane: Lane, peer: str, agent: str, *, two_factor: bool) -> Identity:
    """Answer a right password of an account that sleeps, in the portal.

    A browser in which the owner has logged in before is a second proof, and so will be the second step.  Mail programs hear what
    they hear of a wrong password, so that a list of stolen ones learns nothing by them.

    Raises:
        ProofNeeded: there is nothing but the password.
    """
    if lane.is_known_device:
        waking.wake_account(core, identity.account.id)
        login_log.record_login(core, identity, Scope.PORTAL, peer, agent)
        return replace(identity, account=replace(identity.account, asleep=False))
    login_log.record_login(core, identity, Scope.PORTAL, peer, agent, outcome=LoginOutcome.ASLEEP)
    if two_factor:
        return identity
    raise ProofNeeded(Saying("Your account sleeps, as nobody had used it for a long time."))


def authenticate_remembered(
    core: Core, username: str, password: str, *, peer: str, scope: Scope, agent: str = ""
) -> Identity | None:
    """Return what `authenticate` would, if this very log-in succeeded here lately; None if it must be checked in full.

    It waits for nothing but a few rows found by key, so a mail program that comes every minute costs no thread.
    """
    name = to_local_name(core, username) or ""
    holder, is_known = core.db.read(lambda tx: _find_holder(core, tx, name, peer))
    if (
        holder is None
        or not is_known
        or holder.account.asleep
        or holder.password is None
        or not 0 < len(password) <= passwords.MAX_LENGTH
    ):
        return None
    if (holder.two_factor and scope is not Scope.PORTAL) or not _memory.contains(
        _memory.proof(holder.password, password)
    ):
        return None
    identity = Identity(holder.account, ALUMNI, None, holder.epoch, breached=holder.password.breached)
    login_log.record_login(core, identity, scope, peer, agent)
    return identity


def list_usable_credentials(core: Core, name: str, *, peer: str, scope: Scope) -> tuple[str, list[Credential]]:
    """List credentials that open an account for `scope`, for mechanisms that send no password, with its user name.

    Raises:
        TooMany.
    """
    holder, is_known = core.db.read(lambda tx: _find_holder(core, tx, name, peer))
    if holder is None or (holder.account.asleep and scope is not Scope.PORTAL):
        return name, []
    main = [] if holder.password is None or (holder.two_factor and scope is not Scope.PORTAL) else [holder.password]
    if main and not is_known:
        lane = throttle.find_lane(core, holder, name, peer=peer)
        if _find_reason(core, holder.account, lane):
            main = []
    return holder.account.name, main + [app for app in holder.apps if scope in app.scopes]


def record_success(
    core: Core, name: str, credential: Credential, *, peer: str, scope: Scope, agent: str = ""
) -> Identity:
    """Record a log-in that was proved by other means than the password itself.

    Raises:
        WrongPassword: the account is closed, or the password was changed or withdrawn meanwhile.
        TooMany: too many were tried meanwhile.
    """
    holder = core.db.read(lambda tx: store.find_holder(tx, name))
    present = {(c.id, c.generation) for c in (holder.password, *holder.apps) if c} if holder else set()
    if holder is None or holder.account.asleep or (credential.id, credential.generation) not in present:
        raise WrongPassword(WRONG)
    app = credential.kind == APP
    if not app:
        throttle.confirm_lane(core, throttle.find_lane(core, holder, name, peer=peer))
    identity = Identity(holder.account, APP if app else ALUMNI, credential.id if app else None, holder.epoch)
    login_log.record_login(core, identity, scope, peer, agent)
    return identity


def record_failure(core: Core, name: str, peer: str, *, device: str = "") -> WrongPassword:
    """Count a failure of other means than a password and return what to raise.  Raises TooMany."""
    holder = core.db.read(lambda tx: store.find_holder(tx, name)) if name else None
    throttle.record_failure(core, throttle.find_lane(core, holder, name, peer=peer, device=device))
    return WrongPassword(WRONG)


def is_still_valid(tx: Tx, identity: Identity) -> bool:
    """Say if a connection may go on: not after a change of password, closing, or a withdrawn app password.

    Whether another database still knows the person is asked by services/accounts/affiliations.py.
    """
    if store.get_epoch(tx, identity.account.id) != identity.epoch:
        return False
    return identity.credential is None or store.has_credential(tx, identity.credential)


def _has_returned(core: Core, identity: Identity) -> bool:
    """Say if a directory account came back after long and its owner has not confirmed it in the portal yet (S13)."""
    person = identity.account.person
    if identity.source in (ALUMNI, APP) or not person:
        return False
    affiliation = core.db.read(lambda tx: affiliations.find_affiliation(tx, person))
    return affiliation is not None and affiliation.returned


def _find_holder(core: Core, tx: Tx, name: str, peer: str) -> tuple[Holder | None, bool]:
    """Find the account of a name, if it may be tried from here, and say if its owner has been here.  Raises TooMany."""
    holder = store.find_holder(tx, name) if name else None
    return holder, throttle.check_lane(core, tx, throttle.find_lane(core, holder, name, peer=peer))


def _match_app_password(holder: Holder | None, password: str, scope: Scope) -> Identity | None:
    if holder and scope is not Scope.PORTAL:
        for app in holder.apps:
            if scope in app.scopes and app_passwords.matches(app.hash, password):
                return Identity(holder.account, APP, app.id, holder.epoch)
    return None


def _match_password(core: Core, holder: Holder | None, password: str) -> Identity | None:
    """Find the password by which the account opens: our own, then other databases.

    Raises:
        TemporarilyUnavailable: ours said no, no other said yes, and one did not answer.
    """
    if holder and holder.password:
        if _is_right(core, holder.account, holder.password, password):
            is_breached = _note_breached(core, holder.account, holder.password, password)
            return Identity(holder.account, ALUMNI, None, holder.epoch, breached=is_breached)
    else:
        passwords.matches(_DUMMY, password)  # the same time for unknown user names
    outage = None
    for source in sources.list_sources(core):
        try:
            proof = _ask_source(core, source, holder.account if holder else None, password)
        except TemporarilyUnavailable as problem:
            outage = problem
            continue
        if holder and proof is not Proof.NO:
            return Identity(holder.account, source.name, None, holder.epoch, ended=proof is Proof.ENDED)
    if outage is not None:
        raise outage
    return None


def _note_breached(core: Core, account: Account, credential: Credential, password: str) -> bool:
    """Say if the password is one that others try; its owner is told the first time, by a notice."""
    if credential.breached:
        return True
    proof = _memory.proof(credential, password)
    if _not_breached.contains(proof):
        return False
    if not breached.is_known(core.config, password):
        _not_breached.add(proof)
        return False

    def write(tx: Tx) -> None:
        if store.mark_breached(tx, credential):
            audit.note(core, tx, account.id, Event.PASSWORD_BREACHED)
            account_notices.notify_owner(core, tx, account, "password_breached")

    with contextlib.suppress(Busy):  # a full disk keeps nobody out
        core.db.write(write)
    return True


def _ask_source(core: Core, source: sources.PasswordSource, account: Account | None, password: str) -> Proof:
    """Ask another database; a yes is remembered for a minute.  A name that is not ours takes the same time."""
    if account is None:
        source.imitate_check(password)
        return Proof.NO
    memory = _memory.outside(source.name, account, password)
    if _memory.contains(memory, core.clock.seconds()):
        return Proof.YES
    proof = source.check(account, password)
    if proof is Proof.YES:
        log.info("log-in of account %d by %s", account.id, source.name)
        _memory.add(memory, core.clock.seconds() + OUTSIDE_SECONDS)
    return proof


def _is_right(core: Core, account: Account, credential: Credential, password: str) -> bool:
    proof = _memory.proof(credential, password)
    if _memory.contains(proof):
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
            scram.save_verifier(core, account, credential, password)
            _memory.add(proof)
    return True
