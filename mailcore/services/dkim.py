"""DKIM signatures and ARC seals (RFC 6376, Ed25519 by RFC 8463, RFC 8617); keys: dkim_keys.py."""

import base64

import dkim

from mailcore.config import Config
from mailcore.log import log_for
from mailcore.mail import header
from mailcore.mail.body_hash import body_hash
from mailcore.mail.octets import Octets
from mailcore.services import dkim_keys, dkim_rsa

log = log_for(__name__)
dkim_rsa.install()

_SIGNED = [
    b"From", b"Subject",  # once more than they stand there, so that nobody adds one
    b"From", b"To", b"Cc", b"Subject", b"Date", b"Message-ID", b"Reply-To", b"In-Reply-To", b"References",
    b"MIME-Version", b"Content-Type", b"Content-Transfer-Encoding",
]  # fmt: skip


def sign(config: Config, octets: Octets) -> bytes:
    """The DKIM-Signature fields to put before the message; empty where there are no keys, or the header is malformed."""
    fields = b""
    block, body = header.split(octets)
    digest = base64.b64encode(body_hash(octets, body, relaxed=True))
    for selector, algorithm in dkim_keys.selectors(config).items():
        try:
            key = dkim_keys.key(config, selector)
        except OSError:
            continue
        try:
            signer = _Signer(block, digest, algorithm)
            fields += signer.sign(
                selector.encode(), config.domain.encode(), key,
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
    selector = next(iter(dkim_keys.selectors(config)))
    try:
        key = dkim_keys.key(config, selector)
    except OSError:
        return b""
    try:
        fields = dkim.arc_sign(
            octets, selector.encode(), config.domain.encode(), key, config.host.encode(),
            include_headers=[name for name in dict.fromkeys(_SIGNED) if name != b"From"] + [b"From"],
        )
    except Exception as problem:  # the library reads strangers' chains; a seal is a courtesy
        log.info("a message goes unsealed: %s", type(problem).__name__)
        return b""
    return b"".join(fields)
