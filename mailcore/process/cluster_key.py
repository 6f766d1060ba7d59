"""The key of a cluster: a file of 32 octets that each node has a copy of, and which seals what nodes share in the database."""

import hashlib
import hmac
from pathlib import Path

from mailcore.errors import ConfigError

OCTETS = 32


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
