"""DKIM keys and signatures (RFC 6376, Ed25519 by RFC 8463)."""

import base64
import contextlib
import os
from functools import lru_cache
from pathlib import Path

import dkim
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from mailcore.config import Config
from mailcore.log import log_for
from mailcore.mail import header
from mailcore.mail.body_hash import body_hash
from mailcore.mail.octets import Octets
from mailcore.services import dkim_rsa

log = log_for(__name__)
dkim_rsa.install()

SELECTORS = {"rsa1": b"rsa-sha256", "ed1": b"ed25519-sha256"}
_SIGNED = [
    b"From", b"Subject",  # once more than they stand there, so that nobody adds one
    b"From", b"To", b"Cc", b"Subject", b"Date", b"Message-ID", b"Reply-To", b"In-Reply-To", b"References",
    b"MIME-Version", b"Content-Type", b"Content-Transfer-Encoding",
]  # fmt: skip


def _path(config: Config, selector: str) -> Path:
    return config.data_path / "dkim" / f"{selector}.pem"


def ensure_keys(config: Config) -> None:
    """Make the keys that are missing, readable by us alone."""
    for selector in SELECTORS:
        path = _path(config, selector)
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if selector.startswith("rsa"):
            octets = rsa.generate_private_key(65537, 2048).private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
            )
        else:
            raw = ed25519.Ed25519PrivateKey.generate().private_bytes_raw()
            octets = base64.b64encode(raw) + b"\n"
        _write_once(path, octets)


def _write_once(path: Path, octets: bytes) -> None:
    """Whole or not at all; of two processes that start together the first one's key stands."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(octets)
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        os.link(new, path)
    new.unlink()


@lru_cache(maxsize=8)
def _key(path: Path, changed: float) -> bytes:
    return path.read_bytes().strip()


def sign(config: Config, octets: Octets) -> bytes:
    """The DKIM-Signature fields to put before the message; empty where there are no keys, or the header is malformed."""
    fields = b""
    block, body = header.split(octets)
    digest = base64.b64encode(body_hash(octets, body, relaxed=True))
    for selector, algorithm in SELECTORS.items():
        path = _path(config, selector)
        if not path.exists():
            continue
        try:
            signer = _Signer(block, digest, algorithm)
            fields += signer.sign(
                selector.encode(), config.domain.encode(), _key(path, path.stat().st_mtime),
                canonicalize=(b"relaxed", b"relaxed"), signature_algorithm=algorithm, include_headers=_SIGNED,
            )  # fmt: skip
        except dkim.DKIMException as problem:
            log.info("a message goes unsigned: %s", type(problem).__name__)
            return b""
    return fields


class _Signer(dkim.DKIM):  # type: ignore[misc]  # dkimpy has no types
    """dkimpy with a body hash that was taken in blocks: it would copy a large body several times."""

    def __init__(self, block: bytes, digest: bytes, algorithm: bytes) -> None:
        super().__init__(block, signature_algorithm=algorithm)
        self._digest = digest

    def gen_header(self, fields: list[tuple[bytes, bytes]], *args: object, **named: object) -> bytes:
        known = [(name, self._digest if name == b"bh" else value) for name, value in fields]
        made: bytes = super().gen_header(known, *args, **named)
        return made


def seal(config: Config, octets: bytes) -> bytes:
    """The ARC set to put before a forwarded message (RFC 8617); empty where it cannot be sealed."""
    path = _path(config, "rsa1")
    if not path.exists():
        return b""
    try:
        fields = dkim.arc_sign(
            octets, b"rsa1", config.domain.encode(), _key(path, path.stat().st_mtime), config.host.encode(),
            include_headers=[name for name in dict.fromkeys(_SIGNED) if name != b"From"] + [b"From"],
        )
    except Exception as problem:  # the library reads strangers' chains; a seal is a courtesy
        log.info("a message goes unsealed: %s", type(problem).__name__)
        return b""
    return b"".join(fields)


def dns_records(config: Config) -> dict[str, str]:
    """Name and text of the TXT records that publish the keys."""
    records = {}
    for selector in SELECTORS:
        path = _path(config, selector)
        if not path.exists():
            continue
        if selector.startswith("rsa"):
            key = serialization.load_pem_private_key(path.read_bytes(), None)
            public = key.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            kind = "rsa"
        else:
            raw = base64.b64decode(path.read_bytes())
            public = ed25519.Ed25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw()
            kind = "ed25519"
        text = f"v=DKIM1; k={kind}; p={base64.b64encode(public).decode()}"
        records[f"{selector}._domainkey.{config.domain}"] = text
    return records
