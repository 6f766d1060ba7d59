"""DKIM signatures and ARC seals (RFC 6376, Ed25519 by RFC 8463, RFC 8617); keys: dkim_keys.py."""

import hashlib
import time
from collections.abc import Callable, Sequence
from functools import partial

import dkim

from mailcore.config import Config
from mailcore.errors import Busy
from mailcore.log import log_for
from mailcore.mail.passing import signature
from mailcore.mail.passing.body_hash import body_hash
from mailcore.mail.reading import address, header
from mailcore.mail.reading.octets import Octets
from mailcore.services.mailauth import dkim_keys, dkim_rsa, signatures

log = log_for(__name__)
dkim_rsa.install()

_SIGNED = [
    b"From", b"Subject",  # once more than they stand there, so that nobody adds one
    b"From", b"To", b"Cc", b"Subject", b"Date", b"Message-ID", b"Reply-To", b"In-Reply-To", b"References",
    b"MIME-Version", b"Content-Type", b"Content-Transfer-Encoding",
]  # fmt: skip


def sign(config: Config, octets: Octets, also: Sequence[bytes] = ()) -> bytes:
    """The DKIM-Signature fields to put before the message; empty where there are no keys, or the header is malformed.

    It is signed by the author's domain where that is one of ours, as DMARC asks for; else by the site's own.

    Args:
        also: names of further fields that are there and to be signed.

    Raises:
        Busy: the keys cannot be used now; a field with an empty signature would be worse than none.
    """
    block, body = header.split(octets)
    found = signature.signed_fields(block, [*_SIGNED, *also])
    if found is None:
        log.info("a message goes unsigned: its header is malformed")
        return b""
    fields, names = found
    digest, at = body_hash(octets, body, relaxed=True), int(time.time())
    domain = _find_signer(config, block)

    def sign_all() -> bytes:
        return b"".join(
            signature.field(
                algorithm=algorithm,
                domain=domain.encode(),
                selector=selector.encode(),
                at=at,
                fields=fields,
                names=names,
                body_hash=digest,
                sign=partial(_sign_octets, config, domain, selector),
            )
            for selector, algorithm in dkim_keys.list_signers(config, domain)
        )

    return _try_twice(sign_all)


def _try_twice(sign_all: Callable[[], bytes]) -> bytes:
    """Sign with the keys of now; where a rotation takes one away meanwhile, with those that it has left.  Raises Busy."""
    try:
        return sign_all()
    except Busy as problem:
        log.info("signed once more: %s", problem)
        return sign_all()


def _sign_octets(config: Config, domain: str, selector: str, octets: bytes) -> bytes:
    return dkim_keys.sign_digest(config, domain, selector, hashlib.sha256(octets).digest())


def _find_signer(config: Config, block: bytes) -> str:
    """Find the domain that signs: the author's, if it is one of ours."""
    if not config.domains:
        return config.domain
    written = [value for name, value in header.fields(block) if name.lower() == "from"]
    authors = [spec for value in written for spec in address.addr_specs(header.unfold(value))]
    domain = authors[0].rpartition("@")[2].lower() if len(authors) == 1 else ""
    return domain if domain in config.mail_domains else config.domain


def seal(config: Config, octets: bytes) -> bytes:
    """The ARC set to put before a forwarded message (RFC 8617); empty where it cannot be sealed."""
    block, body = header.split(octets)
    if (readable := signatures.readable(block)) != block:
        octets = readable + octets[body:]

    def seal_once() -> bytes:
        signers = dkim_keys.list_signers(config)
        if not signers:
            return b""
        selector, _ = signers[0]
        fields = dkim.arc_sign(
            octets,
            selector.encode(),
            config.domain.encode(),
            partial(dkim_keys.sign_digest, config, "", selector),
            config.host.encode(),
            include_headers=[name for name in dict.fromkeys(_SIGNED) if name != b"From"] + [b"From"],
        )
        return b"".join(fields)

    try:
        return _try_twice(seal_once)
    except Exception as problem:  # the library reads strangers' chains; a seal is a courtesy
        log.info("a message goes unsealed: %s", type(problem).__name__)
        return b""
