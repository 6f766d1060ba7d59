"""Word of new mail to browsers: an empty message to their push service, with our signature, and nothing for read mail (N46)."""

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest
import trustme
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey

from mailcore import core as cores
from mailcore.config import Config, Dns
from mailcore.errors import InvalidName, TooMany
from mailcore.services.accounts import accounts
from mailcore.services.credentials import credentials
from mailcore.services.webmail import push, remote_pictures, vapid
from tests.outside import dns_server
from tests.portal.mailing import letter, put

ZONE = {("push.example", "A"): ["127.0.0.1"], ("inside.example", "A"): ["10.0.0.1"]}
SEEN = frozenset({"\\Seen"})


class PushService(BaseHTTPRequestHandler):
    statuses: ClassVar[dict[str, int]] = {}
    asked: ClassVar[list[tuple[str, dict[str, str], bytes]]] = []

    def do_POST(self) -> None:  # noqa: N802
        octets = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, octets))
        self.send_response(type(self).statuses.get(self.path, 201))
        self.send_header("Location", "https://push.example/message/1")
        self.end_headers()

    def log_message(self, *words: object) -> None:
        """Quiet."""


@pytest.fixture
def core(tmp_path, clock):
    with dns_server(ZONE) as dns:
        made = cores.build(Config(data=str(tmp_path), dns=Dns((dns,))), clock)
        yield made
        cores.close(made)


@pytest.fixture
def ola(core):
    return accounts.add_account(core, "ola", display_name="Ola Nordmann", password="correct horse battery")


