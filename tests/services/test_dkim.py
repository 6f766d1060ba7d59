"""Signatures that others can verify with what we publish (RFC 6376, RFC 8463)."""

import stat

import dkim as reference
import pytest

from mailcore.config import Config, Dns
from mailcore.errors import Busy
from mailcore.services.mailauth import dkim, dkim_keys

MESSAGE = b"From: ola@alumni.example\r\nTo: x@outside.example\r\nSubject: hei\r\n\r\nhei\r\n"


@pytest.fixture
def config(tmp_path) -> Config:
    made = Config(data=str(tmp_path))
    dkim_keys.ensure_keys(made)
    return made


def verified(config: Config, octets: bytes) -> list[bool]:
    records = dkim_keys.dns_records(config)

    def look(name: bytes, timeout: int = 5) -> bytes:
        return records[name.decode().rstrip(".")].encode()

    def one(number: int) -> bool:
        try:
            return reference.DKIM(octets).verify(number, dnsfunc=look)
        except reference.ValidationError:
            return False

    return [one(number) for number in (0, 1)]


def test_both_signatures_verify(config):
    assert verified(config, dkim.sign(config, MESSAGE) + MESSAGE) == [True, True]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"hei\r\n\r\n", b"ha\r\n\r\n"),
        (b"\r\n\r\nhei", b"\r\n\r\nha"),
        (b"To:", b"Reply-To: evil@b.example\r\nTo:"),
        (b"Subject:", b"Subject: another\r\nSubject:"),
    ],
)
def test_a_changed_message_does_not_verify(config, old, new):
    signed = dkim.sign(config, MESSAGE) + MESSAGE.replace(old, new)
    assert not signed.endswith(MESSAGE)
    assert verified(config, signed) == [False, False]


@pytest.mark.parametrize(
    "octets", [b"From: a@b\r\nno colon here\r\n\r\nx\r\n", b"From: \xff@b\r\n\r\nx\r\n", b"no header\r\n"]
)
def test_a_strange_header_is_no_failure(config, octets):
    assert isinstance(dkim.sign(config, octets), bytes)


def test_keys_are_made_once_and_are_ours_alone(config):
    files = sorted((config.data_path / "dkim").iterdir())
    before = [file.read_bytes() for file in files]
    dkim_keys.ensure_keys(config)
    assert sorted((config.data_path / "dkim").iterdir()) == files
    assert [file.read_bytes() for file in files] == before
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_without_keys_mail_goes_unsigned(tmp_path):
    assert dkim.sign(Config(data=str(tmp_path)), MESSAGE) == b""


def test_keys_are_rotated_in_steps_without_an_unverifiable_moment(tmp_path):
    """Published before they sign, and published until no message is on its way any more."""
    from mailcore import core as cores
    from tests.outside import dns_server, txt
    from tests.services.conftest import SetClock

    zone = {}
    with dns_server(zone) as server:
        clock = SetClock()
        core = cores.build(Config(data=str(tmp_path), dns=Dns((server,))), clock)
        try:
            config = core.config
            dkim_keys.ensure_keys(config)
            zone.update({(name, "TXT"): [txt(text)] for name, text in dkim_keys.dns_records(config).items()})
            first = dkim.sign(config, MESSAGE) + MESSAGE
            assert dkim_keys.rotate(core, force=False, actor="cli").made == 2
            assert b"s=rsa1;" in dkim.sign(config, MESSAGE)  # published first
            assert [name[:4] for name in dkim_keys.dns_records(config)] == ["rsa1", "ed1.", "rsa2", "ed2."]
            assert len(dkim_keys.rotate(core, force=False, actor="cli").missing) == 2
            clock.forward(hours=1)  # what is remembered of DNS
            zone.update({(name, "TXT"): [txt(text)] for name, text in dkim_keys.dns_records(config, [2]).items()})
            assert dkim_keys.rotate(core, force=False, actor="cli").signs == 2
            second = dkim.sign(config, MESSAGE) + MESSAGE
            assert b"s=rsa2;" in second
            assert b"s=ed2;" in second
            assert verified(config, first) == verified(config, second) == [True, True]
            clock.forward(days=15)
            assert dkim_keys.rotate(core, force=False, actor="cli").removed == (1,)
            assert dkim_keys.generations(config) == [2, 3]
            assert verified(config, second) == [True, True]
        finally:
            cores.close(core)


