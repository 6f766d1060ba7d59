"""An OpenID provider on loopback: discovery, keys, PKCE, ID tokens, userinfo, introspection.  It can be told to misbehave."""

import base64
import hashlib
import json
import secrets
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from mailcore.config import OidcProvider

CLIENT, SECRET = "alumnimail", "hemmelig & langt"


class Provider:
    """`person` is who logs in next; `change` is laid over the ID token; `broken` names what goes wrong."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
        self.other = RSAKey.generate_key(2048, {"kid": "one"}, private=True)
        self.person: dict[str, Any] = {"sub": "s1", "name": "Ola Nordmann"}
        self.change: dict[str, Any] = {}
        self.broken = ""
        self.now = 0
        self.codes: dict[str, dict[str, str]] = {}
        self.tokens: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.url = ""

    def settings(self, **more: str) -> OidcProvider:
        return OidcProvider(issuer=self.url, client_id=CLIENT, client_secret=SECRET, **more)

    def authorize(self, address: str) -> dict[str, str]:
        """Log in there, and return what the browser brings back."""
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_hex(8)
        self.codes[code] = query
        return {"code": code, "state": query["state"], "iss": self.url}

    def sign(self, claims: dict[str, Any], key: RSAKey | None = None) -> str:
        key = key or self.key
        return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, key)

    def access_token(self, **more: Any) -> str:
        return self.sign(
            {"iss": self.url, "aud": CLIENT, "exp": self.now + 600, "iat": self.now, **self.person, **more}
        )

    def opaque_token(self, **more: Any) -> str:
        token = secrets.token_hex(16)
        self.tokens[token] = {"active": True, "aud": CLIENT, "exp": self.now + 600, **self.person, **more}
        return token

    # What the provider answers

    def discovery(self) -> dict[str, Any]:
        paths = ("authorization", "token", "userinfo", "introspection")
        issuer = "https://evil.example" if self.broken == "issuer" else self.url
        more = {"authorization_response_iss_parameter_supported": True} if self.broken == "names itself" else {}
        return {
            "issuer": issuer,
            "jwks_uri": f"{self.url}/keys",
            **more,
            **{f"{p}_endpoint": f"{self.url}/{p}" for p in paths},
        }

    def keys(self) -> dict[str, Any]:
        return {"keys": [self.key.as_dict(private=False)]}

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        user, _, password = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or urllib.parse.unquote_plus(user) != CLIENT or urllib.parse.unquote_plus(password) != SECRET:
            return None
        challenge = (
            base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        )
        if challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return None
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "exp": self.now + 300,
            "iat": self.now,
            "nonce": asked["nonce"],
            "sub": self.person["sub"],
            **self.change,
        }
        signed = self.sign(claims, self.other if self.broken == "key" else None)
        if self.broken == "none":
            head = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
            signed = f"{head}.{signed.split('.')[1]}."
        return {"access_token": "access", "token_type": "Bearer", "id_token": signed}


@contextmanager
def running() -> Iterator[Provider]:
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def answer(self, found: dict[str, Any] | None) -> None:
            self.send_response(200 if found is not None else 401)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(found if found is not None else {"error": "no"}).encode())

        def do_GET(self) -> None:  # noqa: N802 - http.server's name
            provider.asked.append(self.path)
            if provider.broken == "down":
                self.send_response(503)
                self.end_headers()
            elif self.path == "/.well-known/openid-configuration":
                self.answer(provider.discovery())
            elif self.path == "/keys":
                self.answer(provider.keys())
            else:
                person = {**provider.person, "sub": "other"} if provider.broken == "userinfo" else provider.person
                self.answer(person if self.headers["Authorization"] == "Bearer access" else None)

        def do_POST(self) -> None:  # noqa: N802
            provider.asked.append(self.path)
            form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            if self.path == "/token":
                self.answer(provider.token(form, self.headers["Authorization"] or ""))
            else:
                self.answer(provider.tokens.get(form.get("token", ""), {"active": False}))

        def log_message(self, *words: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield provider
        server.shutdown()
