"""Word of new mail to browsers: an empty message to their push service, with our signature, and nothing for read mail (N46)."""

import base64
import json
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwt
from joserfc.jwk import ECKey

from mailcore import core as cores
from mailcore.config import Config, Dns
from mailcore.errors import InvalidName, TooMany
from mailcore.services.accounts import accounts
from mailcore.services.credentials import credentials
from mailcore.services.webmail import push, vapid
from tests.outside import dns_server
from tests.portal.mailing import letter, put
from tests.receiver import Receiver, running_outside

ZONE = {("push.example", "A"): ["127.0.0.1"], ("inside.example", "A"): ["10.0.0.1"]}
SEEN = frozenset({"\\Seen"})


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
def service(tmp_path, monkeypatch) -> Iterator[Receiver]:
    """A push service at push.example."""
    with running_outside(tmp_path, monkeypatch, "push.example") as server:
        server.answers = [201]
        yield server


def read_site_key(core) -> ECKey:
    """The public key as a browser has it."""
    octets = base64.urlsafe_b64decode(vapid.find_public_key(core.config) + "=")
    return ECKey.import_key(ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), octets))


def test_n46_new_mail_is_told_once_without_a_word_of_it(core, ola, service):
    put(core, ola, letter())
    push.add_browser(core, ola.id, f"{service.url}/a", "Firefox")
    assert push.send_due(core) == 0  # what was there before is no news
    put(core, ola, letter(subject="Hemmelig"))
    assert push.send_due(core) == 1
    assert push.send_due(core) == 0
    [told] = service.told
    assert (told.path, told.body) == ("/a", b"")
    assert "hemmelig" not in json.dumps(told.fields).lower()
    assert (told.fields["ttl"], told.fields["topic"], told.fields["urgency"]) == ("86400", "mail", "normal")
    scheme, token, key = told.fields["authorization"].split(" ")
    assert (scheme, key) == ("vapid", f"k={vapid.find_public_key(core.config)}")
    claims = jwt.decode(token.removeprefix("t=").rstrip(","), read_site_key(core), ["ES256"]).claims
    assert claims["aud"] == service.url
    assert claims["sub"] == "mailto:postmaster@alumni.example"
    assert 0 < claims["exp"] - core.clock.seconds() <= 86_400


def test_the_key_is_one_of_the_site_and_stays(core):
    assert len(base64.urlsafe_b64decode(vapid.find_public_key(core.config) + "=")) == 65
    assert vapid.find_public_key(core.config) == vapid.find_public_key(core.config)
    other = Config(data=f"{core.config.data}/other")
    assert vapid.find_public_key(other) != vapid.find_public_key(core.config)


def test_several_messages_of_a_minute_are_one_word_and_later_ones_another(core, clock, ola, service):
    push.add_browser(core, ola.id, f"{service.url}/a", "")
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
    push.add_browser(core, ola.id, f"{service.url}/a", "")
    put(core, ola, letter(), flags=SEEN)
    assert push.send_due(core) == 0
    put(core, ola, letter())
    clock.forward(seconds=61)
    assert push.send_due(core) == 1


def test_mail_in_other_mailboxes_is_not_told(core, ola, service):
    push.add_browser(core, ola.id, f"{service.url}/a", "")
    put(core, ola, letter(), mailbox="Junk")
    assert push.send_due(core) == 0


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_has_gone_is_forgotten(core, ola, service, status):
    service.by_path = {"/a": status}
    push.add_browser(core, ola.id, f"{service.url}/a", "")
    push.add_browser(core, ola.id, f"{service.url}/b", "")
    put(core, ola, letter())
    assert push.send_due(core) == 1
    assert [one.endpoint for one in push.list_browsers(core, ola.id)] == [f"{service.url}/b"]


def test_a_push_service_with_trouble_is_asked_again_ever_less_and_given_up(core, clock, ola, service):
    service.by_path = {"/a": 503}
    push.add_browser(core, ola.id, f"{service.url}/a", "")
    put(core, ola, letter())
    waits = []
    for _ in range(push.MAX_FAILURES):
        assert push.list_browsers(core, ola.id)
        push.send_due(core)
        begun, count = core.clock.seconds(), len(service.told)
        while push.list_browsers(core, ola.id) and len(service.told) == count and len(waits) < push.MAX_FAILURES:
            clock.forward(seconds=60)
            push.send_due(core)
        waits.append(core.clock.seconds() - begun)
        if not push.list_browsers(core, ola.id):
            break
    assert waits == sorted(waits)
    assert waits[0] == 60
    assert len(service.told) == push.MAX_FAILURES
    assert push.list_browsers(core, ola.id) == []


def test_after_trouble_the_word_is_made_up_for(core, clock, ola, service):
    service.by_path = {"/a": 503}
    push.add_browser(core, ola.id, f"{service.url}/a", "")
    put(core, ola, letter())
    assert push.send_due(core) == 0
    service.by_path = {}
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
        push.add_browser(core, ola.id, f"{service.url}/{number}", "")
    push.add_browser(core, ola.id, f"{service.url}/0", "again")
    with pytest.raises(TooMany):
        push.add_browser(core, ola.id, f"{service.url}/more", "")
    push.add_browser(core, kari.id, f"{service.url}/0", "")
    assert len(push.list_browsers(core, ola.id)) == push.MAX_BROWSERS - 1
    assert len(push.list_browsers(core, kari.id)) == 1


def test_a_new_password_ends_them_all(core, ola, service):
    push.add_browser(core, ola.id, f"{service.url}/a", "")
    credentials.set_password(core, ola.id, "another horse battery")
    assert push.list_browsers(core, ola.id) == []
