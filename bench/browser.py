"""Browsers without a script for bench/webmail.py: one person at our webmail, one at Roundcube."""

import http.client
import http.cookies
import json
import re
from urllib.parse import urlencode, urlsplit


class Browser:
    """One person's browser: a persistent connection, cookies, no script."""

    def __init__(self, host: str, port: int) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=60)
        self._cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, dict[str, str], bytes]:
        sent = {"Cookie": "; ".join(f"{k}={v}" for k, v in self._cookies.items()), **headers}
        if body:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            self._connection.request(method, path, body or None, sent)
            answer = self._connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionError):  # kept too long: browsers ask again on a new one
            self._connection.close()
            self._connection.request(method, path, body or None, sent)
            answer = self._connection.getresponse()
        for value in answer.headers.get_all("Set-Cookie") or []:
            for name, morsel in http.cookies.SimpleCookie(value).items():
                self._cookies[name] = morsel.value
        return answer.status, dict(answer.headers), answer.read()

    def get(self, path: str) -> bytes:
        status, _, octets = self.ask("GET", path)
        if status != 200:
            raise RuntimeError(f"{path}: {status}")
        return octets

    def log_in(self, name: str, password: str) -> None:
        token = re.search(rb'name="csrf_token"[^>]*value="([^"]+)"', self.get("/login"))
        form = {"username": name, "password": password, "csrf_token": token[1].decode() if token else ""}
        status, _, _ = self.ask("POST", "/login", urlencode(form))
        if status != 303:
            raise RuntimeError(f"log-in of {name}: {status}")


class Roundcube:
    """Requests of Roundcube's script when a person clicks: its list and search as JSON, a message as its page."""

    def __init__(self, address: str, user: str, password: str) -> None:
        parts = urlsplit(address)
        self._browser = Browser(parts.hostname or "", parts.port or 80)
        token = re.search(rb'name="_token" value="([^"]+)"', self._browser.get("/?_task=login"))
        form = {
            "_token": token[1].decode() if token else "",
            "_task": "login",
            "_action": "login",
            "_user": user,
            "_pass": password,
        }
        status, _, _ = self._browser.ask("POST", "/?_task=login", urlencode(form))
        if status != 302:
            raise RuntimeError(f"Roundcube's log-in: {status}")
        token = re.search(rb'"request_token":"([^"]+)"', self._browser.get("/?_task=mail&_mbox=INBOX"))
        self._headers = {
            "X-Requested-With": "XMLHttpRequest",
            "X-Roundcube-Request": token[1].decode() if token else "",
        }

    def _asked(self, query: str) -> str:
        """The script that the answer carries."""
        status, _, octets = self._browser.ask("GET", f"/?_task=mail&_mbox=INBOX&_remote=1&{query}", **self._headers)
        if status != 200:
            raise RuntimeError(f"Roundcube, {query}: {status}")
        return str(json.loads(octets)["exec"])

    def listed(self, page: int = 1) -> list[int]:
        """The uids of a page of the list."""
        return _rows(self._asked(f"_action=list&_page={page}"))

    def search(self, word: str) -> list[int]:
        """Search the whole text of the messages."""
        return _rows(self._asked(f"_action=search&_headers=text&_scope=base&_filter=ALL&_interval=&_q={word}"))

    def message(self, uid: int) -> None:
        """Open a message as shown beside the list: a click there asks for this page."""
        page = self._browser.get(f"/?_task=mail&_action=preview&_mbox=INBOX&_framed=1&_uid={uid}")
        if b"message-htmlpart" not in page and b"message-part" not in page:
            raise RuntimeError(f"Roundcube showed no message {uid}")


def _rows(script: str) -> list[int]:
    return [int(uid) for uid in re.findall(r"add_message_row\((\d+)", script)]
