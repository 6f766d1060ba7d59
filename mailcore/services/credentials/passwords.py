"""Hashes of passwords: Argon2id (RFC 9106); older salted hashes come in by import and are replaced at the next log-in.

Passwords are compared as OpaqueString (RFC 8265 section 4.2), the same on every protocol.
"""

import base64
import ctypes
import hashlib
import hmac
import re
import unicodedata
from functools import lru_cache

import precis_i18n
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from mailcore.process.gentle import run_gently

MAX_LENGTH = 1024  # more is not a password but an attempt to keep us busy

# OWASP's second choice: 19 MiB, 2 rounds; about 20 ms, so that a thousand accounts are imported in seconds.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_OLD_SCHEMES = {
    "{SHA}": "sha1",
    "{SSHA}": "sha1",
    "{SHA256}": "sha256",
    "{SSHA256}": "sha256",
    "{SHA512}": "sha512",
    "{SSHA512}": "sha512",
}
# crypt(5), perhaps with Dovecot's name for it
_CRYPT = re.compile(r"(?:\{(?:[A-Z0-9]+-)?CRYPT\})?(\$(?:1|2[abxy]|5|6|7|y|gy)\$.+)")
_SCHEME = re.compile(r"\{[A-Z0-9][A-Z0-9.-]*\}")
_CRYPT_DATA = 32_768  # octets of crypt(3)'s struct crypt_data
_OPAQUE = precis_i18n.get_profile("OpaqueString")


def prepare_password(password: str) -> str:
    """Prepare a password (RFC 8265 section 4.2): other spaces become U+0020, then NFC; case and width stay.

    What the profile forbids (control characters, code points without a meaning) is left as it was typed: it was never
    allowed in a password that somebody chose (`is_allowed`), so it can only fail to match.
    """
    if password.isascii():
        return password
    spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in password)
    return unicodedata.normalize("NFC", spaced)


def is_allowed(password: str) -> bool:
    """Say if this may be chosen (RFC 8265 section 4.2.2)."""
    try:
        return bool(_OPAQUE.enforce(password) == prepare_password(password))
    except UnicodeError:
        return False


def hash_password(password: str) -> str:
    """Hash a password by Argon2id, when it is its turn."""
    return run_gently(_HASHER.hash, prepare_password(password))


def hash_here(password: str) -> str:
    """Hash a password in this thread: when modules are imported no other may run yet (process/landlock.py)."""
    return _HASHER.hash(prepare_password(password))


def is_hash(text: str) -> bool:
    """Say if this can be taken as it is for a hash of a password."""
    return _strip_scheme(text).startswith(("$argon2", *_OLD_SCHEMES)) or _CRYPT.fullmatch(text) is not None


def find_unknown_scheme(text: str) -> str:
    """Return the scheme, such as {PBKDF2}, of a hash that we cannot read; "" for anything else."""
    match = _SCHEME.match(text)
    return match[0] if match and not is_hash(text) else ""


def matches(hashed: str, password: str) -> bool:
    """Say if this is the password of that hash; costs one Argon2 run for hashes of ours, and the wait for its turn."""
    return run_gently(_matches, hashed, password)


def _matches(hashed: str, password: str) -> bool:
    password, hashed = prepare_password(password), _strip_scheme(hashed)
    if old := _CRYPT.fullmatch(hashed):
        return _matches_crypt(old[1].encode(), password.encode())
    scheme, brace, rest = hashed.partition("}")
    if brace and scheme + "}" in _OLD_SCHEMES:
        return _matches_old(_OLD_SCHEMES[scheme + "}"], rest, password)
    try:
        return _HASHER.verify(hashed, password)
    except (Argon2Error, InvalidHashError):
        return False


def _strip_scheme(text: str) -> str:
    """Remove the scheme that Dovecot writes before an Argon2 hash."""
    scheme, brace, rest = text.partition("}")
    return rest if brace and scheme.startswith("{ARGON2") else text


@lru_cache(maxsize=1)
def _load_libcrypt() -> ctypes.CDLL:
    """Load the system's libcrypt, which reads what /etc/shadow and Dovecot have had for thirty years."""
    library = ctypes.CDLL("libcrypt.so.1")
    library.crypt_r.restype = ctypes.c_char_p
    return library


def _matches_crypt(hashed: bytes, password: bytes) -> bool:
    computed = (
        _load_libcrypt().crypt_r(password, hashed, ctypes.create_string_buffer(_CRYPT_DATA))
        if b"\0" not in password
        else None
    )
    return computed is not None and not computed.startswith(b"*") and hmac.compare_digest(computed, hashed)


def _matches_old(algorithm: str, encoded: str, password: str) -> bool:
    try:
        octets = base64.b64decode(encoded, validate=True)
    except ValueError:
        return False
    length = hashlib.new(algorithm).digest_size
    digest, salt = octets[:length], octets[length:]
    return hmac.compare_digest(hashlib.new(algorithm, password.encode() + salt).digest(), digest)


def needs_rehash(hashed: str) -> bool:
    """Say if the hash is of an older kind or weaker settings than today's."""
    return not hashed.startswith("$argon2") or _HASHER.check_needs_rehash(hashed)
