"""Pictures from the network: only public addresses, nothing of the reader, nothing that is no picture."""

import contextlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

import pytest

from mailcore.domain import AccountId
from mailcore.errors import NotAllowed, TooLarge
from mailcore.services.webmail import remote_pictures
from tests.machine import dripping
from tests.portal.mailing import later

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 20
KEY = b"k" * 32
READER = AccountId(1)


@pytest.mark.parametrize("address", [
    "127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
    "255.255.255.255", "::1",
    "::", "fe80::1", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1",
    "2002:7f00:1::", "2002:a00:1::", "2001:db8::1", "fec0::1", "198.18.0.1", "192.0.2.1", "240.0.0.1",
])  # fmt: skip
def test_addresses_of_our_own_networks_are_not_fetched(core, address):
    assert not remote_pictures.is_public(ip_address(address))
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(NotAllowed):
        remote_pictures.fetch_picture(core, READER, f"http://{host}/x.png")


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are(address):
    assert remote_pictures.is_public(ip_address(address))


@pytest.mark.parametrize("url", [
    "file:///etc/passwd", "ftp://8.8.8.8/x", "gopher://8.8.8.8/", "http://user@8.8.8.8/", "http://8.8.8.8:25/", "https://8.8.8.8:6379/",
    "http://", "http:///x", "http://[::1", "javascript:alert(1)", "", "http://8.8.8.8:99999/", "http://2130706433/", "http://0x7f.1/",
    "http://127.1/", "http://0177.0.0.1/", "http://" + "a" * 5000,
])  # fmt: skip
def test_other_addresses_are_refused_before_anybody_is_asked(core, url, monkeypatch):
    def silent(name: str, kind: str) -> tuple[()]:
        return ()

    monkeypatch.setattr(core.dns, "lookup", silent)
    with pytest.raises(NotAllowed, match="not an? "):
        remote_pictures.fetch_picture(core, READER, url)


def test_a_name_that_leads_inside_is_refused(core, monkeypatch):
    class Record:
        def __init__(self, address: str) -> None:
            self.address = address

    answers = {"A": (Record("8.8.8.8"), Record("10.0.0.1")), "AAAA": ()}
    monkeypatch.setattr(core.dns, "lookup", lambda name, kind: answers[kind])
    with pytest.raises(NotAllowed, match="public"):  # before anybody is connected to
        remote_pictures.fetch_picture(core, READER, "http://rebind.example/x.png")


class _Outside(BaseHTTPRequestHandler):
    """An outside server; what it was asked stands in `asked`."""

    asked: list[dict[str, str]] = []  # noqa: RUF012

    def do_GET(self) -> None:  # noqa: N802
        type(self).asked.append({"path": self.path} | dict(self.headers.items()))
        kind, _, rest = self.path.strip("/").partition("/")
        self.send_response(302 if kind == "to" else 404 if kind == "none" else 200)
        if kind == "to":
            self.send_header("Location", f"http://{rest}" if "." in rest else f"/{rest or 'to'}")
        self.send_header("Set-Cookie", "track=1")
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        octets = {
            "png": PNG,
            "html": b"<script>alert(1)</script>",
            "svg": b"<svg onload=x()>",
            "large": PNG + bytes(6_000_000),
        }
        with contextlib.suppress(OSError):  # the other side has had enough
            self.wfile.write(octets.get(kind, b""))

    def log_message(self, *words: object) -> None:
        """Quiet."""


@pytest.fixture
def outside(monkeypatch) -> Iterator[str]:
    _Outside.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), _Outside) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        port = server.server_address[1]
        # this server stands for the network: its address and port are allowed, and nothing else is
        monkeypatch.setattr(remote_pictures, "is_public", lambda address: str(address) == "127.0.0.1")
        monkeypatch.setattr(remote_pictures, "may_use", lambda wanted: wanted == port)
        yield f"http://127.0.0.1:{port}"
        server.shutdown()
        thread.join(60)


def test_the_sender_learns_nothing_of_the_reader(core, outside):
    assert remote_pictures.fetch_picture(core, READER, f"{outside}/png/x?id=1") == ("image/png", PNG)
    [asked] = _Outside.asked
    assert {name.lower() for name in asked} == {"path", "host", "user-agent", "accept", "connection"} | (
        {"accept-encoding"} if "Accept-Encoding" in asked else set()
    )


@pytest.mark.parametrize("path", ["/html", "/svg", "/none", "/to/10.0.0.1/x", "/to/8.8.8.8:22/x", "/to"])
def test_what_is_no_picture_is_not_given_on(core, outside, path):
    with pytest.raises(NotAllowed):
        remote_pictures.fetch_picture(core, READER, outside + path)


def test_a_circle_of_redirections_ends(core, outside):
    with pytest.raises(NotAllowed, match="too many"):
        remote_pictures.fetch_picture(core, READER, f"{outside}/to")
    assert len(_Outside.asked) == 4


def test_a_picture_has_a_limit(core, outside):
    with pytest.raises(TooLarge):
        remote_pictures.fetch_picture(core, READER, f"{outside}/large")


def test_a_redirection_on_the_same_server_is_followed(core, outside):
    assert remote_pictures.fetch_picture(core, READER, f"{outside}/to/png")[0] == "image/png"


def test_only_what_we_signed_is_fetched_and_not_for_ever(core):
    signature = remote_pictures.sign_address(core, KEY, "https://x.example/a", READER)
    assert remote_pictures.check_signature(core, KEY, "https://x.example/a", signature) == READER
    old = later(core, hours=13)
    for house, key, url, text in (
        (core, KEY, "https://x.example/b", signature),
        (core, b"other" * 8, "https://x.example/a", signature),
        (old, KEY, "https://x.example/a", signature),
        (core, KEY, "https://x.example/a", "zz-00"),
        (core, KEY, "https://x.example/a", "æ-ø-å"),
        (core, KEY, "https://x.example/a", signature.replace("-1-", "-2-")),
        (core, KEY, "", ""),
        (core, KEY, "https://x.example/a", "ffffffffff-" + signature.partition("-")[2]),
    ):
        with pytest.raises(NotAllowed):
            remote_pictures.check_signature(house, key, url, text)


@pytest.mark.parametrize("said", ["", "HTTP/1.1 200 OK\r\nX-Long: ", "HTTP/1.1 200 OK\r\n\r\n"])
def test_a_server_that_drips_keeps_nobody_waiting(core, monkeypatch, said):
    """Eight of them would keep all others from their pictures."""
    monkeypatch.setattr(remote_pictures, "WHOLE_SECONDS", 0.3)
    monkeypatch.setattr(remote_pictures, "is_public", lambda address: True)
    monkeypatch.setattr(remote_pictures, "may_use", lambda port: True)

    with dripping(said) as port, pytest.raises(NotAllowed):
        remote_pictures.fetch_picture(core, READER, f"http://127.0.0.1:{port}/x.png")
