"""Certificates from a real ACME server (pebble), by each way in which it can be shown that a name is ours (N40)."""

import contextlib
import dataclasses
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mailcore import core as cores
from mailcore.cli import web_server
from mailcore.config import Acme, Config
from mailcore.config_file import parse_config
from mailcore.core import Core
from mailcore.errors import Busy, CertificateProblem, ConfigError
from mailcore.services import certificates
from mailcore.services.operations import acme_challenges, certificate_renewal
from portal import create_app
from tests import acme_server
from tests.acme_server import HMAC_KEY, KEY_ID, Authority

NAMES = ("mx.alumni.example", "imap.alumni.example")


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Iterator[Authority]:
    with acme_server.serving(tmp_path_factory.mktemp("authority")) as running:
        yield running


def settings(authority: Authority, **more: Any) -> Acme:
    return dataclasses.replace(Acme(authority.directory, "post@alumni.example", NAMES, ca=str(authority.ca)), **more)


@contextmanager
def site(tmp_path: Path, acme: Acme, *, portal_port: int = 0) -> Iterator[Core]:
    config = Config(data=str(tmp_path / "site"), acme=acme)
    core = cores.build(config)
    certificates.ensure_certificate(config, core.clock)
    web = None
    try:
        if portal_port:
            web = web_server.InProcess(f"127.0.0.1:{portal_port}", create_app(core), lambda: None, config)
        yield core
    finally:
        if web:
            web.stop()
        cores.close(core)


def test_n40_the_portal_answers_and_the_service_takes_the_certificate_without_a_restart(tmp_path, authority):
    with site(tmp_path, settings(authority), portal_port=authority.http_port) as core:
        in_use = certificates.Certificate(core.config)
        assert certificates.read_facts(core.config).ours
        assert certificate_renewal.is_renewal_due(core)
        certificate_renewal.renew_when_due(core)
        facts = certificates.read_facts(core.config)
        assert set(facts.names) == set(NAMES)
        assert "Pebble" in facts.issuer
        assert not facts.ours
        assert core.config.certificate_path.stat().st_mode & 0o077 == 0
        assert in_use.refresh()
        saved = core.config.acme_path.read_bytes()
        certificate_renewal.renew_when_due(core)
        assert core.config.acme_path.read_bytes() == saved  # it is not due
        certificate_renewal.renew(core)  # the account is known by now
        assert core.config.acme_path.read_bytes() != saved
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{authority.http_port}{acme_challenges.PATH}anything")


@pytest.mark.parametrize("kind", ["http-01", "tls-alpn-01"])
def test_a_listener_answers_while_an_order_waits_and_no_longer(tmp_path, authority, kind):
    port = authority.http_port if kind == "http-01" else authority.tls_port
    acme = settings(authority, challenge=kind, listen=f"127.0.0.1:{port}")
    with site(tmp_path, acme) as core:
        certificate_renewal.renew_when_due(core)
        assert set(certificates.read_facts(core.config).names) == set(NAMES)
        with acme_challenges.answering_by_http(acme.listen, {}), pytest.raises(Busy, match="cannot be had"):
            certificate_renewal.renew(core)


@pytest.mark.parametrize("kind", ["http-01", "tls-alpn-01"])
@pytest.mark.parametrize(("seconds", "closed"), [(3600, 1), (1, 3)])
def test_strangers_hold_few_threads_of_a_listener_and_not_for_long(authority, monkeypatch, kind, seconds, closed):
    monkeypatch.setattr(acme_challenges, "MOST_PEERS", 2)
    monkeypatch.setattr(acme_challenges, "PEER_SECONDS", 3600)
    monkeypatch.setattr(acme_challenges, "WHOLE_SECONDS", seconds)
    listening, answers = acme_challenges.answering_by_http, {"token": "answer"}
    if kind == "tls-alpn-01":
        listening, answers = acme_challenges.answering_by_tls, {"alumni.example": "answer"}
    address = "127.0.0.1", authority.http_port
    with listening(f"{address[0]}:{address[1]}", answers), contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.create_connection(address, 60)) for _ in range(3)]
        for one in held[:2]:
            one.sendall(b"\x16")  # the first octet of a handshake, or of no request
        # the third at once, the others in time
        assert [_is_closed(one) for one in held[3 - closed :]] == [True] * closed


