"""RSA signatures of dkimpy by OpenSSL: the library computes them in Python, 10 ms each where this takes one.

Two names of the library are replaced, with functions of the same meaning; who signs and seals is not changed.  A key may also be
a function that signs a SHA-256, where this process has no key.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import dkim
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

Numbers = dict[str, int]
SignDigest = Callable[[bytes], bytes]

_parse_numbers = lru_cache(maxsize=8)(dkim.parse_pem_private_key)


def _parse_key(key: bytes | SignDigest) -> Numbers | SignDigest:
    """As dkim.crypto.parse_pem_private_key."""
    if callable(key):
        return key
    numbers: Numbers = _parse_numbers(key)
    return numbers


@lru_cache(maxsize=8)
def _key(modulus: int, numbers: tuple[tuple[str, int], ...]) -> rsa.RSAPrivateKey:
    n = dict(numbers)
    public = rsa.RSAPublicNumbers(n["publicExponent"], modulus)
    return rsa.RSAPrivateNumbers(
        n["prime1"], n["prime2"], n["privateExponent"], n["exponent1"], n["exponent2"], n["coefficient"], public
    ).private_key()


def sign(digest: Any, key: Numbers | SignDigest) -> bytes:  # Any: a hashlib object
    """As dkim.crypto.RSASSA_PKCS1_v1_5_sign, for SHA-256, the only one that we sign with (RFC 8301 section 3.1)."""
    if callable(key):
        return key(digest.digest())
    private = _key(key["modulus"], tuple(sorted(key.items())))
    return private.sign(digest.digest(), padding.PKCS1v15(), Prehashed(hashes.SHA256()))


def install() -> None:
    dkim.RSASSA_PKCS1_v1_5_sign = sign
    dkim.parse_pem_private_key = _parse_key
