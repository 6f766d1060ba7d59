"""Signatures that others can verify with what we publish (RFC 6376, RFC 8463)."""

import stat

import dkim as reference
import pytest

from mailcore.config import Config
from mailcore.services import dkim

MESSAGE = b"From: ola@alumni.example\r\nTo: x@outside.example\r\nSubject: hei\r\n\r\nhei\r\n"


@pytest.fixture
def config(tmp_path) -> Config:
    made = Config(data=str(tmp_path))
    dkim.ensure_keys(made)
    return made


def verified(config: Config, octets: bytes) -> list[bool]:
    records = dkim.dns_records(config)

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


@pytest.mark.parametrize(("old", "new"), [
    (b"hei\r\n\r\n", b"ha\r\n\r\n"), (b"\r\n\r\nhei", b"\r\n\r\nha"), (b"To:", b"Reply-To: evil@b.example\r\nTo:"),
    (b"Subject:", b"Subject: another\r\nSubject:"),
])  # fmt: skip
def test_a_changed_message_does_not_verify(config, old, new):
    signed = dkim.sign(config, MESSAGE) + MESSAGE.replace(old, new)
    assert not signed.endswith(MESSAGE)
    assert verified(config, signed) == [False, False]


@pytest.mark.parametrize("octets", [b"From: a@b\r\nno colon here\r\n\r\nx\r\n", b"From: \xff@b\r\n\r\nx\r\n", b"no header\r\n"])
def test_a_strange_header_is_no_failure(config, octets):
    assert isinstance(dkim.sign(config, octets), bytes)


def test_keys_are_made_once_and_are_ours_alone(config):
    files = sorted((config.data_path / "dkim").iterdir())
    before = [file.read_bytes() for file in files]
    dkim.ensure_keys(config)
    assert sorted((config.data_path / "dkim").iterdir()) == files
    assert [file.read_bytes() for file in files] == before
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_without_keys_mail_goes_unsigned(tmp_path):
    assert dkim.sign(Config(data=str(tmp_path)), MESSAGE) == b""
