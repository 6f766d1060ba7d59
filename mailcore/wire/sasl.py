"""SASL as IMAP, ManageSieve and SMTP speak it: PLAIN (RFC 4616) and LOGIN.  No I/O."""

import binascii
from base64 import b64decode
from dataclasses import dataclass

from mailcore.wire.reader import SyntaxProblem

MECHANISMS = ("PLAIN", "LOGIN")
ASK_USER = b"VXNlcm5hbWU6"  # "Username:"
ASK_PASSWORD = b"UGFzc3dvcmQ6"  # "Password:"


@dataclass(frozen=True, slots=True)
class Login:
    username: str
    password: str

    def __repr__(self) -> str:  # never let a password reach a log
        return f"Login({self.username!r})"


def decode(encoded: bytes) -> bytes:
    """base64 to octets; `=` stands for an empty initial response (RFC 4959 section 3)."""
    if encoded == b"=":
        return b""
    if encoded == b"*":
        raise SyntaxProblem("authentication cancelled")
    try:
        return b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise SyntaxProblem("not base64") from None


def text(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise SyntaxProblem("not UTF-8") from None


def plain(octets: bytes) -> Login:
    """message = [authzid] UTF8NUL authcid UTF8NUL passwd.  An authzid of somebody else is refused."""
    fields = octets.split(b"\0")
    if len(fields) != 3 or not fields[1]:
        raise SyntaxProblem("expected authzid, user and password")
    authzid, user, password = (text(field) for field in fields)
    if authzid and authzid != user:
        raise SyntaxProblem("acting for somebody else is not offered")
    return Login(user, password)
