"""Keys of this installation that stand beside the database, not in it: a copy of the database alone must not help.

Each is 32 octets in `data/keys/NAME`, readable by us alone, made when first asked for: by chance, or in a cluster from its key,
so that every node makes the same one.  A backup without them loses what they seal: SCRAM verifiers and second factors.
"""

import hashlib
import hmac
import secrets
from functools import lru_cache
from pathlib import Path

from mailcore.config import Config
from mailcore.errors import Busy
from mailcore.process import sealing
from mailcore.process.cluster_key import derive_key
from mailcore.process.durable import create_file

# All of them: processes that may not make any find them made (cli/confinement.py); a test looks for others.
NAMES = (
    "account-import", "correspondent", "device", "identity", "imports", "newsletter", "passkey", "passkey challenge", "push",
    "recovery", "scram", "second-factor", "sunset", "tombstone", "tries", "webauthn", "webhook",
)  # fmt: skip


def ensure_keys(config: Config) -> None:
    """Make the keys that are missing.  Raises Busy."""
    for name in NAMES:
        load_key(config, name)


def load_key(config: Config, name: str) -> bytes:
    """Load a key, creating it when first asked for.  Raises Busy where it cannot be created or read."""
    return _read(config.data_path / "keys" / name, config.cluster.key)


@lru_cache(maxsize=16)
def _read(path: Path, cluster_key: str) -> bytes:
    try:
        if not path.exists():
            create_file(path, derive_key(cluster_key, path.name) if cluster_key else secrets.token_bytes(32))
        return path.read_bytes()
    except OSError as problem:
        raise Busy(f"the key {path.name} cannot be read or made") from problem


def compute_hmac(config: Config, name: str, text: str) -> bytes:
    """Compute an HMAC of the text, 32 octets that stand for it and disclose nothing of it."""
    return hmac.digest(load_key(config, name), text.encode("utf-8", "surrogatepass"), hashlib.sha256)


def seal(config: Config, name: str, octets: bytes, owner: str) -> str:
    """Encrypt (AES-256-GCM); `owner` must be the same when it is opened."""
    return sealing.seal(load_key(config, name), octets, owner)


def unseal(config: Config, name: str, sealed: str, owner: str) -> bytes | None:
    """Open a sealed value; None when it was sealed by another key, or for another owner."""
    return sealing.unseal(load_key(config, name), sealed, owner)
