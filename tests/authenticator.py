"""A security key in software: ES256, a counter, no attestation (WebAuthn level 2)."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256


def text(octets: bytes) -> str:
    return urlsafe_b64encode(octets).decode().rstrip("=")


class Key:
    """`verifies`: it asks for a fingerprint or PIN.  A passkey remembers whose it is; `counts`: synced ones do not."""

    def __init__(self, origin: str, *, verifies: bool = False, counts: bool = True) -> None:
        self.verified, self.counts, self.user = 4 * verifies, counts, b""
        self.origin, self.host = origin, origin.partition("//")[2].partition(":")[0]
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.id, self.counter = secrets.token_bytes(16), 0

    def _client(self, kind: str, options: str) -> bytes:
        asked = json.loads(options)
        return json.dumps({"type": kind, "challenge": asked["challenge"], "origin": self.origin}).encode()

    def _head(self, flags: int) -> bytes:
        self.counter += self.counts
        return (
            hashlib.sha256(self.host.encode()).digest()
            + bytes([flags | self.verified])
            + self.counter.to_bytes(4, "big")
        )

    def _answer(self, **response: bytes) -> str:
        return json.dumps(
            {
                "id": text(self.id),
                "rawId": text(self.id),
                "type": "public-key",
                "clientExtensionResults": {},
                "response": {name: text(octets) for name, octets in response.items()},
            }
        )

    def create(self, options: str) -> str:
        self.user = urlsafe_b64decode(json.loads(options)["user"]["id"] + "==")
        numbers = self.private.public_key().public_numbers()
        public = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})
        data = self._head(0x41) + bytes(16) + len(self.id).to_bytes(2, "big") + self.id + public
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(clientDataJSON=self._client("webauthn.create", options), attestationObject=attestation)

    def get(self, options: str) -> str:
        client, data = self._client("webauthn.get", options), self._head(0x01)
        signature = self.private.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(SHA256()))
        return self._answer(clientDataJSON=client, authenticatorData=data, signature=signature, userHandle=self.user)
