"""A process without the private keys signs, shows and rotates them by asking one that has them; others are refused."""

import json
import socket
import threading

import dkim
import pytest

from mailcore import core as cores
from mailcore.config import Config, Tls
from mailcore.errors import Busy
from mailcore.process import key_agent
from mailcore.services import certificates
from mailcore.services.mailauth import dkim as signing
from mailcore.services.mailauth import dkim_keys
from mailcore.services.operations import key_questions
from tests import descriptors
from tests.machine import until

MESSAGE = b"From: ola@alumni.example\r\nSubject: Hei\r\nDate: Mon, 30 Nov 2026 12:00:00 +0000\r\n\r\nHei\r\n"


@pytest.fixture
def core(tmp_path):
    config = Config(data=str(tmp_path / "var"), domains=("second.example",))
    core = cores.build(config)
    dkim_keys.ensure_keys(config)
    certificates.ensure_certificate(config, core.clock)
    yield core
    cores.close(core)


@pytest.fixture
def agent(core):
    agent = key_agent.Agent(key_questions.list_handlers(core.config))
    yield agent
    agent.close()


@pytest.fixture
def elsewhere(core, agent, monkeypatch, tmp_path):
    """Settings of a process that has no file of keys at all, and must ask."""
    monkeypatch.setenv(key_agent.ADDRESS, agent.address)
    path = str(core.config.certificate_path)
    return Config(data=str(tmp_path / "nothing"), domains=("second.example",), tls=Tls(certificate=path))


@pytest.fixture
def without(monkeypatch):
    """Run the agent's handlers in this process, in threads of their own, on the key files."""
    asking, here = key_agent.is_used, threading.get_ident()
    monkeypatch.setattr(key_agent, "is_used", lambda: asking() and threading.get_ident() == here)


@pytest.mark.parametrize("author", ["ola@alumni.example", "ola@second.example"])
def test_signatures_are_those_of_the_keys(core, elsewhere, without, author, monkeypatch):
    message = MESSAGE.replace(b"ola@alumni.example", author.encode())
    fields = signing.sign(elsewhere, message)
    assert fields.count(b"DKIM-Signature:") == 2
    monkeypatch.delenv(key_agent.ADDRESS)
    records: dict[str, str] = {}
    for domain in core.config.mail_domains:
        records |= dkim_keys.dns_records(core.config, domain=domain)
    for index in (0, 1):
        verifier = dkim.DKIM(fields + message)
        assert verifier.verify(idx=index, dnsfunc=lambda name, timeout=5: records[name.decode().rstrip(".")].encode())


def test_a_forwarded_message_is_sealed(core, elsewhere, without, monkeypatch):
    arrived = b"Authentication-Results: mx.alumni.example; spf=pass smtp.mailfrom=a.example\r\n" + MESSAGE
    fields = signing.seal(elsewhere, arrived)
    assert b"ARC-Seal: i=1;" in fields
    monkeypatch.delenv(key_agent.ADDRESS)
    records = dkim_keys.dns_records(core.config)
    done, _, _ = dkim.arc_verify(
        fields + arrived, dnsfunc=lambda name, timeout=5: records[name.decode().rstrip(".")].encode()
    )
    assert done == dkim.CV_Pass


def test_keys_and_certificate_are_shown(core, elsewhere, without, monkeypatch):
    shown = dkim_keys.list_generations(elsewhere, "second.example")
    facts = certificates.read_facts(elsewhere)
    monkeypatch.delenv(key_agent.ADDRESS)
    assert shown == dkim_keys.list_generations(core.config, "second.example")
    assert facts is not None
    assert facts.names == certificates.read_facts(core.config).names


def test_keys_are_rotated(core, elsewhere, without, monkeypatch):
    assert key_questions.rotate(core, "", actor="kari").made == 2
    monkeypatch.delenv(key_agent.ADDRESS)
    assert dkim_keys.generations(core.config) == [1, 2]


@pytest.mark.parametrize(
    "question",
    [
        ("sign_digest", "", "../keys/some", "00" * 32),
        ("sign_digest", "other.example", "rsa1", "00" * 32),
        ("sign_digest", "", "ed1", "00"),
        ("private_key", ""),
        ("rotate", "other.example/..", 1, 2),
    ],
)
def test_no_other_use_of_keys_is_answered(core, elsewhere, without, question, caplog):
    """Each would be answered if nobody looked: the other key is one, and Ed25519 signs octets of any length."""
    folder = core.config.data_path / "keys"
    folder.mkdir(exist_ok=True)
    (folder / "some.pem").write_bytes(dkim_keys.path(core.config, "rsa1").read_bytes())
    with pytest.raises(Busy, match="the keys could not be used"):
        key_agent.ask(*question)
    caplog.clear()


def test_a_private_key_is_no_certificate(core, elsewhere, without):
    assert key_agent.ask("read_certificate", str(core.config.key_path)) == ""
    assert "PRIVATE" not in key_agent.ask("read_certificate", str(core.config.certificate_path))


def test_without_an_agent_it_is_temporary(elsewhere, agent):
    agent.close()
    with pytest.raises(Busy, match="the keys cannot be asked for"):
        dkim_keys.current(elsewhere)


def test_a_lack_of_descriptors_ends_no_agent(elsewhere, without, agent, caplog):
    """Requests wait until there are descriptors again."""
    with socket.socket(socket.AF_UNIX) as asking:
        with descriptors.only(0):
            asking.connect("\0" + agent.address)
            assert until(lambda: "is not heard" in caplog.text, 30)
        asking.sendall(b'["current", ""]\n')
        asking.settimeout(30)
        assert json.loads(asking.recv(4096)) == {"result": [1, 0]}
    assert dkim_keys.current(elsewhere) == (1, 0)


def test_who_says_nothing_keeps_nobody_waiting(elsewhere, without, agent):
    with socket.socket(socket.AF_UNIX) as silent:
        silent.connect("\0" + agent.address)
        assert dkim_keys.current(elsewhere) == (1, 0)
