"""The key of a cluster: a file of 32 octets that each node has a copy of, and which seals what nodes share in the database."""

import hashlib
import hmac
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mailcore.errors import ConfigError

OCTETS = 32
_NONCE = 12


def load_cluster_key(path: str) -> bytes:
    """Load the key of `cluster.key`.

    Raises:
        ConfigError: it cannot be read, or is no key.
    """
    try:
        key = Path(path).read_bytes()
    except OSError as problem:
        raise ConfigError(
            f"cluster.key: {path} cannot be read: {problem.strerror}; the first node's is made by"
            f" `head -c {OCTETS} /dev/urandom`, others have a copy"
        ) from None
    if len(key) != OCTETS:
        raise ConfigError(f"cluster.key: {path} has {len(key)} octets, not {OCTETS}")
    return key


def derive_key(path: str, name: str) -> bytes:
    """Derive the key of a name, the same on each node."""
    return hmac.digest(load_cluster_key(path), f"alumnimail {name}".encode(), hashlib.sha256)


def seal(key: bytes, octets: bytes, name: str) -> str:
    """Encrypt (AES-256-GCM); `name` must be the same when it is opened."""
    nonce = secrets.token_bytes(_NONCE)
    return (nonce + AESGCM(key).encrypt(nonce, octets, name.encode())).hex()


def unseal(key: bytes, sealed: str, name: str) -> bytes | None:
    """Open a sealed value; None when it was sealed by another key, or for another name."""
    try:
        octets = bytes.fromhex(sealed)
        return AESGCM(key).decrypt(octets[:_NONCE], octets[_NONCE:], name.encode())
    except (ValueError, InvalidTag):
        return None
