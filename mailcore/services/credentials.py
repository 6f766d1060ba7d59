"""Passwords and the one-time links that set them.

Hashes are Argon2id (RFC 9106); older salted hashes come in by import and are replaced at the next log-in.
Passwords are compared as OpaqueString (RFC 8265 section 4.2), the same on every protocol.
"""

import base64
import hashlib
import hmac
import secrets
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from mailcore.core import Core
from mailcore.domain import Account, AccountId, Scope
from mailcore.errors import LinkExpired, WeakPassword
from mailcore.services import audit
from mailcore.store.db import Tx
from mailcore.store.people import Token

MIN_LENGTH = 12
MAX_LENGTH = 1024  # more is not a password but an attempt to keep us busy
RESET_SECONDS = 30 * 60
FIRST_SECONDS = 14 * 86_400

# OWASP's second choice: 19 MiB, 2 rounds; about 20 ms, so that a thousand accounts are imported in seconds.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_OLD_SCHEMES = {"{SHA}": "sha1", "{SSHA}": "sha1", "{SHA256}": "sha256", "{SSHA256}": "sha256",
                "{SHA512}": "sha512", "{SSHA512}": "sha512"}  # fmt: skip
_COMMON = frozenset(
    {
        "password123", "password1234", "passwordpassword", "123456789012", "1234567890123", "qwertyuiop12",
        "qwertyuiopas", "passord12345", "passordpassord", "alumnimail123", "iloveyou1234", "administrator",
    }
)  # fmt: skip


def opaque(password: str) -> str:
    """RFC 8265 section 4.2.1: other spaces become U+0020, then NFC; nothing else changes."""
    spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in password)
    return unicodedata.normalize("NFC", spaced)


def hash_password(password: str) -> str:
    return _HASHER.hash(opaque(password))


def is_hash(text: str) -> bool:
    """Can this be taken as it is for a hash of a password?"""
    return text.startswith(("$argon2", *_OLD_SCHEMES))


def matches(hashed: str, password: str) -> bool:
    """Costs one Argon2 run for hashes of ours."""
    password = opaque(password)
    scheme, brace, rest = hashed.partition("}")
    if brace and scheme + "}" in _OLD_SCHEMES:
        return _matches_old(_OLD_SCHEMES[scheme + "}"], rest, password)
    try:
        return _HASHER.verify(hashed, password)
    except (Argon2Error, InvalidHashError):
        return False


def _matches_old(algorithm: str, encoded: str, password: str) -> bool:
    try:
        octets = base64.b64decode(encoded, validate=True)
    except ValueError:
        return False
    length = hashlib.new(algorithm).digest_size
    digest, salt = octets[:length], octets[length:]
    return hmac.compare_digest(hashlib.new(algorithm, password.encode() + salt).digest(), digest)


def needs_rehash(hashed: str) -> bool:
    return not hashed.startswith("$argon2") or _HASHER.check_needs_rehash(hashed)


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
    from mailcore.services import login  # it needs our hashes

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

    return core.db.write(store)
