"""Envelope senders of forwarded mail, so that SPF passes and bounces find their way back (SRS).

`token=time=host=localpart@srs.domain`: a truncated HMAC-SHA-256 in base32 (any case survives), the day modulo 1024,
and the sender that is hidden in it.  Refused after 30 days.
"""

import base64
import hashlib
import hmac
from datetime import datetime

DAYS = 30
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"


class SrsInvalid(ValueError):
    """Not an address that we made, or too old."""


def _token(secret: bytes, text: str) -> str:
    digest = hmac.new(secret, text.lower().encode(), hashlib.sha256).digest()
    return base64.b32encode(digest).decode().lower()[:10]


def _day(at: datetime) -> int:
    return int(at.timestamp()) // 86_400 % 1024


def rewrite(sender: str, secret: bytes, domain: str, at: datetime) -> str | None:
    """The new envelope sender, or None when the local part would pass 64 octets (RFC 5321 section 4.5.3.1.1)."""
    localpart, _, host = sender.rpartition("@")
    day = _day(at)
    stamp = _ALPHABET[day >> 5] + _ALPHABET[day & 31]
    hidden = f"{stamp}={host}={localpart}"
    new = f"srs0={_token(secret, hidden)}={hidden}"
    return f"{new}@{domain}" if len(new.encode()) <= 64 else None


def reverse(localpart: str, secret: bytes, at: datetime) -> str:
    """The sender that was hidden; raises SrsInvalid."""
    head, _, rest = localpart.partition("=")
    token, _, hidden = rest.partition("=")
    if head.lower() != "srs0" or not hmac.compare_digest(token.lower().encode(), _token(secret, hidden).encode()):
        raise SrsInvalid("not an address that we made")
    stamp, host, original = hidden.split("=", 2)
    day = _ALPHABET.index(stamp[0].lower()) * 32 + _ALPHABET.index(stamp[1].lower())
    if (_day(at) - day) % 1024 > DAYS:
        raise SrsInvalid("older than 30 days")
    return f"{original}@{host}"
