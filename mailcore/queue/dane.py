"""DANE for SMTP (RFC 7672): the certificate that DNS names instead of one that an authority signed.  No I/O."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

TRUST_ANCHOR, END_ENTITY = 2, 3


@dataclass(frozen=True, slots=True)
class Tlsa:
    """RFC 6698 section 2.1."""

    usage: int
    selector: int
    matching: int
    data: bytes

    @property
    def usable(self) -> bool:
        """RFC 7672 section 3.1.3: the usages of authorities mean nothing between mail servers."""
        return self.usage in (TRUST_ANCHOR, END_ENTITY) and self.selector in (0, 1) and self.matching in (0, 1, 2)


def is_vouched_for(records: Sequence[Tlsa], chain: Sequence[bytes], names: Sequence[str], now: datetime) -> bool:
    """Say if one of the records vouches for the server with this chain (DER, its own certificate first).

    Args:
        names: any of which the certificate may bear, where a trust anchor vouches for it.
    """
    try:
        certificates = [x509.load_der_x509_certificate(der) for der in chain]
    except ValueError:
        return False
    if not certificates:
        return False
    for record in records:
        if record.usage == END_ENTITY and _is_match(record, certificates[0]):
            return True  # neither name nor date count (RFC 7672 section 3.1.1)
        if (
            record.usage == TRUST_ANCHOR
            and _is_chain_to(record, certificates, now)
            and _has_name(certificates[0], names)
        ):
            return True
    return False


def _is_match(record: Tlsa, certificate: x509.Certificate) -> bool:
    if record.selector == 0:
        octets = certificate.public_bytes(Encoding.DER)
    else:
        octets = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    match record.matching:
        case 0:
            return octets == record.data
        case 1:
            return hashlib.sha256(octets).digest() == record.data
        case 2:
            return hashlib.sha512(octets).digest() == record.data
    return False


def _is_chain_to(record: Tlsa, certificates: Sequence[x509.Certificate], now: datetime) -> bool:
    """Say if each is signed by the next, up to one that the record names, and none has expired."""
    for at, certificate in enumerate(certificates):
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            return False
        if at:
            if not _may_sign(certificate):
                return False
            try:
                certificates[at - 1].verify_directly_issued_by(certificate)
            except (ValueError, TypeError, InvalidSignature):
                return False
        if at and _is_match(record, certificate):
            return True
    return False


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _has_name(certificate: x509.Certificate, names: Sequence[str]) -> bool:
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    in_certificate = [name.lower() for name in alternatives.get_values_for_type(x509.DNSName)]
    return any(is_covered(pattern, name.lower().rstrip(".")) for pattern in in_certificate for name in names)


def is_covered(pattern: str, name: str) -> bool:
    """Say if a pattern covers a name: it, or a first label `*` (RFC 6125 section 6.4.3, RFC 8461 section 4.1)."""
    if pattern.startswith("*."):
        return name.partition(".")[2] == pattern[2:] and bool(name.partition(".")[0])
    return pattern == name