def test_a_rotation_by_command(tmp_path):
    from click.testing import CliRunner

    from mailcore.cli import main

    file = tmp_path / "alumnimail.toml"
    file.write_text(f'data = "{tmp_path}/var"\n[dns]\nservers = ["127.0.0.1:1"]\n')

    def run(*words: str):
        return CliRunner().invoke(main, ["--config", str(file), "dkim", *words])

    assert "rsa1" in run("list").output
    assert "made: rsa2 and ed2" in run("rotate").output
    refused = run("rotate")
    assert refused.exit_code == 1
    assert "sign from now on" in run("rotate", "--force").output
    assert '"selector": "rsa2",\n  "state": "signs"' in run("list", "--json").output
    shown = CliRunner().invoke(main, ["--config", str(file), "dns", "--zone"]).output
    assert "rsa1._domainkey" in shown
    assert "rsa2._domainkey" in shown


@pytest.mark.parametrize(
    "octets",
    [
        b"From: a@alumni.example\r\n\r\n",
        b"From: a@alumni.example\r\n\r\n\r\n\r\n",
        b"From: a@alumni.example\r\n\r\nno end",
        b"From: a@alumni.example\r\n\r\n \t\r\n\r\nx \t y\t\r\n\r\n\r\n",
        b"From: a@alumni.example\r\nSubject:  x \r\n\t y\t \r\n\r\n\tx  \r\n",
        b"fRoM:a@alumni.example\r\nSubject: one\r\nSubject: two\r\nTo: x@y.example\r\n\r\n.\r\n..\r\n",
        "From: Åse <a@alumni.example>\r\nSubject: blå\r\n\r\næøå\r\n".encode(),
    ],
)
def test_odd_but_lawful_messages_verify(config, octets):
    assert verified(config, dkim.sign(config, octets) + octets) == [True, True]


ARRIVED = b"Authentication-Results: mx.alumni.example; spf=pass smtp.mailfrom=a.example\r\n" + MESSAGE


@pytest.fixture
def rotated(config, monkeypatch):
    """The keys change between a look at which of them sign, the first one, and their use."""
    before, look = dkim_keys.list_signers(config), dkim_keys.list_signers
    dkim_keys._make(config, 2, "")
    (dkim_keys.folder(config) / "current").write_text("2 0\n")
    for kind in dkim_keys.ALGORITHMS:
        dkim_keys.path(config, f"{kind}1").unlink()
    first = [before]
    monkeypatch.setattr(dkim_keys, "list_signers", lambda *args: first.pop() if first else look(*args))
    return first


@pytest.mark.usefixtures("rotated")
def test_a_key_that_goes_while_a_message_is_signed_is_replaced_by_the_next(config):
    fields = dkim.sign(config, MESSAGE)
    assert b"s=rsa2;" in fields
    assert verified(config, fields + MESSAGE) == [True, True]


@pytest.mark.usefixtures("rotated")
def test_a_key_that_goes_while_a_message_is_sealed_is_replaced_by_the_next(config):
    fields = dkim.seal(config, ARRIVED)
    records = dkim_keys.dns_records(config)
    done, _, _ = reference.arc_verify(
        fields + ARRIVED, dnsfunc=lambda name, timeout=5: records[name.decode()[:-1]].encode()
    )
    assert done == reference.CV_Pass
    assert b"s=rsa2;" in fields.replace(b"\r\n ", b"")


def test_a_signature_is_never_empty(config, rotated):
    """A verifier would find a broken signature in our name; unsigned, the message waits or goes without a seal."""
    rotated.extend([list(rotated[0])] * 3)
    with pytest.raises(Busy):
        dkim.sign(config, MESSAGE)
    assert dkim.seal(config, ARRIVED) == b""