@pytest.fixture
def service(tmp_path, monkeypatch) -> Iterator[str]:
    """A push service at push.example; gives its address."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("push.example").configure_cert(context)
    PushService.statuses, PushService.asked = {}, []
    with ThreadingHTTPServer(("127.0.0.1", 0), PushService) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        port = server.server_address[1]
        monkeypatch.setattr(remote_pictures, "is_public", lambda address: str(address) == "127.0.0.1")
        monkeypatch.setattr(remote_pictures, "may_use", lambda wanted: wanted == port)
        yield f"https://push.example:{port}"
        server.shutdown()
        thread.join()


def read_site_key(core) -> ECKey:
    """The public key as a browser has it."""
    octets = base64.urlsafe_b64decode(vapid.find_public_key(core.config) + "=")
    return ECKey.import_key(ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), octets))


def test_n46_new_mail_is_told_once_without_a_word_of_it(core, ola, service):
    put(core, ola, letter())
    push.add_browser(core, ola.id, f"{service}/a", "Firefox")
    assert push.send_due(core) == 0  # what was there before is no news
    put(core, ola, letter(subject="Hemmelig"))
    assert push.send_due(core) == 1
    assert push.send_due(core) == 0
    [(path, fields, octets)] = PushService.asked
    assert (path, octets) == ("/a", b"")
    assert "hemmelig" not in json.dumps(fields).lower()
    assert (fields["ttl"], fields["topic"], fields["urgency"]) == ("86400", "mail", "normal")
    scheme, token, key = fields["authorization"].split(" ")
    assert (scheme, key) == ("vapid", f"k={vapid.find_public_key(core.config)}")
    claims = jwt.decode(token.removeprefix("t=").rstrip(","), read_site_key(core), ["ES256"]).claims
    assert claims["aud"] == service
    assert claims["sub"] == "mailto:postmaster@alumni.example"
    assert 0 < claims["exp"] - core.clock.seconds() <= 86_400


def test_the_key_is_one_of_the_site_and_stays(core):
    assert len(base64.urlsafe_b64decode(vapid.find_public_key(core.config) + "=")) == 65
    assert vapid.find_public_key(core.config) == vapid.find_public_key(core.config)
    other = Config(data=f"{core.config.data}/other")
    assert vapid.find_public_key(other) != vapid.find_public_key(core.config)


def test_several_messages_of_a_minute_are_one_word_and_later_ones_another(core, clock, ola, service):
    push.add_browser(core, ola.id, f"{service}/a", "")
    put(core, ola, letter())
    assert push.send_due(core) == 1
    put(core, ola, letter())
    put(core, ola, letter())
    assert push.send_due(core) == 0
    clock.forward(seconds=61)
    assert push.send_due(core) == 1
    clock.forward(seconds=61)
    assert push.send_due(core) == 0


def test_what_was_read_meanwhile_is_no_news(core, clock, ola, service):
    push.add_browser(core, ola.id, f"{service}/a", "")
    put(core, ola, letter(), flags=SEEN)
    assert push.send_due(core) == 0
    put(core, ola, letter())
    clock.forward(seconds=61)
    assert push.send_due(core) == 1


def test_mail_in_other_mailboxes_is_not_told(core, ola, service):
    push.add_browser(core, ola.id, f"{service}/a", "")
    put(core, ola, letter(), mailbox="Junk")
    assert push.send_due(core) == 0


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_has_gone_is_forgotten(core, ola, service, status):
    PushService.statuses = {"/a": status}
    push.add_browser(core, ola.id, f"{service}/a", "")
    push.add_browser(core, ola.id, f"{service}/b", "")
    put(core, ola, letter())
    assert push.send_due(core) == 1
    assert [one.endpoint for one in push.list_browsers(core, ola.id)] == [f"{service}/b"]


def test_a_push_service_with_trouble_is_asked_again_ever_less_and_given_up(core, clock, ola, service):
    PushService.statuses = {"/a": 503}
    push.add_browser(core, ola.id, f"{service}/a", "")
    put(core, ola, letter())
    waits = []
    for _ in range(push.MAX_FAILURES):
        assert push.list_browsers(core, ola.id)
        push.send_due(core)
        begun, count = core.clock.seconds(), len(PushService.asked)
        while push.list_browsers(core, ola.id) and len(PushService.asked) == count and len(waits) < push.MAX_FAILURES:
            clock.forward(seconds=60)
            push.send_due(core)
        waits.append(core.clock.seconds() - begun)
        if not push.list_browsers(core, ola.id):
            break
    assert waits == sorted(waits)
    assert waits[0] == 60
    assert len(PushService.asked) == push.MAX_FAILURES
    assert push.list_browsers(core, ola.id) == []


def test_after_trouble_the_word_is_made_up_for(core, clock, ola, service):
    PushService.statuses = {"/a": 503}
    push.add_browser(core, ola.id, f"{service}/a", "")
    put(core, ola, letter())
    assert push.send_due(core) == 0
    PushService.statuses = {}
    clock.forward(seconds=61)
    assert push.send_due(core) == 1


@pytest.mark.parametrize(
    "endpoint",
    ["", "x", "http://push.example/a", "https://", "https://a@push.example/", f"https://push.example/{'a' * 1000}",
     "https://push.example/a b", "https://push.example/\r\nX: y", "https://[::1/", "https://pæsj.example/"],
)  # fmt: skip
def test_what_is_no_push_service_is_refused(core, ola, endpoint):
    with pytest.raises(InvalidName):
        push.add_browser(core, ola.id, endpoint, "")


@pytest.mark.parametrize("endpoint", ["https://127.0.0.1/a", "https://inside.example/a", "https://push.example:25/a"])
def test_our_own_network_is_not_asked(core, ola, endpoint):
    push.add_browser(core, ola.id, endpoint, "")
    put(core, ola, letter())
    assert push.send_due(core) == 0


def test_browsers_of_an_account_are_bounded_and_one_belongs_to_who_asked_last(core, ola, service):
    kari = accounts.add_account(core, "kari", display_name="Kari", password="correct horse battery")
    for number in range(push.MAX_BROWSERS):
        push.add_browser(core, ola.id, f"{service}/{number}", "")
    push.add_browser(core, ola.id, f"{service}/0", "again")
    with pytest.raises(TooMany):
        push.add_browser(core, ola.id, f"{service}/more", "")
    push.add_browser(core, kari.id, f"{service}/0", "")
    assert len(push.list_browsers(core, ola.id)) == push.MAX_BROWSERS - 1
    assert len(push.list_browsers(core, kari.id)) == 1


def test_a_new_password_ends_them_all(core, ola, service):
    push.add_browser(core, ola.id, f"{service}/a", "")
    credentials.set_password(core, ola.id, "another horse battery")
    assert push.list_browsers(core, ola.id) == []
