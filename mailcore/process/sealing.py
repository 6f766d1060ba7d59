"""Octets under a key of ours (AES-256-GCM), as a text that a database may keep."""

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12


def seal(key: bytes, octets: bytes, name: str) -> str:
    """Encrypt; `name` must be the same when it is opened."""
    nonce = secrets.token_bytes(_NONCE)
    return (nonce + AESGCM(key).encrypt(nonce, octets, name.encode())).hex()


def unseal(key: bytes, sealed: str, name: str) -> bytes | None:
    """Open a sealed value; None when it was sealed by another key, or for another name."""
    try:
        octets = bytes.fromhex(sealed)
        return AESGCM(key).decrypt(octets[:_NONCE], octets[_NONCE:], name.encode())
    except (ValueError, InvalidTag):
        return None