def _is_closed(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def test_a_name_that_leads_elsewhere_is_told_by_name_and_the_old_certificate_stays(tmp_path, authority):
    with site(tmp_path, settings(authority)) as core:
        before = certificates.read_facts(core.config)
        with pytest.raises(CertificateProblem, match=r"mx\.alumni\.example: .*refused"):
            certificate_renewal.renew_when_due(core)
        assert certificates.read_facts(core.config) == before


def test_an_account_of_the_university_is_bound_by_its_key(tmp_path):
    with acme_server.serving(tmp_path, wants_binding=True) as authority:
        acme = settings(authority, listen=f"127.0.0.1:{authority.http_port}")
        with site(tmp_path, acme) as core, pytest.raises(CertificateProblem, match="eab_key_id"):
            certificate_renewal.renew(core)
        bound = dataclasses.replace(acme, eab_key_id=KEY_ID, eab_hmac_key=HMAC_KEY)
        with site(tmp_path, bound) as core:
            certificate_renewal.renew(core)
            assert not certificates.read_facts(core.config).ours


def test_a_server_that_is_away_is_one_clear_error(tmp_path, authority):
    with (
        site(tmp_path, settings(authority, directory="https://127.0.0.1:1/dir")) as core,
        pytest.raises(CertificateProblem, match="https://127.0.0.1:1/dir"),
    ):
        certificate_renewal.renew_when_due(core)


def test_renewal_is_due_in_the_last_third_and_with_other_names(tmp_path, authority, monkeypatch):
    with site(tmp_path, settings(authority, listen=f"127.0.0.1:{authority.http_port}")) as core:
        certificate_renewal.renew(core)
        facts = certificates.read_facts(core.config)
        for share, is_due in ((0.6, False), (0.7, True), (1.1, True)):
            at = facts.begins + (facts.ends - facts.begins) * share
            monkeypatch.setattr(core.clock, "now", lambda at=at: at)
            assert certificate_renewal.is_renewal_due(core) is is_due
        monkeypatch.undo()
        assert not certificate_renewal.is_renewal_due(core)
    with site(tmp_path, settings(authority, names=NAMES[:1])) as core:
        assert certificate_renewal.is_renewal_due(core)


def test_octets_that_are_no_certificate_are_not_saved(tmp_path):
    config = Config(data=str(tmp_path), acme=Acme("https://ca.example/dir"))
    with pytest.raises(ConfigError, match="acme: what the server gave"):
        certificates.save_acme_certificate(config, b"hello", b"key")
    assert not config.acme_path.exists()
    assert not list((tmp_path / "tls").iterdir())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[acme]\ndirectory = "http://ca.example/dir"', "acme.directory must begin with https"),
        ('[acme]\ndirectory = "https://ca.example/dir"\n[tls]\ncertificate = "x"\nkey = "y"', "both name"),
        ('[acme]\ndirectory = "https://ca.example/dir"\neab_key_id = "x"', "go together"),
        ('[acme]\ndirectory = "https://ca.example/dir"\nchallenge = "tls-alpn-01"', "acme.listen"),
        ('[acme]\ndirectory = "https://ca.example/dir"\nchallenge = "dns-01"', "one of http-01"),
        ('[acme]\ndirectory = "https://ca.example/dir"\nnames = ["*"]', "acme.names"),
        ('[acme]\ndirectory = "https://ca.example/dir"\nca = "/nowhere"', "acme.ca"),
        ('[acme]\nlisten = "80"', "acme.listen"),
    ],
)
def test_settings_that_cannot_be_are_named(text, said):
    with pytest.raises(ConfigError, match=said):
        parse_config(text)


def test_answers_of_an_order_that_was_killed_are_forgotten(tmp_path, monkeypatch):
    with site(tmp_path, Acme()) as core:
        acme_challenges.save_answers(core, {"old": "old.answer"})
        assert acme_challenges.find_answer(core, "old") == "old.answer"
        later = core.clock.seconds() + 7200
        monkeypatch.setattr(core.clock, "seconds", lambda: later)
        with acme_challenges.answering_by_portal(core, {"new": "new.answer"}):
            assert acme_challenges.find_answer(core, "new") == "new.answer"
            assert not acme_challenges.find_answer(core, "old")


def test_tls_handshakes_that_are_not_of_acme_get_nothing(tmp_path, authority):
    address = f"127.0.0.1:{authority.tls_port}"
    with acme_challenges.answering_by_tls(address, {"mx.alumni.example": "token.thumb"}):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", authority.tls_port)) as peer, pytest.raises(ssl.SSLError):
            context.wrap_socket(peer, server_hostname="other.example")
