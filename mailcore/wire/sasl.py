"""SASL as IMAP, ManageSieve and SMTP speak it.  No I/O: who asks and who looks up stands in services/signin/sasl_login.py.

PLAIN (RFC 4616), LOGIN, SCRAM-SHA-256 and -PLUS (RFC 5802, RFC 7677), OAUTHBEARER (RFC 7628).
"""

import binascii
import hashlib
import hmac
import re
import secrets
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Self

from mailcore.wire.reader import SyntaxProblem

MECHANISMS = ("PLAIN", "LOGIN")
SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-256-PLUS")


@dataclass(frozen=True, slots=True)
class Channel:
    """The TLS connection that a conversation may be bound to (RFC 5056).

    `version` as OpenSSL writes it, "" without TLS of our own; `unique` is tls-unique of RFC 5929, which TLS 1.3 has no more.
    """

    version: str = ""
    unique: bytes = b""


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
    _same(authzid, user)
    return Login(user, password)


def _same(authzid: str, user: str) -> None:
    if authzid and authzid != user:
        raise SyntaxProblem("acting for somebody else is not offered")


@dataclass(frozen=True, slots=True)
class Verifier:
    """Keys saved of a password for SCRAM (RFC 5802 section 3); the password does not follow from them."""

    salt: bytes
    iterations: int
    stored_key: bytes
    server_key: bytes

    @classmethod
    def derive(cls, password: str, salt: bytes, iterations: int) -> Self:
        """Derive the keys of a password; blocking: `iterations` rounds of HMAC-SHA-256."""
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        return cls(salt, iterations, hashlib.sha256(client_key).digest(), hmac.digest(salted, b"Server Key", "sha256"))


# gs2-header "n," / "y," / "p=" cb-name "," [ "a=" authzid ] ","; then client-first-message-bare
_FIRST = re.compile(
    rb"(n|y|p=([A-Za-z0-9.-]+)),(?:a=([^,]+))?,(n=([^,]+),r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)\Z", re.DOTALL
)
_FINAL = re.compile(rb"(c=([A-Za-z0-9+/=]+),r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?),p=([A-Za-z0-9+/=]+)\Z", re.DOTALL)


class Scram:
    """The server's side of one SCRAM exchange: `first`, `challenge`, `final`, in this order.

    Args:
        bindings: what this connection can be bound to (RFC 5056), by name: `tls-unique` (RFC 5929).
        plus: did the client choose the -PLUS mechanism?
    """

    def __init__(self, bindings: dict[str, bytes], *, plus: bool, nonce: str = "") -> None:
        self._bindings, self._plus = bindings, plus
        self._nonce = nonce or secrets.token_urlsafe(18)
        self._header = self._bare = self._server_first = b""
        self._binding = b""
        self.username = ""

    def first(self, message: bytes) -> str:
        """Read client-first-message; the user name in it.  Raises SyntaxProblem."""
        found = _FIRST.match(message)
        if found is None:
            raise SyntaxProblem("expected a SCRAM message")
        how, name, authzid, self._bare = found[1], (found[2] or b"").decode(), found[3], found[4]
        if self._plus is not bool(name):
            raise SyntaxProblem("channel binding and the mechanism's name do not fit")
        if how == b"y" and self._bindings:  # the client believes that we offer none: somebody took it from our list
            raise SyntaxProblem("channel binding is offered here")
        if name and name not in self._bindings:
            raise SyntaxProblem("that channel binding is not offered")
        self._binding = self._bindings.get(name, b"")
        self._header = message[: len(message) - len(self._bare)]
        self.username = _saslname(found[5])
        _same(_saslname(authzid) if authzid else "", self.username)
        self._nonce = found[6].decode() + self._nonce
        return self.username

    def challenge(self, salt: bytes, iterations: int) -> bytes:
        """server-first-message"""
        self._server_first = b"r=%s,s=%s,i=%d" % (self._nonce.encode(), b64encode(salt), iterations)
        return self._server_first

    def final(self, message: bytes, verifiers: list[Verifier]) -> tuple[int, bytes] | None:
        """Return the number of the verifier that fits the client's proof, and server-final-message; None if none fits.

        An account with several passwords has one salt, so that one exchange serves them all.

        Raises:
            SyntaxProblem: no such message, another nonce, another channel.
        """
        found = _FINAL.match(message)
        if found is None:
            raise SyntaxProblem("expected a SCRAM message")
        if found[3].decode() != self._nonce or decode(found[2]) != self._header + self._binding:
            raise SyntaxProblem("the SCRAM message does not belong to this conversation")
        proof = decode(found[4])
        if len(proof) != 32:
            raise SyntaxProblem("expected a proof of 32 octets")
        told = b",".join((self._bare, self._server_first, found[1]))
        fits: tuple[int, bytes] | None = None
        for number, one in enumerate(verifiers):
            signature = hmac.digest(one.stored_key, told, "sha256")
            client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
            if hmac.compare_digest(hashlib.sha256(client_key).digest(), one.stored_key):
                fits = number, b"v=" + b64encode(hmac.digest(one.server_key, told, "sha256"))
        return fits


def _saslname(octets: bytes) -> str:
    """saslname: "=2C" and "=3D" stand for comma and equals sign."""
    name = text(octets)
    if re.search("=(?!2C|3D)", name):
        raise SyntaxProblem("the user name is not well written")
    return name.replace("=2C", ",").replace("=3D", "=")


@dataclass(frozen=True, slots=True)
class Bearer:
    """A token of the university log-in, and for whom (may be empty: the token says)."""

    username: str
    token: str

    def __repr__(self) -> str:
        return f"Bearer({self.username!r})"


def bearer(octets: bytes) -> Bearer:
    """client-resp = gs2-header kvsep *(key "=" value kvsep) kvsep (RFC 7628 section 3.1)"""
    header, *pairs = octets.split(b"\1")
    found = re.fullmatch(rb"n,(?:a=([^,]*))?,", header)
    values = dict(pair.split(b"=", 1) for pair in pairs if b"=" in pair)
    scheme, _, token = values.get(b"auth", b"").partition(b" ")
    if found is None or scheme.lower() != b"bearer" or not re.fullmatch(rb"[A-Za-z0-9._~+/=-]+", token.strip()):
        raise SyntaxProblem("expected a bearer token")
    return Bearer(_saslname(found[1] or b""), token.strip().decode())
