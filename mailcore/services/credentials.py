"""Passwords as people choose them, and the one-time links that set them."""

import hashlib
import secrets

from mailcore.core import Core
from mailcore.domain import Account, AccountId, Scope
from mailcore.errors import LinkExpired, WeakPassword
from mailcore.services import audit, login, scram
from mailcore.services.passwords import MAX_LENGTH, hash_password, is_hash, opaque
from mailcore.store.db import Tx
from mailcore.store.people import Token

MIN_LENGTH = 12
RESET_SECONDS = 30 * 60
FIRST_SECONDS = 14 * 86_400

_COMMON = frozenset(
    {
        "password123", "password1234", "passwordpassword", "123456789012", "1234567890123", "qwertyuiop12",
        "qwertyuiopas", "passord12345", "passordpassord", "alumnimail123", "iloveyou1234", "administrator",
    }
)  # fmt: skip


def check_strength(password: str, account: Account) -> None:
    """Length counts, composition does not.  Raises WeakPassword."""
    password = opaque(password)
    if len(password) < MIN_LENGTH:
        raise WeakPassword(f"the password is too short; use at least {MIN_LENGTH} characters, a sentence for example")
    if len(password) > MAX_LENGTH:
        raise WeakPassword(f"the password is too long; use at most {MAX_LENGTH} characters")
    lowered = password.lower()
    if lowered in _COMMON or len(set(lowered)) < 4 or lowered.replace(account.name, "", 1).strip("0123456789!.@_- ") == "":
        raise WeakPassword("the password is too common; others would guess it")


def set_password(core: Core, account: AccountId, new: str) -> None:
    """The person's choice; all links that were sent are void from now on.  Raises WeakPassword."""
    check_strength(new, core.db.read(lambda tx: core.people.account(tx, account)))
    hashed = hash_password(new)
    core.db.write(lambda tx: _store(core, tx, account, hashed))
    scram.remember_of(core, account, new)


def set_password_as_is(core: Core, account: AccountId, password: str) -> None:
    """Staff's word or an import: no policy."""
    hashed = password if is_hash(password) else hash_password(password)
    core.db.write(lambda tx: _store(core, tx, account, hashed))


def _store(core: Core, tx: Tx, account: AccountId, hashed: str, event: str = "password set") -> None:
    core.people.set_password(tx, account, hashed, core.clock.seconds())
    core.people.drop_tokens(tx, account, "password")
    audit.note(core, tx, account, event)


def change_password(core: Core, account: AccountId, current: str, new: str, *, peer: str = "") -> None:
    """Raises WrongPassword, WeakPassword, TooMany."""
    owner = core.db.read(lambda tx: core.people.account(tx, account))
    login.authenticate(core, owner.name, current, peer=peer, scope=Scope.PORTAL)
    set_password(core, account, new)


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def make_link(core: Core, tx: Tx, account: AccountId, seconds: int) -> str:
    """A URL that sets the password once; older links are void."""
    token = secrets.token_urlsafe(24)
    core.people.add_token(tx, _hashed(token), account, "password", "", core.clock.seconds() + seconds)
    return f"{core.config.url}/password/link/{token}"


def _live(core: Core, tx: Tx, token: str) -> Token:
    found = core.people.token(tx, _hashed(token))
    if found is None or found.used or found.purpose != "password" or found.expires_at <= core.clock.seconds():
        raise LinkExpired("the link is used, too old or unknown; ask for a new one")
    return found


def link_account(core: Core, token: str) -> Account:
    """Whose link it is, without spending it (previewers fetch links).  Raises LinkExpired."""
    return core.db.read(lambda tx: core.people.account(tx, _live(core, tx, token).account))


def redeem_link(core: Core, token: str, new: str) -> Account:
    """Spend the link and set the password.  Raises LinkExpired, WeakPassword (the link stays good)."""
    account = link_account(core, token)
    check_strength(new, account)
    hashed = hash_password(new)

    def store(tx: Tx) -> Account:
        found = _live(core, tx, token)
        if not core.people.spend_token(tx, found.id, core.clock.seconds()):
            raise LinkExpired("the link is used")
        _store(core, tx, found.account, hashed, "password set by link")
        return core.people.account(tx, found.account)

    changed = core.db.write(store)
    scram.remember_of(core, changed.id, new)
    return changed
