"""Envelope senders of forwarded mail, so that SPF passes and reports find their way back (SRS).

`srs0=` and a token: 160 bits of an HMAC-SHA-256 in base32, so any case survives, the local part has 37 octets whatever
the sender's length, and nobody reads there who wrote or where it goes.  What a token stands for is kept in the
database for 30 days (store/forwarding/bounces.py).
"""

import base64
import hashlib
import hmac

DAYS = 30
PREFIX = "srs0="


class SrsInvalid(ValueError):
    """Raised for a local part that is no SRS address of ours."""


def token(secret: bytes, *parts: bytes) -> str:
    """Return the same token for the same parts; nobody else can make it."""
    framed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    return base64.b32encode(hmac.new(secret, framed, hashlib.sha256).digest()[:20]).decode().lower()


def token_of(localpart: str) -> str:
    """Return the token of an SRS local part in any case.  Raises SrsInvalid."""
    found = localpart.lower()
    if not found.startswith(PREFIX) or len(found) != len(PREFIX) + 32 or not found.isascii():
        raise SrsInvalid("not an address that we made")
    return found.removeprefix(PREFIX)
