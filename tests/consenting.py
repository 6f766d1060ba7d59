"""A provider of consent on loopback, by HTTPS: codes with PKCE, tokens that end and are renewed.  It can be told to misbehave.

Its access tokens are those of `tests/provider.py`, so that an IMAP server of ours that trusts that provider takes them.
"""

import base64
import hashlib
import json
import secrets
import ssl
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme

from mailcore.config import ConsentProvider
from tests.provider import Provider

CLIENT, SECRET = "alumnimail", "langt & hemmelig"
SCOPE = "https://mail.google.com/ openid email"


class Consenting:
    """`user` is the mailbox that consents next; `scope` what is granted; `broken` what goes wrong.

    Each token that renews is good once, as some providers have it.
    """

    def __init__(self, tokens: Provider, seconds: Callable[[], int]) -> None:
        self._tokens, self._seconds = tokens, seconds
        self.user, self.scope, self.broken = "kari@alumni.example", SCOPE, ""
        self.lifetime = 600  # as it is said; the tokens themselves are good for ten minutes
        self.renewed = self.asked = 0
        self.url = ""
        self._codes: dict[str, dict[str, str]] = {}
        self._renewing: set[str] = set()

    def settings(self, host: str, port: int) -> ConsentProvider:
        return ConsentProvider(CLIENT, SECRET, f"{self.url}/authorize", f"{self.url}/token", host, port)

    def authorize(self, address: str) -> dict[str, str]:
        """Consent there, and return what the browser brings back."""
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query))
        assert address.startswith(f"{self.url}/authorize?")
        assert (query["response_type"], query["client_id"]) == ("code", CLIENT)
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_hex(8)
        self._codes[code] = query
        return {"code": code, "state": query["state"]}

    def withdraw(self) -> None:
        """The owner takes the consent back."""
        self._renewing.clear()

    def answer(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        self.asked += 1
        if self.broken == "down":
            return 503, {}
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            return 401, {"error": "invalid_client"}
        if form["grant_type"] == "refresh_token":
            if form["refresh_token"] not in self._renewing:
                return 400, {"error": "invalid_grant"}
            self._renewing.remove(form["refresh_token"])
            self.renewed += 1
            return 200, self._give()
        asked = self._codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        return 200, self._give() | {"id_token": self._tokens.sign({"email": self.user}), "scope": self.scope}

    def _give(self) -> dict[str, Any]:
        self._tokens.now = self._seconds()
        given: dict[str, Any] = {"access_token": self._tokens.access_token(), "expires_in": self.lifetime}
        if self.broken != "nothing lasting":
            renewing = secrets.token_hex(16)
            self._renewing.add(renewing)
            given["refresh_token"] = renewing
        return given


@contextmanager
def running(tokens: Provider, seconds: Callable[[], int], ca: Path) -> Iterator[Consenting]:
    """Serve; `ca` is written, an authority to trust."""
    consenting = Consenting(tokens, seconds)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(ca))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # noqa: N802 - http.server's name
            form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            status, document = consenting.answer(form)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(document).encode())

        def log_message(self, *words: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        consenting.url = f"https://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield consenting
        server.shutdown()
